/* SPDX-License-Identifier: MIT */
/*
 * counted_calls.h - what a library asks of the kernel, counted; for tests only
 *
 * The program defines the functions of the C library by which the shim changes
 * mappings, enters the kernel and copies memory, so that the dynamic linker gives it
 * these.  Needs no tracer, which containers often forbid.
 */
#ifndef PAGES_TESTS_COUNTED_CALLS_H
#define PAGES_TESTS_COUNTED_CALLS_H

#include <stdatomic.h>
#include <stdint.h>

struct counted_calls {
	_Atomic uint64_t calls;		/* of the kernel, but for these: */
	_Atomic uint64_t marked;	/* memory left to the kernel, and had again; depends on the time */
	_Atomic uint64_t lost;		/* bytes that were resident in what was unmapped or dropped */
	_Atomic uint64_t moved;		/* bytes of address space, by page tables */
	_Atomic uint64_t copied;	/* bytes, by memcpy or memmove */
};
extern struct counted_calls counted;

#endif /* PAGES_TESTS_COUNTED_CALLS_H */
