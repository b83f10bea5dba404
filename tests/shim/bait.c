/* SPDX-License-Identifier: MIT */
/*
 * bait.c - programs that lie to pages-stat: bait WHAT [SEED | COMMAND ...]
 *
 * A file that looks like a library is mapped.  Its note leads to a structure that is right but for
 * what WHAT names.  When all is done a line is printed, and the program waits for a signal.
 */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <linux/userfaultfd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "heap/published.h"

enum { HEAD = 4096, NOTE_AT = 512 };

static struct pages_heap heap;
static struct pages_record_slot slot;
static struct pages_published published = {
	.magic = PAGES_PUBLISHED_MAGIC, .layout = PAGES_LAYOUT, .library = "bait",
	.version = PACKAGE_VERSION, .heap = &heap, .threshold = 1, .mode = "active",
};
static _Alignas(8) unsigned char head[HEAD];

static int
is(const char *what, const char *name)
{
	return strcmp(what, name) == 0;
}

/* The head of a library with one note; where it will be mapped is not known yet. */
static void
make_head(void)
{
	Elf64_Ehdr eh = { .e_phoff = sizeof(eh), .e_phentsize = sizeof(Elf64_Phdr), .e_phnum = 1 };
	Elf64_Phdr ph = { .p_type = PT_NOTE, .p_offset = NOTE_AT,
			  .p_filesz = 12 + 8 + 16, .p_align = 4 };
	uint32_t note[] = { 6, 16, PAGES_PUBLISHED_NOTE }, desc[] = { PAGES_PUBLISHED_VERSION,
								      sizeof(published) };

	memcpy(eh.e_ident, ELFMAG, SELFMAG);
	eh.e_ident[EI_CLASS] = ELFCLASS64;
	memcpy(head, &eh, sizeof(eh));
	memcpy(head + sizeof(eh), &ph, sizeof(ph));
	memcpy(head + NOTE_AT, note, sizeof(note));
	memcpy(head + NOTE_AT + 12, "pages\0\0", 8);
	memcpy(head + NOTE_AT + 20, desc, sizeof(desc));
}

/* Map it as code, so that pages-stat looks at it; the note's distance fits the address. */
static void
map_head(int many)
{
	int fd = memfd_create("bait", 0);
	uint64_t place;
	void *p;

	for (int i = 0; i < many; i++) {
		p = mmap(NULL, HEAD, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		place = (uint64_t)(uintptr_t)&published - (uint64_t)(uintptr_t)p - NOTE_AT - 28;
		if (*(uint32_t *)(void *)(head + NOTE_AT + 20) == PAGES_PUBLISHED_VERSION)
			memcpy(head + NOTE_AT + 28, &place, sizeof(place));
		if (i != 0)
			fd = memfd_create("bait", 0);
		if (fd < 0 || write(fd, head, HEAD) != HEAD ||
		    mmap(p, HEAD, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_FIXED, fd, 0) != p)
			_exit(9);
	}
}

static uint64_t
nasty(void)
{
	static const uint64_t words[] = { 0, 1, 12, 63, 64, 1 << 26, UINT32_MAX, INT64_MAX,
					  UINT64_MAX, UINT64_MAX - 4095 };
	int i = rand() % 12;

	return i < 10 ? words[i] : i == 10 ? (uint64_t)(uintptr_t)&heap : (uint64_t)rand() << 31;
}

/* All words of the heap and of the slot are nonsense; every other time the first checks pass. */
static void
fuzz(unsigned seed)
{
	srand(seed);
	for (size_t i = 0; i < sizeof(heap) / 8; i++)
		((uint64_t *)&heap)[i] = nasty();
	for (size_t i = 0; i < sizeof(slot) / 8; i++)
		((uint64_t *)&slot)[i] = nasty();
	if (seed % 2 != 0)
		return;
	heap.state = PAGES_HEAP_OPEN;
	heap.arena.page_shift = 12;
	heap.extents.node = (struct pages_extent *)&heap;
	atomic_store(&heap.slot, &slot);
	heap.units.mapped_end = seed % 4 == 0 ? 5000 : (size_t)1 << 26;
	heap.units.mapped_bits = heap.units.held_bits = heap.units.dirty_bits = (uint64_t *)&heap;
	heap.units.muzzy_bits = heap.units.kept_bits = heap.units.busy_bits = (uint64_t *)&slot;
}

/* A page of which reading waits for ever.  False if this kernel has no such thing for us. */
static int
make_wait(void)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register reg = { .mode = UFFDIO_REGISTER_MODE_MISSING };
	int fd = (int)syscall(SYS_userfaultfd, O_CLOEXEC);
	void *p = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	reg.range.start = (uint64_t)(uintptr_t)p;
	reg.range.len = 1 << 20;
	published.heap = p;
	return fd >= 0 && ioctl(fd, UFFDIO_API, &api) == 0 && ioctl(fd, UFFDIO_REGISTER, &reg) == 0;
}

