/* SPDX-License-Identifier: MIT */
/*
 * inflight.c - intercepts calls after which the kernel still reads pages of the program:
 *	vmsplice(), and the sending functions with MSG_ZEROCOPY
 *
 * A pipe or a socket then holds the pages themselves, and its reader gets what they contain at
 * that time.  A program may free such a block at once where freeing unmaps it, as the C
 * library does with large ones.  So the pages are noted, and the block ends with new ones.
 *
 * A buffer is noted before the call.  An array of buffers may be no pointer at all, which the
 * kernel finds out, so it is read after the call.  That is too late if another thread frees the
 * block between: it can know that the pages are in the pipe, because it has passed them on.  So
 * vmsplice() looks beforehand where it can.  What is received from a socket is a copy: who has
 * all of it need not fear for the rest, so sendmsg() looks afterwards only.
 */
#include <pages/attr.h>

#include <stdatomic.h>
#include <stdint.h>

#include "os/os.h"

#include "calls.h"
#include "shim.h"
#include "watch.h"

#define SHIM PAGES_API

#ifndef MSG_ZEROCOPY
#define MSG_ZEROCOPY 0x4000000
#endif

enum { MOST_BUFFERS = 1024 };	/* that the kernel takes */

/* One buffer. ------------------------------------------------------------- */

void
pages_watch_send(const void *p, size_t len, int flags)
{
	if ((flags & MSG_ZEROCOPY) != 0)
		pages_watch_range(p, len);
}

SHIM ssize_t
send(int fd, const void *p, size_t len, int flags)
{
	pages_watch_send(p, len, flags);
	return PAGES_CALL(send)(fd, p, len, flags);
}

SHIM ssize_t
sendto(int fd, const void *p, size_t len, int flags, PAGES_SOCKADDR_ARG to, socklen_t to_len)
{
	pages_watch_send(p, len, flags);
	return PAGES_CALL(sendto)(fd, p, len, flags, to, to_len);
}

/* Many. ------------------------------------------------------------------- */

static void
note(const struct iovec *v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		pages_watch_range(v[i].iov_base, v[i].iov_len);
}

/* The kernel answers that by a call which a sandbox may forbid. */
static bool
can_ask(void)
{
	const struct pages_heap *h = &pages_shim_heap;

	return atomic_load(&h->base) != NULL && !atomic_load(&h->confined) &&
	       !h->facts.os.filtered;
}

static bool
is_readable(const void *p, size_t len)
{
	size_t page = pages_os_page_size();
	uintptr_t at = (uintptr_t)p, end = at + len;

	for (; at < end; at = (at / page + 1) * page)
		if (!pages_os_readable((const void *)(at / 8 * 8)))	/* in one page */
			return false;
	return true;
}

bool
pages_watch_vmsplice_early(const struct iovec *v, size_t n)
{
	if (n > MOST_BUFFERS || !can_ask() || !is_readable(v, n * sizeof(*v)))
		return false;
	note(v, n);
	return true;
}

void
pages_watch_vmsplice(const struct iovec *v, size_t n)
{
	note(v, n);
}

SHIM ssize_t
vmsplice(int fd, const struct iovec *v, size_t n, unsigned flags)
{
	bool noted = pages_watch_vmsplice_early(v, n);
	ssize_t result = PAGES_CALL(vmsplice)(fd, v, n, flags);

	if (!noted && result > 0)
		pages_watch_vmsplice(v, n);
	return result;
}

void
pages_watch_sendmsg(const struct msghdr *m, int flags)
{
	if ((flags & MSG_ZEROCOPY) != 0)
		note(m->msg_iov, (size_t)m->msg_iovlen);
}

SHIM ssize_t
sendmsg(int fd, const struct msghdr *m, int flags)
{
	ssize_t result = PAGES_CALL(sendmsg)(fd, m, flags);

	if (result > 0)
		pages_watch_sendmsg(m, flags);
	return result;
}

void
pages_watch_sendmmsg(const struct mmsghdr *m, size_t sent, int flags)
{
	for (size_t i = 0; (flags & MSG_ZEROCOPY) != 0 && i < sent; i++)
		pages_watch_sendmsg(&m[i].msg_hdr, flags);
}

SHIM int
sendmmsg(int fd, struct mmsghdr *m, unsigned n, PAGES_SENDMMSG_FLAGS flags)
{
	int result = PAGES_CALL(sendmmsg)(fd, m, n, flags);

	if (result > 0)
		pages_watch_sendmmsg(m, (size_t)result, (int)flags);
	return result;
}
