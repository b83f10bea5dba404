/* SPDX-License-Identifier: MIT */
/*
 * inflight.c - tests the shim in a program that frees blocks which the kernel still reads
 *
 * A part of a block goes into a pipe, or to a socket without a copy.  Then the block is freed or
 * cut off, and others are allocated and written.  Whoever reads the pipe or the socket must get
 * what the block contained.  Prints one line for each way, and exits 0 if all hold.
 */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#define KIB ((size_t)1 << 10)
#define MIB ((size_t)1 << 20)
#define PAGE ((size_t)4096)
#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))

enum { ZEROCOPY = 0x4000000 };	/* MSG_ZEROCOPY; and the option of sockets: */
enum { SO_ZEROCOPY_ = 60 };
enum { NOW = ZEROCOPY | MSG_DONTWAIT | MSG_NOSIGNAL };

/* Ways to send: the number of bytes sent, or -1. --------------------------- */

static ssize_t
by_vmsplice(int fd, char *p, size_t len)
{
	struct iovec v[2] = { { p, len / 2 }, { p + len / 2, len - len / 2 } };

	return vmsplice(fd, v, 2, SPLICE_F_NONBLOCK);
}

static ssize_t
by_raw_vmsplice(int fd, char *p, size_t len)
{
	struct iovec v = { p, len };

	return syscall(SYS_vmsplice, (long)fd, &v, 1L, (long)SPLICE_F_NONBLOCK);
}

static ssize_t
by_send(int fd, char *p, size_t len)
{
	return send(fd, p, len, NOW);
}

static ssize_t
by_sendto(int fd, char *p, size_t len)
{
	return sendto(fd, p, len, NOW, NULL, 0);
}

static ssize_t
by_raw_sendto(int fd, char *p, size_t len)
{
	return syscall(SYS_sendto, (long)fd, p, len, (long)NOW, NULL, 0L);
}

static ssize_t
by_sendmsg(int fd, char *p, size_t len)
{
	struct iovec v[2] = { { p, len / 2 }, { p + len / 2, len - len / 2 } };
	struct msghdr m = { .msg_iov = v, .msg_iovlen = 2 };

	return sendmsg(fd, &m, NOW);
}

static ssize_t
by_raw_sendmsg(int fd, char *p, size_t len)
{
	struct iovec v = { p, len };
	struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1 };

	return syscall(SYS_sendmsg, (long)fd, &m, (long)NOW);
}

static ssize_t
by_sendmmsg(int fd, char *p, size_t len)
{
	struct iovec v = { p, len };
	struct mmsghdr m = { .msg_hdr = { .msg_iov = &v, .msg_iovlen = 1 } };

	return sendmmsg(fd, &m, 1, NOW) == 1 ? (ssize_t)m.msg_len : -1;
}

static ssize_t
by_raw_sendmmsg(int fd, char *p, size_t len)
{
	struct iovec v = { p, len };
	struct mmsghdr m = { .msg_hdr = { .msg_iov = &v, .msg_iovlen = 1 } };

	return syscall(SYS_sendmmsg, (long)fd, &m, 1L, (long)NOW) == 1 ? (ssize_t)m.msg_len : -1;
}

static const struct way {
	const char *name;
	ssize_t (*send)(int fd, char *p, size_t len);
	bool socket;
} ways[] = {
	{ "vmsplice", by_vmsplice, false },
	{ "vmsplice by syscall()", by_raw_vmsplice, false },
	{ "send", by_send, true },
	{ "sendto", by_sendto, true },
	{ "sendto by syscall()", by_raw_sendto, true },
	{ "sendmsg", by_sendmsg, true },
	{ "sendmsg by syscall()", by_raw_sendmsg, true },
	{ "sendmmsg", by_sendmmsg, true },
	{ "sendmmsg by syscall()", by_raw_sendmmsg, true },
};

/* The checks. ------------------------------------------------------------- */

