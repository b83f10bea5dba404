/* SPDX-License-Identifier: MIT */
/*
 * counted_calls.h - counts the system calls and copies of a preloaded library; for tests only
 *
 * The program defines the C library's functions by which the shim changes mappings, makes system
 * calls and copies memory, so the dynamic linker binds the shim to these.  That needs no tracer,
 * which containers often forbid.
 */
#ifndef PAGES_TESTS_COUNTED_CALLS_H
#define PAGES_TESTS_COUNTED_CALLS_H

#include <stdatomic.h>
#include <stdint.h>

struct counted_calls {
	_Atomic uint64_t calls;		/* system calls, without the next: */
	_Atomic uint64_t marked;	/* calls that mark or unmark memory; depends on timing */
	_Atomic uint64_t lost;		/* resident bytes that were unmapped or dropped */
	_Atomic uint64_t moved;		/* bytes of address space moved by page tables */
	_Atomic uint64_t copied;	/* bytes, by memcpy or memmove */
};
extern struct counted_calls counted;

#endif /* PAGES_TESTS_COUNTED_CALLS_H */
