/* SPDX-License-Identifier: MIT */
/*
 * os.h - everything the library asks of the operating system
 *
 * The contract, true of every function here:
 * - addresses and lengths are multiples of the page size; len 0 is allowed and
 *   does nothing, except where a new mapping is asked for;
 * - the result is 0 or a negative errno; errno itself is never changed;
 * - outputs are written last and only on success;
 * - on failure the mapping is as it was, unless the function says otherwise;
 * - no policy: what to call, and when, is decided above.
 *
 * Names say what is meant, not which system call does it.  os_linux.c is the
 * one implementation and the only file of the library that enters the kernel.
 * The calls that change mappings go through the C library's functions, because
 * MPI and RDMA stacks patch those to keep their caches of pinned pages right.
 */
#ifndef PAGES_OS_H
#define PAGES_OS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Permissions, a set of bits; 0 is no access at all. */
enum pages_os_prot {
	PAGES_OS_NONE = 0,
	PAGES_OS_READ = 1,
	PAGES_OS_WRITE = 2,
	PAGES_OS_EXEC = 4,
};

/* What the machine and the process's limits look like; 0 means unknown. */
struct pages_os_facts {
	size_t page_size;
	size_t ram;		/* physical memory */
	size_t ram_and_swap;
	size_t address_limit;	/* RLIMIT_AS; SIZE_MAX when there is none */
	bool strict_overcommit;	/* vm.overcommit_memory = 2 */
};
void pages_os_facts(struct pages_os_facts *ret);

/* Address space. ---------------------------------------------------------- */

/*
 * Take len bytes of inaccessible address space at a multiple of align (a power
 * of two, at least a page).  Costs no memory and no commit charge, but counts
 * towards RLIMIT_AS.
 */
int pages_os_reserve(size_t len, size_t align, void **ret);

/* Give address space back.  A refusal (at the mapping limit) leaks it. */
void pages_os_release(void *p, size_t len);

/* Zeroed private memory, accessible as prot says.  Charged like malloc's. */
int pages_os_map(size_t len, unsigned prot, void **ret);

/* Zeroed read-write memory that is not charged before it is touched. */
int pages_os_map_lazy(size_t len, void **ret);

/* Change permissions. */
int pages_os_protect(void *p, size_t len, unsigned prot);

/*
 * Give len bytes a new length, keeping the contents; the block may move.
 * On failure the old mapping is untouched.
 */
int pages_os_resize(void *p, size_t len, size_t new_len, void **ret);

/* Contents. --------------------------------------------------------------- */

/* Drop the contents at once: the range reads as zero and holds no memory. */
int pages_os_discard(void *p, size_t len);

/*
 * Replace a private read-write range by a new, uncharged one: zero, no memory,
 * and the attributes of a fresh mapping, so that the kernel can merge it with
 * its surroundings again.  On failure the old mapping may be gone: see heal.
 */
int pages_os_renew(void *p, size_t len);

/*
 * Move the pages under src to dst by page tables, without touching them; both
 * lie in private read-write memory and do not overlap, and each side is one
 * mapping of the kernel.  What was at dst is lost.  Afterwards src reads as
 * zero and holds no memory.
 *
 * On failure src is as it was, but dst may have become a hole (older kernels
 * unmap it before they look at src): pages_os_heal() closes it.
 */
int pages_os_move(void *src, void *dst, size_t len);

/*
 * After a refused move: make dst a mapping again if it is a hole.  0 if it was
 * one and is zeroed memory now; -EEXIST if nothing was missing.
 */
int pages_os_heal(void *dst, size_t len);

/* Make every page present and writable; -ENOMEM instead of a later SIGBUS. */
int pages_os_populate(void *p, size_t len);

/* Attributes. ------------------------------------------------------------- */

int pages_os_huge(void *p, size_t len, bool on);
int pages_os_dump(void *p, size_t len, bool on);

/* Time and waiting. ------------------------------------------------------- */

/* Monotonic milliseconds, good to a few; cheap enough for every free(). */
uint64_t pages_os_now_ms(void);

/*
 * Sleep until *word is no longer val, somebody wakes it, or ms have passed.
 * May return early for no reason.
 */
void pages_os_wait(_Atomic uint32_t *word, uint32_t val, unsigned ms);
void pages_os_wake(_Atomic uint32_t *word);

/* Let another runnable thread go first. */
void pages_os_yield(void);

/* Files and identity, for start-up and the exit report. ------------------- */

/* Read the start of a file, at most len - 1 bytes and a NUL; or -errno. */
int pages_os_read_file(const char *path, char *buf, size_t len);

/* Append in a single write, creating the file; or -errno. */
int pages_os_append_file(const char *path, const char *buf, size_t len);

/* One write to standard error.  For last words and what the user asked for. */
void pages_os_complain(const char *buf, size_t len);

/* Identity of the object behind standard error, 0 if it is closed. */
uint64_t pages_os_stderr_id(void);

int pages_os_pid(void);

/* The executable's path, at most len - 1 bytes and a NUL; or -errno. */
int pages_os_exe(char *buf, size_t len);

#endif /* PAGES_OS_H */
