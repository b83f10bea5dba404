/* SPDX-License-Identifier: MIT */
/*
 * os.h - the interface to the operating system: memory, files, time, identity
 *
 * Rules for every function here:
 * - addresses and lengths are multiples of the page size; len 0 is allowed and does
 *   nothing, except where a new mapping is requested;
 * - the result is 0 or a negative errno; errno itself is never changed;
 * - outputs are written last, and only on success;
 * - on failure the mapping is unchanged, unless the function says otherwise;
 * - any thread may call any function; the caller must own the range it passes;
 * - a file that would exceed RLIMIT_FSIZE is -EFBIG, and no signal;
 * - no policy: the callers decide what to do and when.
 *
 * A function is named after its effect, not after the system call behind it.  The files
 * linux*.c implement all of this.  They are the only files of the library that make system
 * calls; for signals and threads, populate.c and core/note.c use the C library.
 *
 * Calls that change mappings go through the C library's mmap, munmap, madvise and mremap,
 * because MPI and RDMA stacks patch these functions to keep their caches of pinned pages
 * right.  Moves to a given address bypass the C library, but both ends of the move are
 * announced by a harmless call first.  So code of such a stack may run inside any of these
 * functions.  It may allocate, free, or wait for a lock of its own.
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

/* The machine and the limits of the process, in bytes; 0 means unknown. */
struct pages_os_facts {
	size_t page_size;
	size_t ram;		/* physical memory */
	size_t ram_and_swap;
	size_t address_limit;	/* RLIMIT_AS; SIZE_MAX if there is none or it is unknown */
	bool strict_overcommit;	/* vm.overcommit_memory = 2 */
	size_t address_end;	/* no address of the process is higher; a power of two */
	uint64_t random;	/* differs in each process; 0 if its addresses are not to */
	bool filtered;		/* a seccomp filter is on: it may end the process at some calls */
};
void pages_os_facts(struct pages_os_facts *ret);

/* What address_limit would be now. */
size_t pages_os_address_limit(void);

/* The page size alone.  Cost: a few ns; the first call reads the auxiliary vector. */
size_t pages_os_page_size(void);

/* Address space. ---------------------------------------------------------- */

/*
 * Reserve len bytes of inaccessible address space at a multiple of align (a power of two,
 * at least a page).  A reservation costs no memory and no commit charge, but counts towards
 * RLIMIT_AS.
 */
int pages_os_reserve(size_t len, size_t align, void **ret);

/*
 * Unmap a range.  The kernel may refuse at the limit of mappings (vm.max_map_count): the
 * range stays mapped then, and is leaked.
 */
void pages_os_release(void *p, size_t len);

/*
 * Map zeroed private memory with the permissions of prot, with the commit charge that
 * malloc's memory has.  The byte at offset lead is at a multiple of align (a power of two,
 * at least a page); lead leaves room for a guard page in front.
 */
int pages_os_map(size_t len, size_t align, size_t lead, unsigned prot, void **ret);

/*
 * The same at p if nothing is mapped in that range, else anywhere: the caller compares.  Never
 * replaces a mapping.
 */
int pages_os_map_hinted(void *p, size_t len, unsigned prot, void **ret);

/*
 * Map read-write memory from the hugetlb pool of pages of 1 << log2 bytes; len is a multiple
 * of that.  -ENOMEM if the pool has too few pages left.
 */
int pages_os_map_pool(size_t len, unsigned log2, void **ret);

/* Map zeroed read-write memory without a commit charge (MAP_NORESERVE). */
int pages_os_map_lazy(size_t len, void **ret);

/*
 * Change permissions.  If the range covers several mappings of the kernel, a failure may
 * leave the first of them changed.
 */
int pages_os_protect(void *p, size_t len, unsigned prot);

/*
 * Replace a part of a mapping by zeroed private memory without a commit charge, or with
 * prot 0 by reserved address space.  -ENOTRECOVERABLE: the state of the range is unknown.
 * It may be unchanged (at the limit of mappings), or a hole, in which another thread's mmap
 * may land.  After any other error it is unchanged.
 */
int pages_os_replace(void *p, size_t len, unsigned prot);

