/* SPDX-License-Identifier: MIT */
/*
 * cache.c - keeps the pages of freed vectors for the next ones
 *
 * The first touch of a page costs several times as much as writing it.  A program that uses
 * one vector after the other pays for it only once.  Each process has one cache, of a few
 * entries.  They are of two kinds:
 *
 *	muzzy	the kernel may take the memory (see muzzy.h).  Cheap with huge pages; with small
 *		ones it costs a third of what filling them costs.
 *	hot	as it was left.  So a small bound holds for all of them together, and the oldest
 *		become muzzy beyond it, or when they are older than a second.
 *
 * Entries are closed when they are older than ten seconds, or when there are too many.  This
 * happens in the next call that frees or allocates pages of a vector, and in pages_trim().
 *
 * Nothing waits here, and no system call is made while the cache is in use.  A thread that
 * finds it in use goes on without it.  If a fork happens in that moment, the child never uses
 * the cache.
 */
#include "vec.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "os/caps.h"
#include "os/kept.h"
#include "os/muzzy.h"
#include "os/os.h"

enum { ENTRIES = 16 };

/* The most that is kept, and of that the most that is hot.  The last vector may be larger. */
#define MOST PAGES_MIB(512)
#define MOST_HOT PAGES_MIB(8)

/* In ms: when hot entries become muzzy, and when entries are closed. */
#define HOT_FOR 1000
#define KEPT_FOR 10000

/*
 * Pages of more than so many times the requested size are not reused: most of them would be
 * resident but unused.
 */
#define TIMES_TOO_LARGE 32

struct entry {
	struct pages_rw pages;		/* empty: the entry is free */
	uint64_t since;
	bool hot;
};

/* What has left the cache, to be dealt with when it is no longer in use. */
struct removed {
	struct entry all[ENTRIES + 1];
	size_t n;
};

static atomic_flag in_use = ATOMIC_FLAG_INIT;
static struct entry entries[ENTRIES];

static size_t trim(size_t keep);
static struct pages_kept kept = { .trim = trim };

/* Abort, because otherwise two vectors would get the same pages. */
_Noreturn static void
die_of_freed_twice(void)
{
	static const char line[] = "pages: vector freed twice, through a copy of its handle\n";

	pages_os_complain(line, sizeof(line) - 1);
	abort();
}

static bool
enter(void)
{
	return !atomic_flag_test_and_set_explicit(&in_use, memory_order_acquire);
}

static void
leave(void)
{
	atomic_flag_clear_explicit(&in_use, memory_order_release);
}

static size_t
bytes_of(const struct entry *e)
{
	return pages_len(&e->pages);
}

static size_t
bytes_kept(bool hot_only)
{
	size_t sum = 0;

	for (size_t i = 0; i < ENTRIES; i++)
		if (entries[i].hot || !hot_only)
			sum += bytes_of(&entries[i]);
	return sum;
}

static struct entry
take(struct entry *e)
{
	struct entry taken = *e;

	*e = (struct entry){0};
	atomic_fetch_sub_explicit(&kept.bytes, bytes_of(&taken), memory_order_relaxed);
	return taken;
}

/* The entry that was kept first, among all or among the hot ones; NULL if there is none. */
static struct entry *
oldest(bool hot_only)
{
	struct entry *old = NULL;

	for (struct entry *e = entries; e < entries + ENTRIES; e++)
		if (bytes_of(e) != 0 && (e->hot || !hot_only) &&
		    (old == NULL || e->since < old->since))
			old = e;
	return old;
}

static void
remove_entry(struct entry *e, struct removed *out)
{
	out->all[out->n++] = take(e);
}

/* A free entry, after removing the oldest ones until len bytes more may be kept. */
static struct entry *
make_room(size_t len, struct removed *out)
{
	struct entry *e;

	while ((e = oldest(false)) != NULL && bytes_kept(false) + len > MOST)
		remove_entry(e, out);
	for (e = entries; e < entries + ENTRIES; e++)
		if (bytes_of(e) == 0)
			return e;
	e = oldest(false);
	remove_entry(e, out);
	return e;
}

/* Remove what is too old, or hot and too old or too much for that. */
static void
age(uint64_t now, struct removed *out)
{
	struct entry *e;

	while ((e = oldest(false)) != NULL && now - e->since >= KEPT_FOR)
		remove_entry(e, out);
	while ((e = oldest(true)) != NULL &&
	       (now - e->since >= HOT_FOR || bytes_kept(true) > MOST_HOT))
		remove_entry(e, out);
}

