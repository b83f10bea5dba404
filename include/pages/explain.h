/* SPDX-License-Identifier: MIT */
/*
 * explain.h - what a crash on pages was about; included by pages.h
 *
 *	pages: cannot store to 0x7f1c5a3f2010, byte 16 of 4096 at 0x7f1c5a3f2000
 *	"symbols": read-only since pages_to_ro at table.c:88, 0.31 s ago
 */
#ifndef PAGES_EXPLAIN_H
#define PAGES_EXPLAIN_H

#ifndef PAGES_PAGES_H
#error include <pages/pages.h>
#endif

PAGES_BEGIN_C

/*
 * pages_explain_faults - from now on, say on stderr what a fault on pages hit
 *
 * A handler for SIGSEGV and SIGBUS looks the address up among the handles that
 * were opened or changed since this call, and among the last few that were closed,
 * prints one line, and lets the signal take the course it had before: to the
 * handler that was there, or to a core dump.  Addresses that have nothing to do
 * with pages get no line.  Closing or changing pages a second time, through a
 * copied handle, ends the process with a line of its own.
 *
 * Meant for development: each open, close and transition takes a lock and a few
 * dozen ns more, and there is room for 65 536 handles, beyond which new ones are
 * not explained.
 * Returns 0, also when called again; -ENOMEM.
 * Threads: any, but not while another thread installs handlers of its own.
 */
PAGES_API PAGES_MUST_CHECK int pages_explain_faults(void);

PAGES_END_C

#endif /* PAGES_EXPLAIN_H */
