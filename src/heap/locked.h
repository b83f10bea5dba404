/* SPDX-License-Identifier: MIT */
/*
 * locked.h - "the caller holds the heap's lock", as the compiler checks it
 *
 * clang compares these attributes with what every caller does (-Wthread-safety); for other
 * compilers they are comments.  All heaps share one role: which heap's lock it is does not
 * matter, as no function has to do with two heaps.
 */
#ifndef PAGES_HEAP_LOCKED_H
#define PAGES_HEAP_LOCKED_H

#include <stdbool.h>

#if defined(__clang__)
#define PAGES_ROLE_ATTRIBUTE(x) __attribute__((x))
#else
#define PAGES_ROLE_ATTRIBUTE(x)
#endif

/* Declared for the attributes to name; there is no such object. */
struct PAGES_ROLE_ATTRIBUTE(capability("heap lock")) pages_role {
	int unused;
};
extern struct pages_role pages_heap_role;

/* The caller holds the lock. */
#define PAGES_LOCKED PAGES_ROLE_ATTRIBUTE(requires_capability(pages_heap_role))
/* The function takes it, takes it if it returns true, releases it. */
#define PAGES_LOCKS PAGES_ROLE_ATTRIBUTE(acquire_capability(pages_heap_role))
#define PAGES_TRY_LOCKS PAGES_ROLE_ATTRIBUTE(try_acquire_capability(true, pages_heap_role))
#define PAGES_UNLOCKS PAGES_ROLE_ATTRIBUTE(release_capability(pages_heap_role))
/* What the analysis cannot follow. */
#define PAGES_LOCK_UNCHECKED PAGES_ROLE_ATTRIBUTE(no_thread_safety_analysis)

#endif /* PAGES_HEAP_LOCKED_H */