/* Put *e in; false if the cache is in use. */
static bool
put(const struct entry *e, uint64_t now, struct removed *out)
{
	if (!enter())
		return false;
	for (size_t i = 0; i < ENTRIES; i++)
		if (bytes_of(&entries[i]) != 0 &&
		    pages_read(&entries[i].pages) == pages_read(&e->pages))
			die_of_freed_twice();
	*make_room(bytes_of(e), out) = *e;
	atomic_fetch_add_explicit(&kept.bytes, bytes_of(e), memory_order_relaxed);
	age(now, out);
	leave();
	return true;
}

/* Sandboxes may end the process at MADV_FREE, so ask first. */
static bool
is_marked(char *p, size_t len)
{
	return pages_can(PAGES_CAP_LAZY) && pages_muzzy_mark(p, len);
}

/*
 * Close what was removed, but make hot entries muzzy that are not too old, and put them in
 * again.  That makes no hot entry more, so it ends.
 */
static void
deal_with(struct removed *out, uint64_t now)
{
	for (size_t i = 0; i < out->n; i++) {
		struct entry e = out->all[i];
		struct removed more = { .n = 0 };

		if (e.hot && now - e.since < KEPT_FOR &&
		    is_marked(pages_write(&e.pages), bytes_of(&e))) {
			e.hot = false;
			if (put(&e, now, &more)) {
				for (size_t k = 0; k < more.n; k++)
					pages_close(&more.all[k].pages);
				continue;
			}
		}
		pages_close(&e.pages);
	}
}

/*
 * May the memory be kept as it is?  Its owner may have changed more than the contents.  Resets
 * permissions; fails if a part is unmapped, is a file or shared (which cannot be wiped on
 * fork), or is locked at its start.  The last takes the contents of the first page, which the
 * store makes dirty again.
 * Cost: 4 us for any size; muzzy memory is checked, too, but page by page.
 */
static bool
is_clean(char *p, size_t len)
{
	if (!pages_can(PAGES_CAP_WIPE) || !pages_can(PAGES_CAP_LAZY) ||
	    pages_os_protect(p, len, PAGES_OS_READ | PAGES_OS_WRITE) != 0 ||
	    pages_os_advise(p, len, PAGES_OS_WIPE_ON_FORK) != 0 ||
	    pages_os_advise(p, len, PAGES_OS_KEEP_ON_FORK) != 0 ||
	    pages_os_advise(p, pages_os_page_size(), PAGES_OS_FREE) != 0)
		return false;
	*(volatile char *)p = 0;
	return true;
}

void
paged_vec_keep(struct pages_rw *pages)
{
	struct entry e = { .since = pages_os_now_ms() };
	struct removed out = { .n = 0 };
	char *p = pages_write(pages);

	/* Copies of the vector that was freed do not own what the next one gets. */
	pages_serial_renew(&pages->p_.serial_, PAGED_VEC_CALL);
	e.pages = *pages;
	pages_kept_announce(&kept);
	e.hot = bytes_of(&e) < PAGED_VEC_HUGE_FROM && is_clean(p, bytes_of(&e));
	if ((e.hot || is_marked(p, bytes_of(&e))) && put(&e, e.since, &out))
		*pages = (struct pages_rw){0};
	deal_with(&out, e.since);
	pages_close(pages);
}

/* The smallest entry that is large enough, and of several the one that was kept last. */
static struct entry *
best(size_t room)
{
	struct entry *b = NULL;

	for (struct entry *e = entries; e < entries + ENTRIES; e++) {
		size_t len = bytes_of(e);

		if (len < room || len / TIMES_TOO_LARGE > room)
			continue;
		if (b == NULL || len < bytes_of(b) ||
		    (len == bytes_of(b) && e->since > b->since))
			b = e;
	}
	return b;
}

bool
paged_vec_reuse(size_t room, struct pages_rw *ret)
{
	uint64_t now = pages_os_now_ms();
	struct removed out = { .n = 0 };
	struct entry *e, got = {0};

	if (atomic_load_explicit(&kept.bytes, memory_order_relaxed) == 0 || !enter())
		return false;
	e = best(room);
	if (e != NULL)
		got = take(e);
	age(now, &out);
	leave();
	deal_with(&out, now);
	if (bytes_of(&got) == 0)
		return false;
	if (!got.hot)
		pages_muzzy_unmark(pages_write(&got.pages), bytes_of(&got));
	atomic_fetch_add_explicit(&kept.reused_bytes, bytes_of(&got), memory_order_relaxed);
	*ret = got.pages;
	return true;
}

/* The oldest go first. */
static size_t
trim(size_t keep)
{
	struct removed out = { .n = 0 };
	size_t bytes = 0;

	if (!enter())
		return 0;
	while (bytes_kept(false) > keep)
		remove_entry(oldest(false), &out);
	leave();
	for (size_t i = 0; i < out.n; i++) {
		bytes += bytes_of(&out.all[i]);
		pages_close(&out.all[i].pages);
	}
	return bytes;
}

bool
paged_vec_flush_cache(void)
{
	return trim(0) != 0;
}
