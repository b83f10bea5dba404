/* SPDX-License-Identifier: MIT */
/*
 * arena.c - claims address space, maps and unmaps parts of it, renews them; side tables
 */
#include "arena.h"

#include <errno.h>

#include "os/base.h"
#include "os/caps.h"
#include "os/os.h"

#define READ_WRITE (PAGES_OS_READ | PAGES_OS_WRITE)

/* How many places to try before the kernel is thought to follow no hints. */
#define TRIES 4

/* Side tables take 0.25 % of the arena (extents.c), and 69 bytes a unit (units.c). */
#define TABLES_SHARE 256

/* Opening. ---------------------------------------------------------------- */

static size_t
tables_len(const struct pages_claim *c)
{
	return pages_round_up(c->len / TABLES_SHARE, PAGES_UNIT) + PAGES_UNIT;
}

static struct pages_arena
arena_at(char *start, const struct pages_claim *c)
{
	return (struct pages_arena){
		.base = start + tables_len(c),
		.len = c->len,
		.tables = start,
		.page_size = c->page_size,
		.page_shift = pages_log2(c->page_size),
		.huge = c->huge,
	};
}

/*
 * The second and third quarter of the address space, as far as 5/8 of it: above what low
 * executables, sanitizers and Go use, below executables at 2/3 and mmap's own choices at the
 * end.  The stride spreads places over it.
 */
static char *
place(const struct pages_claim *c, uint64_t random)
{
	size_t from = c->address_end / 4, room = c->address_end / 8 * 3;
	size_t len = c->len + tables_len(c);

	return (char *)(from + pages_round_down(random % (room - len), PAGES_UNIT));
}

int
pages_arena_open(struct pages_arena *a, const struct pages_claim *c)
{
	int err = -EEXIST;

	if (c->len > c->address_end / 8)
		return -ENOMEM;
	for (unsigned i = 0; pages_can(PAGES_CAP_HINT) && i < TRIES && err == -EEXIST; i++) {
		*a = arena_at(place(c, c->random + i * PAGES_GOLDEN_64), c);
		err = pages_os_fill(a->base - a->page_size, a->page_size, PAGES_OS_READ);
	}
	return err;
}

/*
 * The first page stays inaccessible.  The kernel puts new mappings below the reserve, and would
 * merge them with a table there; such a mapping, moved to where units are, merges with none.
 */
int
pages_arena_reserve(struct pages_arena *a, const struct pages_claim *c)
{
	void *start;
	int err = pages_os_reserve(tables_len(c) + c->len, PAGES_UNIT, &start);

	if (err != 0)
		return err;
	*a = arena_at(start, c);
	a->reserved = start;
	a->tables += a->page_size;
	return pages_os_protect(a->base - a->page_size, a->page_size, PAGES_OS_READ);
}

void
pages_arena_close(struct pages_arena *a)
{
	pages_os_release(a->base - a->page_size, a->page_size + (a->reserved != NULL ? a->len : 0));
	pages_os_release(a->reserved, a->reserved != NULL ? a->page_size : 0);
	*a = (struct pages_arena){ 0 };
}

/* Units. ------------------------------------------------------------------ */

static int
map(const struct pages_arena *a, char *p, size_t len)
{
	return a->reserved != NULL ? pages_os_replace(p, len, READ_WRITE) :
				     pages_os_fill(p, len, READ_WRITE);
}

/*
 * What is reserved stays so, or a later mmap of the program could land there.  At a limit it
 * stays mapped, too, until map() replaces it.
 */
static void
unmap(const struct pages_arena *a, char *p, size_t len)
{
	if (a->reserved == NULL)
		pages_os_release(p, len);
	else if (pages_os_replace(p, len, PAGES_OS_NONE) != 0)
		(void)pages_os_discard(p, len);
}

void
pages_arena_adopt(const struct pages_arena *a, size_t start, size_t len)
{
	bool huge = a->huge && pages_arena_zone(a, start / PAGES_UNIT) == PAGES_ZONE_HUGE;

	if (pages_can(huge ? PAGES_CAP_HUGE : PAGES_CAP_SMALL))
		(void)pages_os_advise(a->base + start, len,
				      huge ? PAGES_OS_HUGE : PAGES_OS_NO_HUGE);
}

