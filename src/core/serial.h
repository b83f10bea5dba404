/* SPDX-License-Identifier: MIT */
/*
 * serial.h - notices that a handle is a copy of one whose pages are gone
 *
 * The pages' address tells nothing: others may lie there by now, and closing the copy would unmap
 * them.  So a handle has a serial number, which is new when the pages are opened and when their
 * address range changes.  A table remembers numbers that are gone: each in the slot that is its
 * remainder, until another number of that slot goes.  So a copy is noticed for certain as long as
 * fewer than PAGES_SERIALS numbers were given out since.  A live handle is never taken for a copy:
 * in 32 bits, where numbers return, its slot has long been in use for others by then.
 *
 * Threads: any; of two that close copies at the same time one is caught.
 * Cost: for a close one atomic exchange, and a load for other calls.  The table's memory is
 * touched as it fills, up to 64 KiB.
 */
#ifndef PAGES_SERIAL_H
#define PAGES_SERIAL_H

#include <stdatomic.h>
#include <stdint.h>

#include "os/base.h"

enum { PAGES_SERIALS = 8192 };

extern _Atomic uintptr_t pages_serials_gone_[PAGES_SERIALS];
extern _Atomic uintptr_t pages_serial_last_;

/*
 * Print that a handle is not what the program takes it for, and abort.  call is "name at file:line",
 * or only the name; what and why are at most 200 bytes together.
 */
_Noreturn void pages_die_of(const char *call, const char *what, const char *why);
_Noreturn void pages_die_gone(const char *call);

/* A number for pages that have just been mapped. */
static inline uintptr_t
pages_serial_new(void)
{
	return atomic_fetch_add_explicit(&pages_serial_last_, 1, memory_order_relaxed) + 1;
}

/* Abort if the number is gone. */
static inline void
pages_serial_expect(uintptr_t serial, const char *call)
{
	_Atomic uintptr_t *slot = &pages_serials_gone_[serial % PAGES_SERIALS];

	if (PAGES_UNLIKELY(atomic_load_explicit(slot, memory_order_relaxed) == serial))
		pages_die_gone(call);
}

/* The number goes, before its pages do; aborts if it is gone already. */
static inline void
pages_serial_retire(uintptr_t serial, const char *call)
{
	_Atomic uintptr_t *slot = &pages_serials_gone_[serial % PAGES_SERIALS];

	if (PAGES_UNLIKELY(atomic_exchange_explicit(slot, serial, memory_order_relaxed) == serial))
		pages_die_gone(call);
}

/*
 * The pages stay where they are, but have another owner from now on: they get another number.
 * Aborts as pages_serial_retire() does.
 */
static inline void
pages_serial_renew(uintptr_t *serial, const char *call)
{
	pages_serial_retire(*serial, call);
	*serial = pages_serial_new();
}

#endif /* PAGES_SERIAL_H */
