/* SPDX-License-Identifier: MIT */
/*
 * linux_hooks.c - notices that somebody has hooked the functions by which mappings change
 *
 * Libraries for fast networks (UCX, libfabric, Open MPI) remember which memory is registered with
 * the card, and hook these functions to learn when that changes.  Two ways are usual: they
 * overwrite the first instructions of the C library's function, or the slots of the global
 * offset tables, by which the libraries of the process call it.
 */
#include "os.h"

#include <stdatomic.h>
#include <stdint.h>
#include <string.h>

#include "base.h"
#include "linux_calls.h"

/* A jump to any address takes 12 to 16 bytes. */
enum { FUNCTIONS = 3, ENTRY_BYTES = 16 };

struct function {
	const unsigned char *entry;
	uintptr_t slot;
	unsigned char bytes[ENTRY_BYTES];
};

static struct function seen[FUNCTIONS];
enum { UNSEEN, LOOKING, UNHOOKED, HOOKED };
static _Atomic int state;

static void
look(struct function f[FUNCTIONS])
{
	/* The addresses come from slots, unless the program is linked statically. */
	f[0].slot = (uintptr_t)munmap;
	f[1].slot = (uintptr_t)mremap;
	f[2].slot = (uintptr_t)madvise;
	f[0].entry = (const unsigned char *)(uintptr_t)pages_os_calls.munmap;
	f[1].entry = (const unsigned char *)(uintptr_t)pages_os_calls.mremap;
	f[2].entry = (const unsigned char *)(uintptr_t)pages_os_calls.madvise;
	for (int i = 0; i < FUNCTIONS; i++)
		memcpy(f[i].bytes, f[i].entry, ENTRY_BYTES);
}

PAGES_HOT bool
pages_os_is_hooked(void)
{
	struct function now[FUNCTIONS];
	int was = UNSEEN;

	if (PAGES_UNLIKELY(atomic_load_explicit(&state, memory_order_acquire) != UNHOOKED)) {
		if (!atomic_compare_exchange_strong(&state, &was, LOOKING))
			return was == HOOKED;
		look(seen);
		was = pages_os_calls.hooked ? HOOKED : UNHOOKED;
		atomic_store_explicit(&state, was, memory_order_release);
		return was == HOOKED;
	}
	look(now);
	if (PAGES_LIKELY(memcmp(now, seen, sizeof(now)) == 0))
		return false;
	atomic_store(&state, HOOKED);
	return true;
}
