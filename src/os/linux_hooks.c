/* SPDX-License-Identifier: MIT */
/*
 * linux_hooks.c - notices that functions by which mappings change have been hooked
 *
 * Two ways are usual: to overwrite the first instructions of a function with a jump, and to
 * change the slots of the global offset tables, by which the libraries of the process call it.
 */
#include "os.h"

#include <stdatomic.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>

#include "base.h"

/* A jump to any address takes 12 to 16 bytes. */
enum { FUNCTIONS = 3, ENTRY_BYTES = 16 };

/* What others may change: the slot by which this library calls a function, and two entries. */
struct traces {
	uintptr_t slot[FUNCTIONS];
	unsigned char entry[FUNCTIONS][ENTRY_BYTES];
	unsigned char behind[FUNCTIONS][ENTRY_BYTES];
};

static struct traces remembered;
static const void *behind_them[FUNCTIONS];
static _Atomic bool known, hooked;

static void
look(struct traces *t)
{
	/* Compilers load these addresses from the slots, and each time anew. */
	t->slot[0] = (uintptr_t)munmap;
	t->slot[1] = (uintptr_t)mremap;
	t->slot[2] = (uintptr_t)madvise;
	for (int i = 0; i < FUNCTIONS; i++) {
		const void *entry = (const void *)t->slot[i];

		memcpy(t->entry[i], entry, ENTRY_BYTES);
		memcpy(t->behind[i], behind_them[i] != NULL ? behind_them[i] : entry, ENTRY_BYTES);
	}
}

void
pages_os_remember_calls(const void *const behind[3], bool already)
{
	for (int i = 0; i < FUNCTIONS && behind != NULL; i++)
		behind_them[i] = behind[i];
	look(&remembered);
	atomic_store(&hooked, already);
	atomic_store_explicit(&known, true, memory_order_release);
}

PAGES_HOT bool
pages_os_is_hooked(void)
{
	struct traces now;

	if (PAGES_UNLIKELY(!atomic_load_explicit(&known, memory_order_acquire)))
		return false;
	if (atomic_load_explicit(&hooked, memory_order_relaxed))
		return true;
	look(&now);
	if (PAGES_LIKELY(memcmp(&now, &remembered, sizeof(now)) == 0))
		return false;
	atomic_store_explicit(&hooked, true, memory_order_relaxed);
	return true;
}