/*
 * Give a mapping of len bytes a new length and keep the contents.  extend never moves it;
 * resize may move it to an address that the kernel chooses.  New bytes are zero.
 */
int pages_os_extend(void *p, size_t len, size_t new_len);
int pages_os_resize(void *p, size_t len, size_t new_len, void **ret);

/*
 * Resize and move to dst, where the caller has new_len bytes reserved.  On failure the
 * reservation may have become a hole: see pages_os_fill().
 */
int pages_os_resize_to(void *p, size_t len, size_t new_len, void *dst);

/*
 * Seal a mapping (mseal): for the rest of the process's life it cannot be unmapped, moved,
 * or given other permissions.  With len 0 only tells whether the kernel can do that.
 */
int pages_os_seal(void *p, size_t len);

/* Contents. --------------------------------------------------------------- */

/* Drop the contents at once: the range reads as zero and uses no memory. */
int pages_os_discard(void *p, size_t len);

/*
 * Replace a private read-write range by a new one without a commit charge.  It is zero, uses
 * no memory and has the attributes of a fresh mapping, so that the kernel can merge it with
 * its neighbours again.  On failure the contents are lost, and the old mapping may be gone:
 * see pages_os_fill().
 */
int pages_os_renew(void *p, size_t len);

/*
 * pages_os_renew() with pages from the hugetlb pool of 2 MiB pages; p and len are multiples
 * of that.  -ENOMEM if the pool has too few pages left.
 */
int pages_os_renew_pool(void *p, size_t len);

/*
 * Move the pages at src to dst by page tables, without touching them.  Both ranges are
 * private read-write memory, do not overlap, and are each within one mapping of the kernel.
 * The contents of dst are lost.  Afterwards src reads as zero and uses no memory.
 *
 * On failure src is unchanged, but dst may have become a hole, because the kernel unmaps it
 * before it checks RLIMIT_AS and RLIMIT_DATA: pages_os_fill() closes the hole.
 */
int pages_os_move(void *src, void *dst, size_t len);

/*
 * Map zeroed private memory without a commit charge at p, if nothing is mapped there: to
 * claim address space, or to close the hole of a refused move.  -EEXIST if anything is mapped
 * in the range, perhaps by another thread just now.  Never replaces a mapping.
 */
int pages_os_fill(void *p, size_t len, unsigned prot);

/* Fault in every page for writing; -ENOMEM instead of a later SIGBUS. */
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

/*
 * madvise with the advice of that name.  -EINVAL or -ENOSYS if the kernel does not know it,
 * or not for this kind of memory.
 */
int pages_os_advise(void *p, size_t len, enum pages_os_advice advice);

/* Lock the pages in memory (mlock), or unlock them.  On failure a part may be locked. */
int pages_os_lock(void *p, size_t len, bool on);

/*
 * Turn pages into guard pages, or back.  Every access to a guard page faults, and its
 * contents are lost; pages that are turned back are zero.  Guard pages are marks in the page
 * tables: they do not split the mapping.
 */
int pages_os_guard(void *p, size_t len, bool on);

/* NUMA placement of pages that are not touched yet; bit n of nodes is node n. */
enum pages_os_place {
	PAGES_OS_ANYWHERE, PAGES_OS_PREFER, PAGES_OS_BIND, PAGES_OS_INTERLEAVE
};
int pages_os_place(void *p, size_t len, enum pages_os_place how, uint64_t nodes);

/*
 * Libraries for fast networks hook the functions by which mappings change, because they keep a
 * cache of addresses that the network card knows.  remember() notes what munmap, mremap and
 * madvise are now; a library that exports these itself gives the functions behind them, else
 * NULL, and says if they are hooked already.  is_hooked() tells if they are by now; false if
 * nothing was remembered.
 *
 * Threads: remember() is called once, before the others.  Cost of is_hooked(): six comparisons of
 * 16 bytes.
 */
void pages_os_remember_calls(const void *const behind[3], bool hooked);
bool pages_os_is_hooked(void);

/* Name the range in /proc/PID/maps; NULL removes the name. */
int pages_os_label(void *p, size_t len, const char *label);

/* Files in memory. -------------------------------------------------------- */