/* Run the command where process_vm_readv() is refused. */
static void
refuse_reading(char **argv)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_process_vm_readv, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog prog = { 4, code };

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog) == 0)
		execv(argv[0], argv);
	_exit(77);
}

static void
spoil_head(const char *what)
{
	Elf64_Ehdr *eh = (Elf64_Ehdr *)(void *)head;
	Elf64_Phdr *ph = (Elf64_Phdr *)(void *)(head + sizeof(*eh));
	uint32_t *note = (uint32_t *)(void *)(head + NOTE_AT);

	if (is(what, "32-bit"))
		eh->e_ident[EI_CLASS] = ELFCLASS32;
	else if (is(what, "headers"))
		eh->e_phnum = UINT16_MAX;
	else if (is(what, "headers-far"))
		eh->e_phoff = UINT64_MAX - 8;
	else if (is(what, "notes-far"))
		ph->p_offset = UINT64_MAX - 8;
	else if (is(what, "notes-long"))
		ph->p_filesz = UINT64_MAX;
	else if (is(what, "notes-at-the-end"))
		ph->p_offset = HEAD - 4, ph->p_filesz = 4;
	else if (is(what, "name-long"))
		note[0] = UINT32_MAX - 2;
	else if (is(what, "content-long"))
		note[1] = UINT32_MAX - 2;
	else if (is(what, "content-short"))
		note[1] = 4;
	else if (is(what, "version"))
		note[5] = 77;
	else if (is(what, "length"))
		note[6] = 1 << 30;
}

static void
spoil_published(const char *what, unsigned seed)
{
	if (is(what, "build"))
		published.layout++;
	else if (is(what, "older"))
		published.layout++, strcpy(published.version, "0.0.\033\n7");
	else if (is(what, "magic"))
		published.magic = 0;
	else if (is(what, "inactive"))
		strcpy(published.mode, "inactive: because");
	else if (is(what, "heap-nowhere"))
		published.heap = (const void *)(uintptr_t)(UINT64_MAX - 4095);
	else if (is(what, "pages"))
		heap.state = PAGES_HEAP_OPEN, heap.arena.page_shift = 63;
	else if (is(what, "text"))
		memset(published.library, 0x9b, sizeof(published.library)),
		memset(published.mode, '\033', sizeof(published.mode)),
		memset(published.provider, '"', sizeof(published.provider));
	else if (is(what, "fuzz"))
		fuzz(seed);
}

int
main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";

	if (is(what, "refuse") && argc > 2)
		refuse_reading(argv + 2);
	make_head();
	spoil_head(what);
	spoil_published(what, argc > 2 ? (unsigned)atoi(argv[2]) : 0);
	if (is(what, "wait") && !make_wait())
		return 77;
	if (is(what, "random")) {
		srand(argc > 2 ? (unsigned)atoi(argv[2]) : 0);
		for (int i = 0; i < 40; i++)
			head[rand() % 600] = (unsigned char)rand();
	}
	map_head(is(what, "many") ? 100 : 1);
	puts("ready");
	fflush(stdout);
	pause();
	return 0;
}
