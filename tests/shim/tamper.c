/* SPDX-License-Identifier: MIT */
/*
 * tamper.c - tests the shim in a program that tells the kernel things about its blocks
 *
 * Each action changes the mapping of a part of a block between two others.  Then the block is
 * freed, shrunk or grown, and others of many sizes are allocated.  They must be ordinary memory,
 * in this process and in a child, whatever lies at their addresses; and the neighbours must be
 * as they were.  The program does not use the library's API.  It prints one line for each
 * action, and exits 0 if all hold.
 */
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/shm.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define KIB ((size_t)1 << 10)
#define MIB ((size_t)1 << 20)
#define PAGE ((size_t)4096)
#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))

/* libnuma's, which need not be there: the shim's, or none. */
extern long mbind(void *p, unsigned long len, int mode, const unsigned long *nodes,
		  unsigned long max, unsigned flags) __attribute__((weak));
/* So with musl, which has none. */
extern int pkey_mprotect(void *p, size_t len, int prot, int key) __attribute__((weak));

/* In another program the same calls are made by syscall(), which passes a long for each. */
#ifdef RAW
#define RAW6(name, a, b, c, d, e, f) \
	syscall(SYS_##name, (long)(a), (long)(b), (long)(c), (long)(d), (long)(e), (long)(f))
#define mmap(p, len, prot, flags, fd, at) ((void *)RAW6(mmap, p, len, prot, flags, fd, at))
#undef mmap64
#define mmap64 mmap
#define munmap(p, len) (int)RAW6(munmap, p, len, 0, 0, 0, 0)
#define mremap(p, len, now, flags, to) ((void *)RAW6(mremap, p, len, now, flags, to, 0))
#define mprotect(p, len, prot) (int)RAW6(mprotect, p, len, prot, 0, 0, 0)
#define pkey_mprotect(p, len, prot, key) (int)RAW6(pkey_mprotect, p, len, prot, key, 0, 0)
#define madvise(p, len, advice) (int)RAW6(madvise, p, len, advice, 0, 0, 0)
#define posix_madvise madvise
#define mlock(p, len) (int)RAW6(mlock, p, len, 0, 0, 0, 0)
#define mlock2(p, len, flags) (int)RAW6(mlock2, p, len, flags, 0, 0, 0)
#define mbind(p, len, mode, nodes, n, flags) RAW6(mbind, p, len, mode, nodes, n, flags)
#define prctl(option, a, b, c, d) (int)RAW6(prctl, option, a, b, c, d, 0)
#define shmat(id, p, flags) ((void *)RAW6(shmat, id, p, flags, 0, 0, 0))
#define ioctl(fd, request, arg) (int)RAW6(ioctl, fd, request, arg, 0, 0, 0)
#endif

/* Actions: 0, or -1 where the kernel does not know this. ------------------- */

static int
read_only(char *p, size_t len)
{
	return mprotect(p, len, PROT_READ);
}

static int
no_access(char *p, size_t len)
{
	return mprotect(p, len, PROT_NONE);
}

static int
keyed(char *p, size_t len)
{
	int key = (int)syscall(SYS_pkey_alloc, 0, 1 /* PKEY_DISABLE_ACCESS */);
	int err = key >= 0 && pkey_mprotect != NULL ? pkey_mprotect(p, len, PROT_READ | PROT_WRITE, key) : -1;

	if (key >= 0)
		(void)syscall(SYS_pkey_free, key);
	return err;
}

static char *on_signal_p;
static size_t on_signal_len;

static void
on_signal(int sig)
{
	(void)sig;
	(void)mprotect(on_signal_p, on_signal_len, PROT_READ);
}

static int
in_a_handler(char *p, size_t len)
{
	on_signal_p = p;
	on_signal_len = len;
	signal(SIGUSR1, on_signal);
	return raise(SIGUSR1);
}

static int
map_file(char *p, size_t len)
{
	char name[] = "/tmp/tamper-XXXXXX";
	int fd = mkstemp(name), err = -1;

	if (fd >= 0 && ftruncate(fd, (off_t)len) == 0)
		err = mmap(p, len, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd, 0) == p ? 0 : -1;
	close(fd);
	unlink(name);
	return err;
}

static int
map_nothing(char *p, size_t len)
{
	return mmap64(p, len, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_NORESERVE, -1,
		      0) == p ? 0 : -1;
}

static int
unmap(char *p, size_t len)
{
	return munmap(p, len);
}

static int
move_away(char *p, size_t len)
{
	char *to = mmap(NULL, len, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return mremap(p, len, len, MREMAP_MAYMOVE | MREMAP_FIXED, to) == to ? munmap(to, len) : -1;
}

static int
move_over(char *p, size_t len)
{
	char *from = mmap(NULL, len, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return mremap(from, len, len, MREMAP_MAYMOVE | MREMAP_FIXED, p) == p ? 0 : -1;
}

static int
attach_segment(char *p, size_t len)
{
	int id = shmget(IPC_PRIVATE, len, IPC_CREAT | 0600), err;

	if (id < 0)
		return -1;
	err = shmat(id, p, SHM_REMAP) == p ? 0 : -1;
	(void)shmctl(id, IPC_RMID, NULL);
	return err;
}

/* The one of 2 MiB around the middle of the range, where blocks are cut; NULL: there is none. */
static char *
huge_page(char *p, size_t len)
{
	char *q = (char *)((uintptr_t)(p + len / 2) / (2 * MIB) * (2 * MIB));

	return q >= p && q + 2 * MIB <= p + len ? q : NULL;
}

/* Both are shorter than what the kernel maps. */
static int
attach_huge_segment(char *p, size_t len)
{
	int id = shmget(IPC_PRIVATE, 64 * KIB, IPC_CREAT | SHM_HUGETLB | 0600), err = 0;

	if (id < 0)
		return -1;
	if ((p = huge_page(p, len)) != NULL)
		err = shmat(id, p, SHM_REMAP) == p ? 0 : -1;
	(void)shmctl(id, IPC_RMID, NULL);
	return err;
}

static int
map_from_pool(char *p, size_t len)
{
	int flags = MAP_SHARED | MAP_ANONYMOUS | MAP_HUGETLB | 21 << 26 /* 2 MiB */;
	char *q = mmap(NULL, 2 * MIB, PROT_READ | PROT_WRITE, flags, -1, 0);

	if (q == MAP_FAILED || munmap(q, 2 * MIB) != 0)
		return -1;
	if ((p = huge_page(p, len)) == NULL)
		return 0;
	return mmap(p, 64 * KIB, PROT_READ | PROT_WRITE, flags | MAP_FIXED, -1, 0) == p ? 0 : -1;
}

#define ADVICE(name, number)                      \
	static int                                \
	name(char *p, size_t len)                 \
	{                                         \
		return madvise(p, len, (number)); \
	}
ADVICE(dont_fork, 10)
ADVICE(wipe_on_fork, 18)
ADVICE(dont_dump, 16)
ADVICE(no_huge_pages, 15)
ADVICE(mergeable, 12)
ADVICE(guards, 102)
ADVICE(lazily_free, 8)
ADVICE(huge_pages, 14)

static int
access_at_random(char *p, size_t len)
{
	return posix_madvise(p, len, POSIX_MADV_RANDOM);
}

static int
name(char *p, size_t len)
{
	return prctl(0x53564d41 /* PR_SET_VMA */, 0UL, p, len, "tamper");
}

static int
lock(char *p, size_t len)
{
	return mlock(p, len);
}

static int
lock_on_fault(char *p, size_t len)
{
	return mlock2(p, len, 1);
}

static int
bind_to_node(char *p, size_t len)
{
	unsigned long node = 1;

	return mbind != NULL ? (int)mbind(p, len, 2 /* MPOL_BIND */, &node, 65, 0) : -1;
}

/* The descriptor stays open: whoever faults on the range would wait for ever. */
static int
handle_faults(char *p, size_t len)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register r = {
		.range = { (uintptr_t)p, len }, .mode = UFFDIO_REGISTER_MODE_MISSING
	};
	static int fd = -1;

	if (fd >= 0)
		close(fd);
	fd = (int)syscall(SYS_userfaultfd, O_CLOEXEC | 1 /* USER_MODE_ONLY */);
	if (fd < 0 || ioctl(fd, (PAGES_IOCTL_REQUEST)UFFDIO_API, &api) != 0 ||
	    ioctl(fd, (PAGES_IOCTL_REQUEST)UFFDIO_REGISTER, &r) != 0)
		return -1;
	return madvise(p, len, MADV_DONTNEED);
}

/* No C library has this yet.  Blocks there cannot be mapped anew. */
static int
seal(char *p, size_t len)
{
	return (int)syscall(462 /* mseal */, p, len, 0UL);
}

static int
protect_and_seal(char *p, size_t len)
{
	return mprotect(p, len, PROT_READ) != 0 ? -1 : seal(p, len);
}

static const struct action {
	const char *name;
	int (*run)(char *p, size_t len);
	bool readable;	/* the block can be read, so that realloc can copy it */
	bool contents;	/* and has what it had */
} actions[] = {
	{ "mprotect(READ)", read_only, true, true },
	{ "mprotect(READ) in a handler", in_a_handler, true, true },
	{ "mprotect(NONE)", no_access, false, false },
	{ "pkey_mprotect", keyed, false, false },
	{ "mmap of a file", map_file, true, false },
	{ "mmap of nothing", map_nothing, false, false },
	{ "munmap", unmap, false, false },
	{ "mremap away", move_away, false, false },
	{ "mremap over it", move_over, true, false },
	{ "shmat(REMAP)", attach_segment, true, false },
	{ "shmat(REMAP) of huge pages", attach_huge_segment, true, false },
	{ "mmap of huge pages", map_from_pool, true, false },
	{ "madvise(DONTFORK)", dont_fork, true, true },
	{ "madvise(WIPEONFORK)", wipe_on_fork, true, true },
	{ "madvise(DONTDUMP)", dont_dump, true, true },
	{ "madvise(NOHUGEPAGE)", no_huge_pages, true, true },
	{ "madvise(HUGEPAGE)", huge_pages, true, true },
	{ "madvise(MERGEABLE)", mergeable, true, true },
	{ "madvise(GUARD_INSTALL)", guards, false, false },
	{ "madvise(FREE)", lazily_free, true, false },
	{ "posix_madvise(RANDOM)", access_at_random, true, true },
	{ "prctl(SET_VMA)", name, true, true },
	{ "mlock", lock, true, true },
	{ "mlock2(ONFAULT)", lock_on_fault, true, true },
	{ "mbind", bind_to_node, true, true },
	{ "userfaultfd", handle_faults, false, false },
	{ "mseal", seal, true, true },
	{ "mprotect(READ), mseal", protect_and_seal, true, true },
};

/* What must hold afterwards. ---------------------------------------------- */

static const size_t sizes[] = { 300 * KIB, 2 * MIB, 5 * MIB + 100, 700 * KIB, 10 * MIB, 4 * MIB };
enum { PROBES = 6 };
static char *probes[PROBES];

static size_t
probe_size(size_t i)
{
	return sizes[i % ARRAY_LEN(sizes)];
}

/* A byte in each page, and the last one: what is changed is whole pages. */
static void
fill(char *p, size_t len, int value)
{
	for (size_t i = 0; i < len; i += PAGE)
		p[i] = (char)value;
	p[len - 1] = (char)value;
}

static bool
holds(const char *p, size_t len, int value)
{
	bool good = p[len - 1] == (char)value;

	for (size_t i = 0; i < len; i += PAGE)
		good = good && p[i] == (char)value;
	return good;
}

static bool
overlaps_probes(uintptr_t from, uintptr_t to)
{
	for (size_t i = 0; i < PROBES; i++)
		if (from < (uintptr_t)probes[i] + probe_size(i) && (uintptr_t)probes[i] < to)
			return true;
	return false;
}

/* Are all mappings of the probes as the shim makes them?  Prints the one that is not. */
static bool
mappings_are_ordinary(void)
{
	static const char *const extraordinary[] = { " dd", " dc", " wf", " lo", " mg", " rr", " sr",
						     " nh", " um", " uw", " sh" };
	FILE *f = fopen("/proc/self/smaps", "r");
	char line[512], head[512] = "";
	bool inside = false, good = true;

	while (f != NULL && good && fgets(line, sizeof(line), f) != NULL) {
		uintptr_t from, to;
		char perms[5];
		unsigned long inode;

		if (sscanf(line, "%lx-%lx %4s %*s %*s %lu", &from, &to, perms, &inode) == 4) {
			inside = overlaps_probes(from, to);
			if (inside)
				good = strcmp(perms, "rw-p") == 0 && inode == 0 &&
				       strstr(line, "[anon:tamper]") == NULL;
			strcpy(head, line);
		} else if (inside && strncmp(line, "VmFlags:", 8) == 0) {
			for (size_t i = 0; i < ARRAY_LEN(extraordinary); i++)
				good = good && strstr(line, extraordinary[i]) == NULL;
		}
		if (!good)
			printf("# %s# %s", head, line);
	}
	if (f != NULL)
		fclose(f);
	return good;
}

/* A mapping with a memory policy of its own says so here. */
static bool
has_default_policy(const char *p)
{
	int mode = -1;

	return syscall(SYS_get_mempolicy, &mode, NULL, 0UL, p, 2 /* MPOL_F_ADDR */) != 0 || mode == 0;
}

static bool
probes_hold(void)
{
	for (size_t i = 0; i < PROBES; i++)
		if (!holds(probes[i], probe_size(i), (int)i + 1))
			return false;
	return true;
}

static bool
memory_is_ordinary(void)
{
	bool good = true;
	int status = 1;
	pid_t pid;

	for (size_t i = 0; i < PROBES; i++) {
		probes[i] = malloc(probe_size(i));
		if (probes[i] == NULL)
			return false;
		fill(probes[i], probe_size(i), (int)i + 1);
		good = good && has_default_policy(probes[i]);
	}
	good = good && mappings_are_ordinary() && probes_hold();
	pid = fork();
	if (pid == 0)
		_exit(!probes_hold());
	good = good && waitpid(pid, &status, 0) == pid && status == 0;
	for (size_t i = 0; i < PROBES; i++)
		free(probes[i]);
	return good;
}

/* The cases. -------------------------------------------------------------- */

enum fate { FREED, SHRUNK, GROWN, FATES };

/* Which part of the block is changed, in sixteenths of it. */
static const struct part { unsigned from, to; } parts[] = {
	{ 0, 16 }, { 5, 6 }, { 0, 1 }, { 15, 16 }, { 9, 16 },
};

static size_t
at(size_t len, unsigned sixteenths)
{
	return len / 16 * sixteenths / PAGE * PAGE;
}

/* Does this fate read, or keep, what the action has made unreadable? */
static bool
makes_sense(const struct action *a, enum fate fate, const struct part *part)
{
	return a->readable || fate == FREED || (fate == SHRUNK && part->from >= 9);
}

/* True; false and a line if something does not hold.  *known: the kernel knows the action. */
static bool
try(const struct action *a, enum fate fate, const struct part *part, size_t size, bool *known)
{
	char *low = malloc(3 * MIB + 300), *p = malloc(size), *lid = malloc(700 * KIB);
	/* All whole pages of the block: it may begin with a header, or end in a shared page. */
	char *first = (char *)(((uintptr_t)p + PAGE - 1) / PAGE * PAGE);
	size_t whole = (size_t)(p + size - first) / PAGE * PAGE;
	size_t from = at(whole, part->from), to = part->to == 16 ? whole : at(whole, part->to);
	bool good = true;

	fill(low, 3 * MIB + 300, 0x11);
	fill(p, size, 0x22);
	fill(lid, 700 * KIB, 0x33);
	if (from < to && a->run(first + from, to - from) != 0) {
		*known = false;
	} else if (fate == SHRUNK) {
		p = realloc(p, size / 2);
		good = p != NULL && (!a->contents || holds(p, at(size, 8) - PAGE + 1, 0x22));
	} else if (fate == GROWN) {
		p = realloc(p, size * 3);
		good = p != NULL && (!a->contents || holds(p, size, 0x22));
	}
	if (!good)
		printf("# %s: realloc\n", a->name);
	/* A block that is shrunk or grown lives on: its tail is others' memory already. */
	if (fate != SHRUNK)
		free(p);
	if (!memory_is_ordinary() || !holds(low, 3 * MIB + 300, 0x11) || !holds(lid, 700 * KIB, 0x33)) {
		printf("# %s of %u/16 to %u/16 of %zu bytes, fate %d\n", a->name, part->from,
		       part->to, size, fate);
		good = false;
	}
	if (fate == SHRUNK)
		free(p);
	free(low);
	free(lid);
	return good;
}

/* In a process of its own, because the next action must not find what this one has left. */
static int
run(const struct action *a)
{
	static const size_t blocks[] = { 320 * KIB, 9 * MIB };
	bool good = true, known = true;

	for (size_t j = 0; known && j < ARRAY_LEN(blocks) * FATES * ARRAY_LEN(parts); j++) {
		enum fate fate = j / ARRAY_LEN(blocks) % FATES;
		const struct part *part = &parts[j / ARRAY_LEN(blocks) / FATES];

		if (makes_sense(a, fate, part))
			good = good && try(a, fate, part, blocks[j % ARRAY_LEN(blocks)], &known);
	}
	return !good ? 1 : known ? 0 : 77;
}

int
main(int argc, char **argv)
{
	int failed = 0;

	setvbuf(stdout, NULL, _IOLBF, 0);
	for (size_t i = 0; i < ARRAY_LEN(actions); i++) {
		const struct action *a = &actions[i];
		int status = 1;
		pid_t pid;

		if (argc > 1 && strstr(a->name, argv[1]) == NULL)
			continue;
		pid = fork();
		if (pid == 0)
			exit(run(a));
		if (pid < 0 || waitpid(pid, &status, 0) != pid)
			status = 1;
		if (status == 0 || (WIFEXITED(status) && WEXITSTATUS(status) == 77)) {
			printf("ok - %s%s\n", a->name, status == 0 ? "" : " # SKIP not known here");
			continue;
		}
		printf("not ok - %s (status %#x)\n", a->name, (unsigned)status);
		failed++;
	}
	return failed != 0;
}