enum pages_os_file {
	PAGES_OS_FILE_DATA,
	PAGES_OS_FILE_CODE,	/* its pages may be executed */
	PAGES_OS_FILE_SECRET,	/* not in the kernel's direct map; write(2) to it fails */
};

/* Open a memory file of len zero bytes.  It has no path; the caller owns the descriptor. */
int pages_os_file_open(enum pages_os_file kind, const char *label, size_t len, int *ret);
void pages_os_file_close(int fd);
int pages_os_file_resize(int fd, size_t len);

/* Write all of buf at offset; on failure a part may have been written.  len in bytes. */
int pages_os_file_write(int fd, uint64_t offset, const void *buf, size_t len);

/*
 * Forbid every later change of the contents and the length (F_SEAL_WRITE and the like).
 * -EBUSY while there is a writable shared mapping of the file.
 */
int pages_os_file_seal(int fd);

/*
 * Forbid new ways to change a memory file (F_SEAL_FUTURE_WRITE): write(2), and shared mappings
 * that are writable or could be made so.  Those that exist stay.  -EINVAL before Linux 5.1.
 */
int pages_os_file_seal_future(int fd);

/*
 * A hash of the device and inode numbers, never 0 for an open file: tells whether fd still
 * is the file that it was.  0 if fd is not open.
 */
uint64_t pages_os_file_id(int fd);

/* The length of a regular file; -ENODEV for anything else. */
int pages_os_file_len(int fd, uint64_t *ret);

/* Private: stores stay in the mapping (copy-on-write).  Shared: they go to the file. */
enum pages_os_sharing { PAGES_OS_PRIVATE, PAGES_OS_SHARED };

/* Map the start of a file.  A private mapping has no commit charge. */
int pages_os_file_map(int fd, size_t len, unsigned prot, enum pages_os_sharing sharing,
		      void **ret);

/*
 * Map all of a memory file that process pid has open as fd, shared, readable and writable.  No
 * descriptor stays open.  -EINVAL unless it is a file of exactly len bytes
 * that can neither shrink nor grow, so that no access faults; other errors if this process may
 * not look into that one.
 */
int pages_os_file_map_of(int pid, int fd, size_t len, void **ret);

/*
 * Map the part of a file from offset on in place of what is mapped at p.  -ENOTRECOVERABLE:
 * as for pages_os_replace().
 */
int pages_os_file_map_at(void *p, int fd, uint64_t offset, size_t len, unsigned prot,
			 enum pages_os_sharing sharing);

/* Punch a hole into a memory file: the range is zero, uses no memory; the length stays. */
int pages_os_file_discard(int fd, uint64_t offset, size_t len);

/* Streams: descriptors that the program has opened.  Lengths are any number of bytes. */

/* Write all of buf at the file position; on failure a part may have been written. */
int pages_os_write(int fd, const void *buf, size_t len);

/*
 * Read up to len bytes at the file position.  *ret is how many: at least 1, and 0 only at
 * the end of the file.
 */
int pages_os_read(int fd, void *buf, size_t len, size_t *ret);

/* Get and set the file position; -ESPIPE for pipes and the like. */
int pages_os_tell(int fd, uint64_t *ret);
int pages_os_seek(int fd, uint64_t position);

/* What the kernel says. --------------------------------------------------- */

struct pages_os_mapping {
	const char *start;
	size_t len;
	unsigned prot;
	bool shared;
	char name[80];		/* file or label, cut off if longer */
};

/*
 * The mapping that contains p, or else the next one above; -ENOENT if there is none.  Both
 * need /proc.  The first is one ioctl on /proc/self/maps (Linux 6.11).  The second works
 * with every kernel: it reads that file as text up to the mapping, so it costs more the more
 * mappings lie below p.
 */
int pages_os_query(const void *p, struct pages_os_mapping *ret);
int pages_os_query_text(const void *p, struct pages_os_mapping *ret);

/*
 * Call visit for one mapping after the other, from the lowest on, until it returns false.  Other
 * threads may change what was seen already.  -EIO after an error while reading.
 */
int pages_os_each_mapping(bool (*visit)(void *arg, const struct pages_os_mapping *m), void *arg);

