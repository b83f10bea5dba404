/* SPDX-License-Identifier: MIT */
/*
 * registered.c - tests the shim under caches of registered memory, as MPI and RDMA stacks have
 *
 *	registered RULE [plain]		fabric, ucx or opal
 *
 * Sends buffers through pins that the kernel holds (io_uring fixed buffers), and keeps the pins
 * for the next buffer at that address.  It learns of changed mappings as those stacks do: the
 * first instructions of the C library's functions are overwritten, and a range's pins are dropped
 * when a function changes it, by the rules of libfabric, UCX or Open MPI.  Unless it is plain,
 * it asks the allocator to keep memory, as MPI does.  A send is wrong if the pin has other pages than the buffer.
 *
 * The program does not use the library's API.  Prints sends, hits and wrong sends.  Exits 0 if no
 * send was wrong, 77 if the machine cannot do this.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/io_uring.h>
#include <malloc.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

enum { PAGE = 4096, PINS = 256, LIVE = 8, SENDS = 600, SIZES = 12 };

/* Pins. ------------------------------------------------------------------- */

static struct {
	int fd;
	struct io_uring_params params;
	char *sq, *cq;
	struct io_uring_sqe *sqes;
} ring;

static struct pin { uintptr_t start, end; } pins[PINS];

static bool
ring_open(void)
{
	const int prot = PROT_READ | PROT_WRITE, flags = MAP_SHARED | MAP_POPULATE;
	struct io_uring_rsrc_register sparse = { .nr = PINS, .flags = IORING_RSRC_REGISTER_SPARSE };

	ring.fd = (int)syscall(SYS_io_uring_setup, 4, &ring.params);
	if (ring.fd < 0)
		return false;
	ring.sq = mmap(NULL, PAGE, prot, flags, ring.fd, IORING_OFF_SQ_RING);
	ring.cq = mmap(NULL, PAGE, prot, flags, ring.fd, IORING_OFF_CQ_RING);
	ring.sqes = mmap(NULL, PAGE, prot, flags, ring.fd, IORING_OFF_SQES);
	return ring.sq != MAP_FAILED && ring.cq != MAP_FAILED && (void *)ring.sqes != MAP_FAILED &&
	       syscall(SYS_io_uring_register, ring.fd, IORING_REGISTER_BUFFERS2, &sparse,
		       sizeof(sparse)) == 0;
}

/* Pin [start, end) as number i; nothing if they are equal. */
static bool
set_pin(unsigned i, uintptr_t start, uintptr_t end)
{
	struct iovec v = { end > start ? (void *)start : NULL, end - start };
	struct io_uring_rsrc_update2 update = {
		.offset = i, .data = (uintptr_t)&v, .nr = 1,
	};

	pins[i] = (struct pin){ start, end };
	return syscall(SYS_io_uring_register, ring.fd, IORING_REGISTER_BUFFERS_UPDATE, &update,
		       sizeof(update)) == 1;
}

static uint32_t *
word(char *rings, uint32_t offset)
{
	return (uint32_t *)(void *)(rings + offset);
}

/* Write len bytes at p, through pin i, to the start of the file. */
static bool
ring_send(unsigned i, int file, const char *p, size_t len)
{
	uint32_t tail = *word(ring.sq, ring.params.sq_off.tail);
	uint32_t slot = tail & *word(ring.sq, ring.params.sq_off.ring_mask), head;
	struct io_uring_cqe *cqe;

	ring.sqes[slot] = (struct io_uring_sqe){
		.opcode = IORING_OP_WRITE_FIXED, .fd = file, .off = 0,
		.addr = (uintptr_t)p, .len = (uint32_t)len, .buf_index = (uint16_t)i,
	};
	word(ring.sq, ring.params.sq_off.array)[slot] = slot;
	__atomic_store_n(word(ring.sq, ring.params.sq_off.tail), tail + 1, __ATOMIC_RELEASE);
	if (syscall(SYS_io_uring_enter, ring.fd, 1, 1, IORING_ENTER_GETEVENTS, NULL, 0) < 0)
		return false;
	head = *word(ring.cq, ring.params.cq_off.head);
	cqe = (struct io_uring_cqe *)(void *)(ring.cq + ring.params.cq_off.cqes) +
	      (head & *word(ring.cq, ring.params.cq_off.ring_mask));
	__atomic_store_n(word(ring.cq, ring.params.cq_off.head), head + 1, __ATOMIC_RELEASE);
	return cqe->res == (int)len;
}

/* Hooks. ------------------------------------------------------------------ */

static enum rule { FABRIC, UCX, OPAL } rule;

static void
drop(const void *p, size_t len)
{
	uintptr_t start = (uintptr_t)p, end = start + len;

	for (unsigned i = 0; i < PINS; i++)
		if (pins[i].start < end && start < pins[i].end)
			set_pin(i, 0, 0);
}

static void *
hook_mmap(void *p, size_t len, int prot, int flags, int fd, off_t offset)
{
	if (rule == FABRIC ? p != NULL : rule == UCX && (flags & MAP_FIXED) != 0)
		drop(p, len);
	return (void *)syscall(SYS_mmap, p, len, prot, flags, fd, offset);
}

