/* SPDX-License-Identifier: MIT */
/*
 * locked.h - attributes by which clang checks that callers hold the heap's lock
 *
 * clang checks them at every call (-Wthread-safety); for other compilers they are comments.
 * One role stands for the locks of all heaps, because no function works on two heaps.
 */
#ifndef PAGES_HEAP_LOCKED_H
#define PAGES_HEAP_LOCKED_H

#include <stdbool.h>

#if defined(__clang__) && !defined(PAGES_NO_LOCK_ROLE)
#define PAGES_ROLE_ATTRIBUTE(x) __attribute__((x))
#else
#define PAGES_ROLE_ATTRIBUTE(x)
#endif

/* Only a name for the attributes: it is declared, but defined nowhere. */
struct PAGES_ROLE_ATTRIBUTE(capability("heap lock")) pages_role {
	int unused;
};
extern struct pages_role pages_heap_role;

/* The caller holds the lock. */
#define PAGES_LOCKED PAGES_ROLE_ATTRIBUTE(requires_capability(pages_heap_role))
/* The function takes the lock; takes it if it returns true; releases it. */
#define PAGES_LOCKS PAGES_ROLE_ATTRIBUTE(acquire_capability(pages_heap_role))
#define PAGES_TRY_LOCKS PAGES_ROLE_ATTRIBUTE(try_acquire_capability(true, pages_heap_role))
#define PAGES_UNLOCKS PAGES_ROLE_ATTRIBUTE(release_capability(pages_heap_role))
/* The function locks in a way that the analysis cannot follow. */
#define PAGES_LOCK_UNCHECKED PAGES_ROLE_ATTRIBUTE(no_thread_safety_analysis)

#endif /* PAGES_HEAP_LOCKED_H */
