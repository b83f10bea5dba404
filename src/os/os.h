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
 * Names say what is meant, not which system call does it.  The files linux*.c
 * are the one implementation and the only ones of the library to enter the kernel.
 * The calls that change mappings go through the C library's functions, because
 * MPI and RDMA stacks patch those to keep their caches of pinned pages right; moves to a
 * given place do not, but both ends are announced by such a call.  So code of others may
 * run inside, which may allocate, free, or wait for a lock of its own.
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

/* Alone, and for a few ns. */
size_t pages_os_page_size(void);

/* Address space. ---------------------------------------------------------- */

/*
 * Take len bytes of inaccessible address space at a multiple of align (a power
 * of two, at least a page).  Costs no memory and no commit charge, but counts
 * towards RLIMIT_AS.
 */
int pages_os_reserve(size_t len, size_t align, void **ret);

/* Give address space back.  A refusal (at the mapping limit) leaks it. */
void pages_os_release(void *p, size_t len);

/*
 * Zeroed private memory, accessible as prot says.  Charged like malloc's.  The byte
 * at lead lies at a multiple of align (a power of two, at least a page).
 */
int pages_os_map(size_t len, size_t align, size_t lead, unsigned prot, void **ret);

/*
 * The same from the pool of huge pages of 1 << log2 bytes, of which len is a
 * multiple; -ENOMEM if the pool has too few left.
 */
int pages_os_map_pool(size_t len, unsigned log2, void **ret);

/* Zeroed read-write memory that is not charged before it is touched. */
int pages_os_map_lazy(size_t len, void **ret);

/*
 * Change permissions.  On failure a part may have been changed, if the range is more
 * than one mapping of the kernel.
 */
int pages_os_protect(void *p, size_t len, unsigned prot);

/*
 * Put zeroed private memory that is not charged before it is touched, or with prot 0
 * reserved address space, in place of a part of a mapping.  -ENOTRECOVERABLE:
 * nothing is known about the range any more.  It may be as it was (at the mapping limit),
 * or a hole, which another thread may fill.  After any other error it is as it was.
 */
int pages_os_replace(void *p, size_t len, unsigned prot);

/*
 * Give a mapping of len bytes a new length, keeping the contents, where it is or,
 * for pages_os_resize(), at a place of the kernel's choice.  What is new is zero.
 */
int pages_os_extend(void *p, size_t len, size_t new_len);
int pages_os_resize(void *p, size_t len, size_t new_len, void **ret);

/*
 * The same, to dst, which is reserved.  On failure the reservation may be a hole:
 * see heal.
 */
int pages_os_resize_to(void *p, size_t len, size_t new_len, void *dst);

/* Nobody, not even this process, can change the range any more (len 0: can that be?). */
int pages_os_seal(void *p, size_t len);

/* Contents. --------------------------------------------------------------- */

/* Drop the contents at once: the range reads as zero and holds no memory. */
int pages_os_discard(void *p, size_t len);

/*
 * Replace a private read-write range by a new, uncharged one: zero, no memory,
 * and the attributes of a fresh mapping, so that the kernel can merge it with
 * its surroundings again.  On failure the contents are lost, and the old mapping may be
 * gone: see heal.
 */
int pages_os_renew(void *p, size_t len);

/*
 * The same with pages from the pool of huge pages of 2 MiB, of which p and len are
 * multiples; -ENOMEM if it has too few left.
 */
int pages_os_renew_pool(void *p, size_t len);

/*
 * Move the pages under src to dst by page tables, without touching them; both
 * lie in private read-write memory and do not overlap, and each side is one
 * mapping of the kernel.  What was at dst is lost.  Afterwards src reads as
 * zero and holds no memory.
 *
 * On failure src is as it was, but dst may have become a hole (it is unmapped
 * before RLIMIT_AS and RLIMIT_DATA are looked at): pages_os_heal() closes it.
 */
int pages_os_move(void *src, void *dst, size_t len);

/*
 * After a refused move: make dst a mapping again if it is a hole.  0 if it was
 * one and is zeroed memory now; -EEXIST if nothing was missing.  Any other error
 * leaves the hole: under a limit that refused the move this is refused as well.
 */
int pages_os_heal(void *dst, size_t len);

/* The same with inaccessible address space, which is to be had where memory is not. */
int pages_os_plug(void *dst, size_t len);

/* Make every page present and writable; -ENOMEM instead of a later SIGBUS. */
int pages_os_populate(void *p, size_t len);

/* Attributes. ------------------------------------------------------------- */

enum pages_os_advice {
	PAGES_OS_NORMAL, PAGES_OS_SEQUENTIAL, PAGES_OS_RANDOM,
	PAGES_OS_WILL_NEED, PAGES_OS_COLD, PAGES_OS_PAGE_OUT, PAGES_OS_FREE,
	PAGES_OS_HUGE, PAGES_OS_NO_HUGE, PAGES_OS_COLLAPSE,
	PAGES_OS_DONT_FORK, PAGES_OS_DO_FORK, PAGES_OS_WIPE_ON_FORK, PAGES_OS_KEEP_ON_FORK,
	PAGES_OS_DONT_DUMP, PAGES_OS_DO_DUMP,
	PAGES_OS_MERGEABLE, PAGES_OS_UNMERGEABLE,
};

/* -EINVAL or -ENOSYS where the kernel does not have it, for this kind of memory. */
int pages_os_advise(void *p, size_t len, enum pages_os_advice advice);

/* Pages present for good, from now on; or no longer.  On failure a part may be. */
int pages_os_lock(void *p, size_t len, bool on);