int
pages_arena_map(const struct pages_arena *a, size_t start, size_t len)
{
	int err;

	if (start + len > a->len)	/* cut off by release_reserve() in purge.c */
		return -ENOMEM;
	err = map(a, a->base + start, len);
	if (err == 0)
		pages_arena_adopt(a, start, len);
	return err;
}

void
pages_arena_unmap(const struct pages_arena *a, size_t start, size_t len)
{
	unmap(a, a->base + start, len);
}

int
pages_arena_discard(const struct pages_arena *a, size_t start, size_t len)
{
	if (pages_can(PAGES_CAP_DISCARD) && pages_os_discard(a->base + start, len) == 0)
		return 0;
	/* This kernel's discard does not zero, or the program has locked the range. */
	return pages_arena_renew(a, start, len);
}

int
pages_arena_heal(const struct pages_arena *a, size_t start, size_t len)
{
	int err = pages_os_fill(a->base + start, len, READ_WRITE);

	if (err == 0)
		pages_arena_adopt(a, start, len);
	if (err == 0 || err == -EEXIST)
		return err;
	/* At a limit the kernel does not even say whether something is mapped there. */
	if (a->reserved != NULL)
		(void)pages_os_fill(a->base + start, len, PAGES_OS_NONE);
	else
		pages_os_release(a->base + start, len);
	return -EFAULT;
}

int
pages_arena_renew(const struct pages_arena *a, size_t start, size_t len)
{
	char *p = a->base + start;
	int healed, err = a->reserved != NULL ? pages_os_replace(p, len, READ_WRITE) :
						pages_os_renew(p, len);

	if (err == 0) {
		pages_arena_adopt(a, start, len);
		return 0;
	}
	healed = pages_arena_heal(a, start, len);
	return healed == -EEXIST ? err : healed;
}

/* Side tables. ------------------------------------------------------------ */

void
pages_arena_table(struct pages_arena *a, size_t max, struct pages_table *ret)
{
	max = pages_round_up(max, a->page_size);
	*ret = (struct pages_table){ a->tables, 0, max };
	a->tables += max;
	assert(a->tables <= a->base - a->page_size);
}

void
pages_arena_end_tables(struct pages_arena *a)
{
	char *end = a->base - a->page_size;

	if (a->reserved != NULL)
		pages_os_release(a->tables, (size_t)(end - a->tables));
	a->tables = end;
}

/* Tables are written sparsely: huge pages would waste most of their memory. */
static int
extend(const struct pages_arena *a, struct pages_table *t, size_t len)
{
	char *p = t->start + t->mapped;
	size_t more;
	int err;

	len = pages_min(pages_round_up(len, a->page_size), t->max);
	more = len - t->mapped;
	err = map(a, p, more);
	if (err != 0)
		return err;
	if (pages_can(PAGES_CAP_SMALL))
		(void)pages_os_advise(p, more, PAGES_OS_NO_HUGE);
	if (pages_can(PAGES_CAP_DUMP))
		(void)pages_os_advise(p, more, PAGES_OS_DONT_DUMP);
	t->mapped = len;
	return 0;
}

int
pages_table_reach(const struct pages_arena *a, struct pages_table *t, size_t len)
{
	if (len <= t->mapped)
		return 0;
	if (len > t->max)	/* cut off */
		return -ENOMEM;
	/* Half as much again, so that calls are few; at a limit just what is needed. */
	if (extend(a, t, pages_max(len, t->mapped + t->mapped / 2)) == 0)
		return 0;
	return extend(a, t, len);
}

void
pages_table_cut(struct pages_table *t)
{
	pages_os_release(t->start + t->mapped, t->max - t->mapped);
	t->max = t->mapped;
}

void
pages_table_close(const struct pages_arena *a, struct pages_table *t)
{
	pages_os_release(t->start, a->reserved != NULL ? t->max : t->mapped);
	*t = (struct pages_table){ 0 };
}
