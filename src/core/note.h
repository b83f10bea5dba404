/* SPDX-License-Identifier: MIT */
/*
 * note.h - records what happens to regions, for pages_explain_faults() (pages/explain.h), and
 *	notices copies of handles, always by their serial numbers
 *
 * The page core calls these functions at every open, change and close.  While faults are not
 * explained, which is the usual case, each costs a load and a branch, and what serial.h says.
 *
 * call is a string literal, "name at file:line".  It is kept, not copied.
 * Threads: any.  A note is lost if the table's lock cannot be had in about 20 ms.
 */
#ifndef PAGES_NOTE_H
#define PAGES_NOTE_H

#include <stdatomic.h>

#include <pages/pages.h>

#include "os/base.h"
#include "serial.h"

enum {
	PAGES_LABEL_SIZE = 80,	/* bytes, with the NUL */
	PAGES_NOTE_SAME = 8,	/* as prot: the permissions have not changed */
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

/* The permissions, the length or the address of a region have changed. */
static inline void
pages_note_change(struct pages_raw_ old, struct pages_raw_ now, unsigned prot, const char *call)
{
	if (pages_noting())
		pages_note_change_(old, now, prot, call);
	if (now.serial_ != old.serial_)
		pages_serial_retire(old.serial_, call);
}

static inline void
pages_note_label(struct pages_raw_ p, const char *label)
{
	if (pages_noting())
		pages_note_label_(p, label);
}

/* Called before a change: aborts if p was closed already. */
static inline void
pages_note_use(struct pages_raw_ p, const char *call)
{
	if (pages_noting())
		pages_note_use_(p, call);
	pages_serial_expect(p.serial_, call);
}

/*
 * Aborts as pages_note_use() does, else records that p is closed.  Called before p is
 * unmapped, because afterwards another thread may get the address at once.
 */
static inline void
pages_note_close(struct pages_raw_ p, const char *call)
{
	if (pages_noting())
		pages_note_close_(p, call);
	pages_serial_retire(p.serial_, call);
}

#endif /* PAGES_NOTE_H */