/*
 * Mark pages so that every access faults, and what they held is lost; or take the
 * marks away, zeroed pages being there then.  Costs no mapping.
 */
int pages_os_guard(void *p, size_t len, bool on);

/* NUMA placement of pages yet to be touched; bit n of nodes is node n. */
enum pages_os_place {
	PAGES_OS_ANYWHERE, PAGES_OS_PREFER, PAGES_OS_BIND, PAGES_OS_INTERLEAVE
};
int pages_os_place(void *p, size_t len, enum pages_os_place how, uint64_t nodes);

/* A name for /proc/PID/maps; NULL for none. */
int pages_os_label(void *p, size_t len, const char *label);

/* Files in memory. -------------------------------------------------------- */

enum pages_os_file {
	PAGES_OS_FILE_DATA,
	PAGES_OS_FILE_CODE,	/* its pages may be executed */
	PAGES_OS_FILE_SECRET,	/* out of the kernel's own sight; cannot be written to */
};

/* A file of len zero bytes that has no path, by descriptor. */
int pages_os_file_open(enum pages_os_file kind, const char *label, size_t len, int *ret);
void pages_os_file_close(int fd);
int pages_os_file_resize(int fd, size_t len);

int pages_os_file_write(int fd, uint64_t offset, const void *buf, size_t len);

/* Nobody can write to it any more; -EBUSY while there is a writable shared mapping. */
int pages_os_file_seal(int fd);

/* Tells an open file from every other one; 0 if there is none behind fd. */
uint64_t pages_os_file_id(int fd);

/* The length of any file; -ENODEV for what has none. */
int pages_os_file_len(int fd, uint64_t *ret);

/* What is written to the mapping: does the file get it? */
enum pages_os_sharing { PAGES_OS_PRIVATE, PAGES_OS_SHARED };

/* Map the start of a file; a private mapping is not charged. */
int pages_os_file_map(int fd, size_t len, unsigned prot, enum pages_os_sharing sharing,
		      void **ret);

/* The part from offset on, in place of what is mapped at p.  -ENOTRECOVERABLE: as for replace. */
int pages_os_file_map_at(void *p, int fd, uint64_t offset, size_t len, unsigned prot,
			 enum pages_os_sharing sharing);

/* Drop a part of the contents of a memory file: zero, no memory, the same length. */
int pages_os_file_discard(int fd, uint64_t offset, size_t len);

/* Streams: descriptors that somebody else has opened. ---------------------- */

/* All of buf from the position on; on failure a part may have been written. */
int pages_os_write(int fd, const void *buf, size_t len);

/* What there is, at most len bytes, and at least one but at the end; *ret is how many. */
int pages_os_read(int fd, void *buf, size_t len, size_t *ret);

/* The position, and a new one; -ESPIPE for what has none. */
int pages_os_tell(int fd, uint64_t *ret);
int pages_os_seek(int fd, uint64_t position);

/* What the kernel says. --------------------------------------------------- */

struct pages_os_mapping {
	const char *start;
	size_t len;
	unsigned prot;
	bool shared;
	char name[80];		/* cut off if longer */
};

/*
 * The mapping that holds p, or else the next one; -ENOENT if there is none.  The
 * second way needs nothing but /proc and reads it all.
 */
int pages_os_query(const void *p, struct pages_os_mapping *ret);
int pages_os_query_text(const void *p, struct pages_os_mapping *ret);

/*
 * The first run of pages from p + *offset on, within len bytes from p, that are in
 * memory; *ret_len is 0 if there is none.  With own, pages of files do not count.
 */
int pages_os_scan(const void *p, size_t len, bool own, size_t *offset, size_t *ret_len);

/* The same where the kernel cannot tell whose pages they are. */
int pages_os_scan_mincore(const void *p, size_t len, size_t *offset, size_t *ret_len);

/*
 * Make len bytes at p, anonymous memory, zero, without touching pages that are so
 * already: *ret is how many were written to.  Pages in swap count as written.  On
 * failure (-ENOTTY: the kernel cannot tell them) some are cleared.
 */
int pages_os_clear(void *p, size_t len, size_t *ret);

/* Can one byte be read?  Asks the kernel, without a fault. */
bool pages_os_readable(const void *p);

/* Time and waiting. ------------------------------------------------------- */

/* Monotonic milliseconds, good to a few; cheap enough for every free(). */
uint64_t pages_os_now_ms(void);

/*
 * Counts up every 4 ms, and by some more at the turn of a second; 30 bits matter.  Half
 * of what it costs to look at the clock in milliseconds: 3 ns.
 */
uint32_t pages_os_tick(void);

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

/*
 * Call visit with each line of a file, which may change it.  Of a line beyond 1 KiB
 * it may see no more than the start and the end.  0, or -errno if the file cannot
 * be opened or read.
 */
int pages_os_read_lines(const char *path, void (*visit)(void *arg, char *line), void *arg);

/* Append in a single write, creating the file; or -errno. */
int pages_os_append_file(const char *path, const char *buf, size_t len);

/* One write to standard error.  For last words and what the user asked for. */
void pages_os_complain(const char *buf, size_t len);

int pages_os_pid(void);

/* How many CPUs this thread may run on, at least 1. */
unsigned pages_os_cpus(void);

/* No page that could be written becomes executable, in this process, ever. */
int pages_os_lockdown(void);

/* The executable's path, at most len - 1 bytes and a NUL; or -errno. */
int pages_os_exe(char *buf, size_t len);

#endif /* PAGES_OS_H */
