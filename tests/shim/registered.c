/* SPDX-License-Identifier: MIT */
/*
 * registered.c - tests the shim under caches of registered memory, as MPI and RDMA stacks have
 *
 *	registered RULE [HOW [plain]]	fabric, ucx or opal; libc, first or slots
 *
 * Sends buffers through pins that the kernel holds (io_uring fixed buffers), and keeps the pins
 * for the next buffer at that address.  It learns of changed mappings as those stacks do: the
 * first instructions of a function are overwritten, the C library's or the one that comes first
 * in the process, or the slots by which all libraries call it.  A range's pins are dropped when
 * a function changes it, by the rules of libfabric, UCX or Open MPI.  Unless it is plain,
 * it asks the allocator to keep memory, as MPI does.  A send is wrong if the pin has other pages than the buffer.
 *
 * The program does not use the library's API.  Prints sends, hits and wrong sends.  Exits 0 if no
 * send was wrong, 77 if the machine cannot do this.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
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

static const struct hook {
	const char *name;
	uintptr_t hook;
} hooks[] = {
	{ "mmap", (uintptr_t)hook_mmap },
	{ "munmap", (uintptr_t)hook_munmap },
	{ "mremap", (uintptr_t)hook_mremap },
	{ "madvise", (uintptr_t)hook_madvise },
};
enum { HOOKS = sizeof(hooks) / sizeof(*hooks) };

static bool
patch_entries(bool first)
{
	void *from = first ? RTLD_DEFAULT : dlopen("libc.so.6", RTLD_LAZY | RTLD_NOLOAD);

	for (size_t i = 0; i < HOOKS; i++) {
		void *f = dlsym(from, hooks[i].name);

		if (f == NULL || !patch((uintptr_t)f, hooks[i].hook))
			return false;
	}
	return true;
}

/* Part of an object's dynamic section: addresses, which the loader has relocated. */
struct tables {
	const ElfW(Rela) *rela[2];
	size_t len[2];
	const ElfW(Sym) *symbols;
	const char *strings;
};

static struct tables
find_tables(const ElfW(Dyn) *d)
{
	struct tables t = { .strings = NULL };

	for (; d->d_tag != DT_NULL; d++)
		switch (d->d_tag) {
		case DT_RELA: t.rela[0] = (const void *)d->d_un.d_ptr; break;
		case DT_RELASZ: t.len[0] = d->d_un.d_val / sizeof(ElfW(Rela)); break;
		case DT_JMPREL: t.rela[1] = (const void *)d->d_un.d_ptr; break;
		case DT_PLTRELSZ: t.len[1] = d->d_un.d_val / sizeof(ElfW(Rela)); break;
		case DT_SYMTAB: t.symbols = (const void *)d->d_un.d_ptr; break;
		case DT_STRTAB: t.strings = (const char *)d->d_un.d_ptr; break;
		default: break;
		}
	return t;
}

/* The slots are read-only once the loader is done with them. */
static void
patch_slot(uintptr_t slot, uintptr_t hook)
{
	uintptr_t page = slot & ~(uintptr_t)(PAGE - 1);

	syscall(SYS_mprotect, page, PAGE, PROT_READ | PROT_WRITE);
	*(uintptr_t *)slot = hook;
}

static void
patch_slots(const struct link_map *o)
{
	struct tables t = find_tables(o->l_ld);

	for (size_t k = 0; k < 2; k++)
		for (size_t i = 0; i < t.len[k]; i++) {
			const ElfW(Rela) *r = &t.rela[k][i];
			const char *name = t.strings + t.symbols[ELF64_R_SYM(r->r_info)].st_name;

			if (ELF64_R_TYPE(r->r_info) != R_X86_64_GLOB_DAT &&
			    ELF64_R_TYPE(r->r_info) != R_X86_64_JUMP_SLOT)
				continue;
			for (size_t h = 0; h < HOOKS; h++)
				if (strcmp(name, hooks[h].name) == 0)
					patch_slot(o->l_addr + r->r_offset, hooks[h].hook);
		}
}

static bool
patch_all(const char *how)
{
	const struct link_map *o = _r_debug.r_map;

	if (strcmp(how, "slots") != 0)
		return patch_entries(strcmp(how, "first") == 0);
	for (o = o->l_next; o != NULL; o = o->l_next)	/* the program has no slots to patch */
		if (strstr(o->l_name, "vdso") == NULL && o->l_name[0] == '/')
			patch_slots(o);
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
	if (argc <= 3) {
		mallopt(M_MMAP_MAX, 0);
		mallopt(M_TRIM_THRESHOLD, -1);
	}
	if (file < 0 || !ring_open() || !patch_all(argc > 2 ? argv[2] : "libc")) {
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