/* A connection over the loopback device; only TCP and UDP send without a copy. */
static bool
connect_both(int end[2])
{
	struct sockaddr_in at = { .sin_family = AF_INET,
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(at);
	int on = 1, room = 4 << 20, listener = socket(AF_INET, SOCK_STREAM, 0);
	bool good;

	end[0] = -1;
	end[1] = socket(AF_INET, SOCK_STREAM, 0);
	good = bind(listener, (struct sockaddr *)&at, len) == 0 && listen(listener, 1) == 0 &&
	       getsockname(listener, (struct sockaddr *)&at, &len) == 0 &&
	       setsockopt(end[1], SOL_SOCKET, SO_SNDBUF, &room, sizeof(room)) == 0 &&
	       setsockopt(end[1], SOL_SOCKET, SO_ZEROCOPY_, &on, sizeof(on)) == 0 &&
	       connect(end[1], (struct sockaddr *)&at, len) == 0 &&
	       (end[0] = accept(listener, NULL, NULL)) >= 0;
	close(listener);
	return good;
}

/* Does fd contain exactly sent bytes 'A'? */
static bool
is_intact(int fd, size_t sent)
{
	static char buf[1 << 16];
	size_t got = 0;
	ssize_t n;

	while ((n = read(fd, buf, sizeof(buf))) > 0) {
		for (ssize_t i = 0; i < n; i++)
			if (buf[i] != 'A')
				return false;
		got += (size_t)n;
	}
	return n == 0 && got == sent;
}

/* The second half of a block of this size, freed with it or cut off.  *known: it can be sent. */
static bool
try(const struct way *w, size_t size, bool shrink, bool *known)
{
	char *p = malloc(size), *others[8];
	char *from = (char *)(((uintptr_t)p + size / 2 + PAGE - 1) / PAGE * PAGE);
	int end[2];
	ssize_t sent = -1;
	bool good = true;

	memset(p, 'A', size);
	if (w->socket ? connect_both(end) : pipe(end) == 0)
		sent = w->send(end[1], from, (size_t)(p + size - from) / PAGE * PAGE);
	*known = sent > 0;
	p = realloc(p, shrink ? PAGE * 64 : 0);
	for (size_t i = 0; i < ARRAY_LEN(others); i++) {
		others[i] = malloc(size);
		memset(others[i], 'B', size);
	}
	if (sent > 0) {
		w->socket ? (void)shutdown(end[1], SHUT_WR) : (void)close(end[1]);
		good = is_intact(end[0], (size_t)sent);
	}
	close(end[0]);
	close(end[1]);
	for (size_t i = 0; i < ARRAY_LEN(others); i++)
		free(others[i]);
	free(p);
	if (!good)
		printf("# %s, %zu bytes, %s\n", w->name, size, shrink ? "shrunk" : "freed");
	return good;
}

/* Arrays that are none: the kernel's answer, no fault. */
static bool
errors_are_the_kernels(void)
{
	char *nothing = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
			     0);
	struct iovec *last = (struct iovec *)(void *)(nothing + PAGE) - 1;
	int end[2];
	bool good;

	if (pipe(end) != 0 || nothing == MAP_FAILED || munmap(nothing + PAGE, PAGE) != 0)
		return false;
	*last = (struct iovec){ nothing, 16 };
	good = vmsplice(end[1], (void *)PAGE, 1, 0) == -1 && errno == EFAULT &&
	       vmsplice(end[1], last, 2, 0) == -1 && errno == EFAULT &&
	       vmsplice(end[1], last, SIZE_MAX / 4, 0) == -1 && errno == EINVAL &&
	       vmsplice(end[1], last, 1, 0) == 16 &&
	       syscall(SYS_vmsplice, (long)end[1], nothing + PAGE, 1L, 0L) == -1 && errno == EFAULT &&
	       syscall(SYS_vmsplice, -1L, last, 1L, 0L) == -1 && errno == EBADF &&
	       (!PAGES_GLIBC ||	/* musl's reads it, too */
		(sendmsg(end[1], (void *)PAGE, NOW) == -1 && errno != 0));
	close(end[0]);
	close(end[1]);
	munmap(nothing, PAGE);
	return good;
}

int
main(void)
{
	static const size_t sizes[] = { 600 * KIB, 2 * MIB, 8 * MIB };
	int failed = 0;

	for (size_t i = 0; i < ARRAY_LEN(ways); i++) {
		bool good = true, known = true;

		for (size_t j = 0; known && j < 2 * ARRAY_LEN(sizes); j++)
			good = try(&ways[i], sizes[j / 2], j % 2 != 0, &known) && good;
		printf("%s - %s%s\n", good ? "ok" : "not ok", ways[i].name,
		       known ? "" : " # SKIP not known here");
		failed += !good;
	}
	if (!errors_are_the_kernels()) {
		printf("not ok - arrays that are none\n");
		failed++;
	}
	return failed != 0;
}
