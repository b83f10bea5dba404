/* SPDX-License-Identifier: MIT */
/*
 * note.h - what is known about regions while faults are explained (pages/explain.h)
 *
 * Costs one load and a branch when they are not, which is the rule.  call is "name
 * at file:line", a string that lasts.
 */
#ifndef PAGES_NOTE_H
#define PAGES_NOTE_H

#include <stdatomic.h>

#include <pages/pages.h>

#include "os/base.h"

enum {
	PAGES_LABEL_SIZE = 80,	/* with the NUL */
	PAGES_NOTE_SAME = 8,	/* for prot: as it was */
};

extern _Atomic bool pages_noting_;

void pages_note_open_(struct pages_raw_ p, unsigned prot, const char *label, const char *call);
void pages_note_change_(struct pages_raw_ old, struct pages_raw_ now, unsigned prot,
			const char *call);
void pages_note_label_(struct pages_raw_ p, const char *label);
void pages_note_close_(struct pages_raw_ p, const char *call);
void pages_note_use_(struct pages_raw_ p, const char *call);

static inline bool
pages_noting(void)
{
	return PAGES_UNLIKELY(atomic_load_explicit(&pages_noting_, memory_order_acquire));
}

static inline void
pages_note_open(struct pages_raw_ p, unsigned prot, const char *label, const char *call)
{
	if (pages_noting())
		pages_note_open_(p, prot, label, call);
}

/* Permissions or place are new. */
static inline void
pages_note_change(struct pages_raw_ old, struct pages_raw_ now, unsigned prot, const char *call)
{
	if (pages_noting())
		pages_note_change_(old, now, prot, call);
}

static inline void
pages_note_label(struct pages_raw_ p, const char *label)
{
	if (pages_noting())
		pages_note_label_(p, label);
}

/* Before anything is done: ends the process if p is known to be gone already. */
static inline void
pages_note_use(struct pages_raw_ p, const char *call)
{
	if (pages_noting())
		pages_note_use_(p, call);
}

/* The same, and p is gone now.  Before it is unmapped: its place may be reused at once. */
static inline void
pages_note_close(struct pages_raw_ p, const char *call)
{
	if (pages_noting())
		pages_note_close_(p, call);
}

#endif /* PAGES_NOTE_H */
