/* SPDX-License-Identifier: MIT */
/*
 * next.c - finds the functions of the next allocator, and makes substitutes for missing ones
 */
#include "next.h"

#include <errno.h>
#include <unistd.h>

/* Converts by way of an integer: ISO C has no conversion from a data to a function pointer. */
#define FUNCTION(ret, object, name) \
	((ret) = (__typeof__(ret))(uintptr_t)pages_scope_symbol((object), (name)))

/* The functions found so far; the substitutes below call them. */
static struct pages_next_more more;

static void *
memalign_by_posix(size_t alignment, size_t size)
{
	void *p;
	int err = more.posix_memalign(&p, alignment < sizeof(void *) ? sizeof(void *) : alignment,
				      size);

	if (err == 0)
		return p;
	errno = err;
	return NULL;
}

static int
posix_by_memalign(void **ret, size_t alignment, size_t size)
{
	int saved = errno;
	void *p;

	if (alignment < sizeof(void *) || (alignment & (alignment - 1)) != 0)
		return EINVAL;
	p = more.memalign(alignment, size);
	errno = saved;
	if (p == NULL)
		return ENOMEM;
	*ret = p;
	return 0;
}

static void *
no_memalign(size_t alignment, size_t size)
{
	(void)alignment;
	(void)size;
	errno = ENOMEM;
	return NULL;
}

static size_t
page_size(void)
{
	return (size_t)sysconf(_SC_PAGESIZE);
}

static void *
valloc_by_memalign(size_t size)
{
	return more.memalign(page_size(), size);
}

static void *
pvalloc_by_memalign(size_t size)
{
	size_t page = page_size(), up;

	if (__builtin_add_overflow(size, page - 1, &up)) {
		errno = ENOMEM;
		return NULL;
	}
	up -= up % page;
	return more.memalign(page, up != 0 ? up : page);
}

/*
 * For an allocator without malloc_usable_size.  SIZE_MAX makes its blocks look large, so that
 * realloc never moves one to the heap, for which the number of bytes to copy must be known.
 */
static size_t
unknown_size(void *ptr)
{
	return ptr != NULL ? SIZE_MAX : 0;
}

static void
find_aligned(const struct link_map *o)
{
	FUNCTION(more.memalign, o, "memalign");
	FUNCTION(more.aligned_alloc, o, "aligned_alloc");
	FUNCTION(more.posix_memalign, o, "posix_memalign");
	FUNCTION(more.valloc, o, "valloc");
	FUNCTION(more.pvalloc, o, "pvalloc");

	if (more.memalign == NULL)
		more.memalign = more.posix_memalign != NULL  ? memalign_by_posix
				: more.aligned_alloc != NULL ? more.aligned_alloc
							     : no_memalign;
	if (more.aligned_alloc == NULL)
		more.aligned_alloc = more.memalign;
	if (more.posix_memalign == NULL)
		more.posix_memalign = posix_by_memalign;
	if (more.valloc == NULL)
		more.valloc = valloc_by_memalign;
	if (more.pvalloc == NULL)
		more.pvalloc = pvalloc_by_memalign;
}

static void
find_reporters(const struct link_map *from)
{
	const struct link_map *o;

	if ((o = pages_scope_definer(from, "malloc_trim")) != NULL)
		FUNCTION(more.trim, o, "malloc_trim");
	if ((o = pages_scope_definer(from, "mallopt")) != NULL)
		FUNCTION(more.mallopt, o, "mallopt");
	if ((o = pages_scope_definer(from, "mallinfo")) != NULL)
		FUNCTION(more.mallinfo, o, "mallinfo");
	if ((o = pages_scope_definer(from, "mallinfo2")) != NULL)
		FUNCTION(more.mallinfo2, o, "mallinfo2");
	if ((o = pages_scope_definer(from, "malloc_info")) != NULL)
		FUNCTION(more.info, o, "malloc_info");
	if ((o = pages_scope_definer(from, "malloc_stats")) != NULL)
		FUNCTION(more.stats, o, "malloc_stats");
}

/*
 * The object that provides malloc: the first one after the shim in the loader's list.  If the
 * shim was loaded late, by dlopen(), there is none after it; then the first one of all.
 */
static const struct link_map *
find_provider(const struct link_map *self)
{
	const struct link_map *o = NULL;

	if (self != NULL)
		o = pages_scope_definer(self->l_next, "malloc");
	if (o == NULL)
		o = pages_scope_definer(pages_scope_first(), "malloc");
	return o;
}

const char *
pages_next_find(struct pages_next *next, struct pages_next_more *ret_more)
{
	const struct link_map *self = pages_scope_self();
	const struct link_map *behind = self != NULL ? self->l_next : pages_scope_first();
	const struct link_map *o = find_provider(self), *libc;

	FUNCTION(next->malloc, o, "malloc");
	FUNCTION(next->calloc, o, "calloc");
	FUNCTION(next->realloc, o, "realloc");
	FUNCTION(next->free, o, "free");
	FUNCTION(next->usable_size, o, "malloc_usable_size");
	if (next->usable_size == NULL)
		next->usable_size = unknown_size;

	find_aligned(o);
	find_reporters(behind);
	more.libc_free = next->free;
	more.libc_realloc = next->realloc;
	if ((libc = pages_scope_definer(behind, "__libc_free")) != NULL)
		FUNCTION(more.libc_free, libc, "__libc_free");
	if ((libc = pages_scope_definer(behind, "__libc_realloc")) != NULL)
		FUNCTION(more.libc_realloc, libc, "__libc_realloc");
	more.code[0] = pages_scope_code(o);
	if ((libc = pages_scope_definer(behind, "gnu_get_libc_version")) != NULL)
		more.code[1] = pages_scope_code(libc);
	*ret_more = more;
	return pages_scope_name(o);
}