/*
 * Find the first run of resident pages in [p + *offset, p + len).  On return *offset is its
 * start, relative to p, and *ret_len its length in bytes, 0 if there is none.  The shared
 * zero page does not count; with own, pages of files do not either, only private copies.
 */
int pages_os_scan(const void *p, size_t len, bool own, size_t *offset, size_t *ret_len);

/*
 * The same by mincore, for kernels without PAGEMAP_SCAN.  It counts every page that is in
 * memory, whether this mapping has touched it or not.
 */
int pages_os_scan_mincore(const void *p, size_t len, size_t *offset, size_t *ret_len);

/*
 * Copy len bytes at p to buf, without a fault if p is not readable.  0 or -errno; some of buf may
 * have changed.
 */
int pages_os_peek(const void *p, void *buf, size_t len);

/*
 * Zero len bytes of anonymous memory at p without touching pages that were never written;
 * *ret is the number of bytes that were cleared.  Pages in swap count as written.  On
 * failure (-ENOTTY: the kernel cannot list the pages) a part may be cleared.
 */
int pages_os_clear(void *p, size_t len, size_t *ret);

/* Is the byte at p readable?  The kernel tries the access, so this never faults. */
bool pages_os_readable(const void *p);

/* Time and waiting. ------------------------------------------------------- */

/* Monotonic time in ms, exact to a few ms; cheap enough to be read at every free(). */
uint64_t pages_os_now_ms(void);

/*
 * A coarse clock: adds 1 every 4 ms, and skips some values at the turn of each second, so
 * that a second is 256 ticks.  It wraps around, so only differences mean anything.
 * Cost: 3 ns, half of pages_os_now_ms().
 */
uint32_t pages_os_tick(void);

/*
 * If *word is val, sleep until pages_os_wake(word) or until ms milliseconds have passed;
 * else return at once.  May return early for no reason.
 */
void pages_os_wait(_Atomic uint32_t *word, uint32_t val, unsigned ms);

/* Wake one thread that sleeps in pages_os_wait() on this word. */
void pages_os_wake(_Atomic uint32_t *word);

/* Let other runnable threads go first. */
void pages_os_yield(void);

/* Files and identity, for start-up and the exit report. ------------------- */

/*
 * Read the start of a file, at most len - 1 bytes, and terminate it.  Allocates nothing;
 * nor do the next two.
 */
int pages_os_read_file(const char *path, char *buf, size_t len);

/*
 * Call visit for each line of a file, without its newline; visit may change the line.  buf has
 * len bytes for it to lie in: of a line longer than half of that visit may get only the start
 * and the end.
 * 0, or -errno if the file cannot be opened or read.
 */
int pages_os_read_lines(const char *path, char *buf, size_t len,
			void (*visit)(void *arg, char *line), void *arg);

/*
 * Append buf to a file by a single write, so that lines of several processes do not mix;
 * creates the file.  -ENOSPC if only a part was written.
 */
int pages_os_append_file(const char *path, const char *buf, size_t len);

/*
 * Could pages_os_append_file() write to this file?  0, or why not, as far as the file or its
 * directory tell; creates and opens nothing.  -ENAMETOOLONG also for a path that cannot be split.
 */
int pages_os_may_append(const char *path);

/* The path of the working directory, terminated; -ERANGE if it does not fit. */
int pages_os_directory(char *buf, size_t len);

/* Write to standard error once: what the user asked for at the start or the end. */
void pages_os_say(const char *buf, size_t len);

/*
 * The same by a single system call, also in sandboxes: before abort(3), and where malloc writes.
 * At RLIMIT_FSIZE it may end the process.
 */
void pages_os_complain(const char *buf, size_t len);

int pages_os_pid(void);

/* The number of CPUs that the calling thread may run on, at least 1. */
unsigned pages_os_cpus(void);

/*
 * From now on the kernel refuses to make a page executable that was writable (PR_SET_MDWE).
 * Holds for this process and its children, and cannot be undone.
 */
int pages_os_lockdown(void);

/* The executable's path, at most len - 1 bytes, terminated. */
int pages_os_exe(char *buf, size_t len);

#endif /* PAGES_OS_H */
