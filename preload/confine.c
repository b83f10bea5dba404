/* SPDX-License-Identifier: MIT */
/*
 * confine.c - intercepts prctl() and chroot(), by which a process gives up rights
 *
 * What the heap has to know about the machine it finds in /proc and /sys.  Programs that protect
 * themselves often do so before they need much memory: after chroot() these files are gone, and
 * a seccomp filter may end the process at the first call that it does not expect.  So the heap
 * looks around before that.
 *
 * A filter needs PR_SET_NO_NEW_PRIVS first, or privileges.  A process may have inherited that
 * from its parent, as services and containers do.  Nothing follows: most of these never install
 * a filter of their own, and those who do so by prctl() or syscall() are noticed then.
 *
 * PR_SET_VMA names mappings, which cannot be merged with others any more.
 */
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>

#include <pages/attr.h>

#include "os/os.h"

#include "calls.h"
#include "shim.h"
#include "watch.h"

#define SHIM PAGES_API

/* Has this process a heap, which is not prepared for a sandbox yet? */
static bool
is_at_large(void)
{
	struct pages_heap *h = &pages_shim_heap;

	pages_shim_start();
	return !atomic_load(&h->confined) &&
	       (pages_shim_is_active() || atomic_load(&h->base) != NULL);
}

/*
 * In a child of vfork(), too, whose memory is its parent's: the parent's heap does without some
 * features from then on.  A child of clone() cannot be told from it before the heap is open.
 */
static void
prepare(void)
{
	bool here = pages_heap_is_here(&pages_shim_heap);

	pages_heap_confine(&pages_shim_heap);
	if (here)
		pages_shim_report(false);
}

void
pages_watch_sandbox(void)
{
	if (is_at_large())
		prepare();
}

void
pages_watch_prctl(int option, const unsigned long arg[4])
{
	enum { SET_VMA = 0x53564d41 };	/* newer than some C libraries */

	if (option == SET_VMA)
		pages_watch_range((const void *)arg[1], arg[2]);
	if (option == PR_SET_NO_NEW_PRIVS || option == PR_SET_SECCOMP)
		pages_watch_sandbox();
}

void
pages_watch_chroot(void)
{
	if (is_at_large())
		pages_heap_look_around(&pages_shim_heap);
}

/* Like the C library's, it passes on four arguments, however many there are. */
SHIM int
prctl(int option, ...)
{
	unsigned long arg[4];
	va_list ap;

	va_start(ap, option);
	for (size_t i = 0; i < sizeof(arg) / sizeof(arg[0]); i++)
		arg[i] = va_arg(ap, unsigned long);
	va_end(ap);
	pages_watch_prctl(option, arg);
	return PAGES_CALL(prctl)(option, arg[0], arg[1], arg[2], arg[3]);
}

SHIM int
chroot(const char *path)
{
	pages_watch_chroot();
	return PAGES_CALL(chroot)(path);
}
