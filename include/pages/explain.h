/* SPDX-License-Identifier: MIT */
/*
 * explain.h - explains crashes on pages by a line on stderr; included by pages.h
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
 * pages_explain_faults - from now on, print to stderr which pages a fault hit, and why
 *
 * Installs a handler for SIGSEGV and SIGBUS.  It looks the address up among the handles
 * that were opened or changed since this call, and among those that were closed lately, and
 * prints one line.  Then the signal goes to the handler that was installed before, or kills
 * the process and dumps core.  Addresses that are not on pages or their guards get no line.
 * Where a copy of a handle ends the process, the line tells which call closed its pages.
 *
 * Meant for development: each open, close and transition takes a lock and a few dozen ns
 * more.  There is room for about 65 536 open handles; some may get no explanation before
 * that, because each has only 32 possible places in a hash table.
 * Returns 0, also when called again; -ENOMEM.
 * Threads: any, but not while another thread installs signal handlers.
 */
PAGES_API PAGES_MUST_CHECK int pages_explain_faults(void);

PAGES_END_C

#endif /* PAGES_EXPLAIN_H */
