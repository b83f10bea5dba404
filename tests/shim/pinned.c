/* SPDX-License-Identifier: MIT */
/*
 * pinned.c - tests that blocks which the kernel fills through a pin keep their contents
 *
 * The kernel writes to an io_uring fixed buffer without making its pages dirty.  An allocator
 * that hands out muzzy memory (MADV_FREE) as it is loses such contents when memory gets short.
 * The program does not use the library's API.  Exits 0 if no contents are lost, 77 without
 * io_uring.
 */
#include <fcntl.h>
#include <linux/io_uring.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#define LEN ((size_t)8 << 20)
enum { PAGE = 4096, VALUE = 7 };

#ifndef MADV_COLD
#define MADV_COLD 20
#endif
#ifndef MADV_PAGEOUT
#define MADV_PAGEOUT 21
#endif

struct ring {
	int fd;
	struct io_uring_params params;
	char *sq, *cq;
	struct io_uring_sqe *sqes;
};

static bool
ring_open(struct ring *r)
{
	const int prot = PROT_READ | PROT_WRITE, flags = MAP_SHARED | MAP_POPULATE;

	memset(r, 0, sizeof(*r));
	r->fd = (int)syscall(SYS_io_uring_setup, 4, &r->params);
	if (r->fd < 0)
		return false;
	r->sq = mmap(NULL, PAGE, prot, flags, r->fd, IORING_OFF_SQ_RING);
	r->cq = mmap(NULL, PAGE, prot, flags, r->fd, IORING_OFF_CQ_RING);
	r->sqes = mmap(NULL, PAGE, prot, flags, r->fd, IORING_OFF_SQES);
	return r->sq != MAP_FAILED && r->cq != MAP_FAILED && (void *)r->sqes != MAP_FAILED;
}

static uint32_t *
sq_word(struct ring *r, uint32_t offset)
{
	return (uint32_t *)(void *)(r->sq + offset);
}

static uint32_t *
cq_word(struct ring *r, uint32_t offset)
{
	return (uint32_t *)(void *)(r->cq + offset);
}

/* Read into the registered buffer; returns the bytes, or -errno. */
static int
ring_read(struct ring *r, int file, char *to, size_t len, size_t offset)
{
	uint32_t tail = *sq_word(r, r->params.sq_off.tail);
	uint32_t i = tail & *sq_word(r, r->params.sq_off.ring_mask), head;
	struct io_uring_cqe *cqe;

	r->sqes[i] = (struct io_uring_sqe){
		.opcode = IORING_OP_READ_FIXED, .fd = file, .off = offset,
		.addr = (uintptr_t)to, .len = (uint32_t)len,
	};
	sq_word(r, r->params.sq_off.array)[i] = i;
	__atomic_store_n(sq_word(r, r->params.sq_off.tail), tail + 1, __ATOMIC_RELEASE);
	if (syscall(SYS_io_uring_enter, r->fd, 1, 1, IORING_ENTER_GETEVENTS, NULL, 0) < 0)
		return -1;
	head = *cq_word(r, r->params.cq_off.head);
	cqe = (struct io_uring_cqe *)(void *)(r->cq + r->params.cq_off.cqes) +
	      (head & *cq_word(r, r->params.cq_off.ring_mask));
	__atomic_store_n(cq_word(r, r->params.cq_off.head), head + 1, __ATOMIC_RELEASE);
	return cqe->res;
}

/* Fill p from the file through a pin; false if the machine cannot do that. */
static bool
fill(char *p, int file)
{
	struct iovec buffer = { p, LEN };
	struct ring r;
	size_t done = 0;
	int n = 1;

	if (!ring_open(&r) ||
	    syscall(SYS_io_uring_register, r.fd, IORING_REGISTER_BUFFERS, &buffer, 1) != 0)
		return false;
	while (done < LEN && (n = ring_read(&r, file, p + done, LEN - done, done)) > 0)
		done += (size_t)n;
	syscall(SYS_io_uring_register, r.fd, IORING_UNREGISTER_BUFFERS, NULL, 0);
	munmap(r.sq, PAGE);
	munmap(r.cq, PAGE);
	munmap(r.sqes, PAGE);
	close(r.fd);
	return done == LEN;
}

/* Free a block of first bytes that lived for long; have the kernel fill a new one of LEN. */
static bool
keeps(size_t first, bool split, int file)
{
	char *p = malloc(first), *q;
	size_t lost = 0;

	memset(p, VALUE + 1, first);
	if (split)
		madvise(p + first / 2 / PAGE * PAGE, PAGE, MADV_COLD);
	usleep(30000);
	free(p);
	q = aligned_alloc(PAGE, LEN);
	if (q == NULL || !fill(q, file))
		exit(77);
	usleep(200000);		/* the kernel unpins the pages some time later */
	madvise(q, LEN, MADV_PAGEOUT);
	for (size_t i = 0; i < LEN; i += PAGE)
		lost += q[i] != VALUE;
	printf("%zu MiB%s: %zu of %zu pages lost\n", first >> 20, split ? ", split" : "", lost,
	       LEN / PAGE);
	free(q);
	return lost == 0;
}

int
main(void)
{
	static const size_t first[] = { LEN, LEN + (3 << 20), LEN * 4, LEN / 2 };
	char name[] = "pinned.XXXXXX", *data = malloc(LEN);
	int file = mkstemp(name), again;
	bool good = true;

	memset(data, VALUE, LEN);
	if (file < 0 || write(file, data, LEN) != (ssize_t)LEN || fsync(file) != 0)
		return 99;
	/* With O_DIRECT a device writes to the buffer; not every file system supports that. */
	again = open(name, O_RDONLY | O_DIRECT);
	unlink(name);
	for (size_t i = 0; i < sizeof(first) / sizeof(*first); i++) {
		good &= keeps(first[i], false, again >= 0 ? again : file);
		good &= keeps(first[i], true, again >= 0 ? again : file);
	}
	return !good;
}