static int
hook_munmap(void *p, size_t len)
{
	drop(p, len);
	return (int)syscall(SYS_munmap, p, len);
}

static void *
hook_mremap(void *p, size_t len, size_t new_len, int flags, ...)
{
	va_list ap;
	void *to;

	va_start(ap, flags);
	to = va_arg(ap, void *);
	va_end(ap);
	drop(p, len);
	return (void *)syscall(SYS_mremap, p, len, new_len, flags, to);
}

static int
hook_madvise(void *p, size_t len, int advice)
{
	bool gone = advice == MADV_DONTNEED || advice == MADV_REMOVE;

	if (rule == FABRIC || gone || (rule == UCX && advice == MADV_FREE))
		drop(p, len);
	return (int)syscall(SYS_madvise, p, len, advice);
}

/* Begin the function with a jump: movabs $hook, %rax; jmp *%rax. */
static bool
patch(uintptr_t function, uintptr_t hook)
{
	unsigned char jump[12] = { 0x48, 0xb8, [10] = 0xff, 0xe0 };
	uintptr_t start = function & ~(uintptr_t)(PAGE - 1);
	size_t len = (function + sizeof(jump) - start + PAGE - 1) & ~(size_t)(PAGE - 1);

	memcpy(jump + 2, &hook, sizeof(hook));
	if (syscall(SYS_mprotect, start, len, PROT_READ | PROT_WRITE | PROT_EXEC) != 0)
		return false;
	memcpy((void *)function, jump, sizeof(jump));
	return syscall(SYS_mprotect, start, len, PROT_READ | PROT_EXEC) == 0;
}

/* The C library's, whoever else defines one. */
static bool
patch_all(void)
{
	static const char *const names[] = { "mmap", "munmap", "mremap", "madvise" };
	const uintptr_t hooks[] = { (uintptr_t)hook_mmap, (uintptr_t)hook_munmap,
				    (uintptr_t)hook_mremap, (uintptr_t)hook_madvise };
	void *libc = dlopen("libc.so.6", RTLD_LAZY | RTLD_NOLOAD);

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		void *f = libc != NULL ? dlsym(libc, names[i]) : NULL;

		if (f == NULL || !patch((uintptr_t)f, hooks[i]))
			return false;
	}
	return true;
}

/* Sending. ---------------------------------------------------------------- */

static unsigned hits, wrong;

static unsigned
find_pin(const char *p, size_t len)
{
	static unsigned next;
	uintptr_t start = (uintptr_t)p, end = start + len;

	for (unsigned i = 0; i < PINS; i++)
		if (pins[i].start <= start && end <= pins[i].end) {
			hits++;
			return i;
		}
	next = (next + 1) % PINS;
	start &= ~(uintptr_t)(PAGE - 1);
	end = (end + PAGE - 1) & ~(uintptr_t)(PAGE - 1);
	if (!set_pin(next, start, end)) {
		perror("# pin");
		exit(77);
	}
	return next;
}

/* The buffer has value in each page; does the file have that, too? */
static void
send_and_compare(int file, const char *p, size_t len, int value)
{
	static char got[16 << 20];

	if (!ring_send(find_pin(p, len), file, p, len) ||
	    pread(file, got, len, 0) != (ssize_t)len) {
		perror("# send");
		exit(99);
	}
	for (size_t i = 0; i < len; i += PAGE)
		if (got[i] != (char)value) {
			wrong++;
			return;
		}
}

static unsigned
random_below(unsigned n)
{
	static uint64_t state = 7;

	state = state * 6364136223846793005u + 1442695040888963407u;
	return (unsigned)(state >> 33) % n;
}

int
main(int argc, char **argv)
{
	static char *live[LIVE];
	int file = memfd_create("registered", 0);
	const char *name = argc > 1 ? argv[1] : "ucx";

	rule = strcmp(name, "fabric") == 0 ? FABRIC : strcmp(name, "opal") == 0 ? OPAL : UCX;
#if !defined(__x86_64__)
	puts("# the machine code here is for x86-64");
	return 77;
#endif
	if (argc <= 2) {
		mallopt(M_MMAP_MAX, 0);
		mallopt(M_TRIM_THRESHOLD, -1);
	}
	if (file < 0 || !ring_open() || !patch_all()) {
		printf("# no io_uring with sparse buffers, or no patches: %s\n", strerror(errno));
		return 77;
	}
	for (int i = 0; i < SENDS; i++) {
		size_t len = (size_t)(1 + random_below(SIZES)) * 300000;
		unsigned k = random_below(LIVE);

		free(live[k]);
		live[k] = malloc(len);
		memset(live[k], i, len);
		/* One in eight grows after it was sent, and is sent again. */
		if (random_below(8) == 0) {
			send_and_compare(file, live[k], len, i);
			live[k] = realloc(live[k], 2 * len);
			len *= 2;
			memset(live[k], ~i, len);
			send_and_compare(file, live[k], len, ~i);
		} else {
			send_and_compare(file, live[k], len, i);
		}
	}
	printf("%s: sends %d hits %u wrong %u\n", name, SENDS, hits, wrong);
	return wrong != 0;
}
