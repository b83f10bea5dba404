/* SPDX-License-Identifier: MIT */
/*
 * probe.h - probes for tracers (USDT); what they mean is in pages-probes(7), which users rely on
 *
 * A probe is a nop, and a note in the file that says where its arguments are at that moment: in
 * which register, or where in memory.  So arguments are what the code has there anyway, and
 * nothing is computed for them on the paths that take no lock.
 *
 * It stands where the operation can fail no more.  Tracers know blocks by their addresses, so
 * that an address is free is told before another thread can get it.
 *
 * Cost: a nop; without <sys/sdt.h> nothing.
 */
#ifndef PAGES_HEAP_PROBE_H
#define PAGES_HEAP_PROBE_H

#include <stddef.h>
#include <stdint.h>

#ifdef PAGES_PROBES
#ifdef __clang__	/* where an argument may be in memory, it stores registers there */
#define STAP_SDT_ARG_CONSTRAINT nr
#endif
#include <sys/sdt.h>
#define PAGES_PROBE2(name, a, b)       DTRACE_PROBE2(pages, name, a, b)
#define PAGES_PROBE3(name, a, b, c)    DTRACE_PROBE3(pages, name, a, b, c)
#define PAGES_PROBE4(name, a, b, c, d) DTRACE_PROBE4(pages, name, a, b, c, d)
#else
#define PAGES_PROBE2(name, a, b)       ((void)(a), (void)(b))
#define PAGES_PROBE3(name, a, b, c)    ((void)(a), (void)(b), (void)(c))
#define PAGES_PROBE4(name, a, b, c, d) ((void)(a), (void)(b), (void)(c), (void)(d))
#endif

/* The program gets block p, which is returned. */
static inline void *
pages_probe_allocate(void *p, size_t size)
{
	PAGES_PROBE2(allocate, p, size);
	return p;
}

/*
 * The program gives block p back, which has *pages pages of *page bytes.  Bytes would have to be
 * computed at each free; these are read by the tracer.
 */
static inline void
pages_probe_free(const void *p, const uint32_t *pages, const size_t *page)
{
	PAGES_PROBE3(free, p, *pages, *page);
}

/* Block p has got another length in pages, and may have moved. */
static inline void
pages_probe_resize(const void *p, size_t usable, const void *new, size_t size)
{
	PAGES_PROBE4(resize, p, usable, new, size);
}

/* A large request goes to the next allocator: NULL.  The names are those of struct pages_stats. */
enum pages_declined {
	PAGES_DECLINED_BUSY,
	PAGES_DECLINED_NO_ARENA,
	PAGES_DECLINED_NO_SPACE,
	PAGES_DECLINED_REFUSED,
};
static inline void *
pages_probe_decline(size_t size, enum pages_declined why)
{
	PAGES_PROBE2(decline, size, why);
	return NULL;
}

/* Memory has been moved by page tables. */
static inline void
pages_probe_move(const void *from, const void *to, size_t len)
{
	PAGES_PROBE3(move, from, to, len);
}

/* The memory of [p, p + len), if there was any, is the kernel's. */
enum pages_purged {
	PAGES_PURGED_NOW,	/* it is gone */
	PAGES_PURGED_LAZILY,	/* it goes when the kernel is short of memory: muzzy */
	PAGES_PURGED_UNMAPPED,	/* it is gone, and its addresses are not mapped any more */
};
static inline void
pages_probe_purge(const void *p, size_t len, enum pages_purged how)
{
	PAGES_PROBE3(purge, p, len, how);
}

#endif /* PAGES_HEAP_PROBE_H */
