/* SPDX-License-Identifier: MIT */
/*
 * published.h - where others find the counters of this process: for pages-stat
 *
 * An ELF note in the library's first page, next to the headers, says how far from it the
 * structure below lies, with its version and length.  The loader maps that page anyway.  So who
 * may read this process's memory needs neither symbols nor the library's file, which may lie in
 * another mount namespace, and this process does nothing for it.
 *
 *	note "pages", type 1: | version, uint32 | length, uint32 | place - &place, int64 |
 *
 * Reader and writer agree on the layout of the heap, or the reader says that it is another one:
 * PAGES_LAYOUT changes with each member that a reader uses.  What changes in meaning and not in
 * place needs a new PAGES_PUBLISHED_VERSION.
 */
#ifndef PAGES_HEAP_PUBLISHED_H
#define PAGES_HEAP_PUBLISHED_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "heap.h"
#include "os/kept.h"

enum { PAGES_PUBLISHED_VERSION = 1, PAGES_PUBLISHED_NOTE = 1 };
#define PAGES_PUBLISHED_MAGIC 0x2173746174736770	/* "pgstats!" on a little-endian machine */

struct pages_published {
	uint64_t magic, layout;
	char library[24], version[24];
	const struct pages_heap *heap;
	const void *kept;		/* of a pointer to struct pages_kept, or NULL */
	_Atomic uint64_t threshold;
	char mode[96], provider[256];	/* as in a slot of a record */
};

#define PAGES_PLACE_IN(type, member, factor) ((uint64_t)offsetof(struct type, member) * (factor))
#define PAGES_PLACE(member, factor) PAGES_PLACE_IN(pages_heap, member, factor)
#define PAGES_LAYOUT_OF_PARTS ( \
	PAGES_PLACE_IN(pages_front_cache, block, 191) + PAGES_PLACE_IN(pages_front_cache, own, 193) + \
	PAGES_PLACE_IN(pages_cache_counts, hits, 197) + \
	PAGES_PLACE_IN(pages_cache_counts, hit_bytes, 199) + \
	PAGES_PLACE_IN(pages_cache_counts, large_bytes, 211) + \
	PAGES_PLACE_IN(pages_other_counts, busy, 223) + \
	PAGES_PLACE_IN(pages_other_counts, cleared_bytes, 227) + \
	PAGES_PLACE_IN(pages_other_counts, copied_bytes, 229) + \
	PAGES_PLACE_IN(pages_extent, first, 233) + PAGES_PLACE_IN(pages_extent, count, 239) + \
	PAGES_PLACE_IN(pages_extent, used, 241) + PAGES_PLACE_IN(pages_extent, state, 251) + \
	PAGES_PLACE_IN(pages_record_slot, other, 257) + \
	PAGES_PLACE_IN(pages_record_slot, caches, 263) + \
	PAGES_PLACE_IN(pages_kept, bytes, 269) + PAGES_PLACE_IN(pages_kept, reused_bytes, 271) + \
	(uint64_t)PAGES_UNIT * 277 + (uint64_t)PAGES_HEAP_OPEN * 281 + \
	(uint64_t)PAGES_EXTENT_FREED * 283)
#define PAGES_LAYOUT ( \
	PAGES_PLACE(process, 3) + PAGES_PLACE(arena.base, 5) + PAGES_PLACE(arena.page_shift, 7) + \
	PAGES_PLACE(extents.node, 11) + PAGES_PLACE(units.mapped_bits, 13) + \
	PAGES_PLACE(units.held_bits, 17) + PAGES_PLACE(units.kept_bits, 19) + \
	PAGES_PLACE(units.busy_bits, 23) + PAGES_PLACE(units.dirty_bits, 29) + \
	PAGES_PLACE(units.muzzy_bits, 31) + PAGES_PLACE(units.mapped_end, 37) + \
	PAGES_PLACE(units.held, 41) + PAGES_PLACE(units.kept, 43) + PAGES_PLACE(units.leaving, 47) + \
	PAGES_PLACE(units.mapped, 53) + PAGES_PLACE(units.peak_resident, 59) + \
	PAGES_PLACE(units.splits.count, 61) + PAGES_PLACE(units.moved, 67) + \
	PAGES_PLACE(units.reused, 71) + PAGES_PLACE(units.fresh, 73) + \
	PAGES_PLACE(units.returned, 79) + PAGES_PLACE(units.freed, 83) + \
	PAGES_PLACE(units.moved_free, 89) + PAGES_PLACE(units.inherited, 97) + \
	PAGES_PLACE(units.refused_moves, 101) + PAGES_PLACE(stats, 103) + \
	PAGES_PLACE(sparse_block, 107) + PAGES_PLACE(caches, 109) + \
	PAGES_PLACE(caches_used, 113) + PAGES_PLACE(own, 127) + PAGES_PLACE(slot, 131) + \
	PAGES_PLACE(background_threads, 167) + PAGES_PLACE(background_refused, 173) + \
	PAGES_PLACE(state, 179) + PAGES_PLACE(confined, 181) + PAGES_LAYOUT_OF_PARTS + \
	sizeof(struct pages_heap) * 137 + sizeof(struct pages_stats) * 139 + \
	sizeof(struct pages_record_slot) * 149 + sizeof(struct pages_front_cache) * 151 + \
	sizeof(struct pages_extent) * 157 + sizeof(struct pages_kept) * 163)

/* The members that do not change. */
#define PAGES_PUBLISHED_OF(library_, heap_, kept_) \
	.magic = PAGES_PUBLISHED_MAGIC, .layout = PAGES_LAYOUT, .library = (library_), \
	.version = PACKAGE_VERSION, .heap = (heap_), .kept = (kept_)

/* Put the note about object, a struct pages_published that is not static, into this library. */
#define PAGES_PUBLISH(object) \
	__attribute__((used)) static void \
	publish_##object(void) \
	{ \
		__asm__ volatile(".pushsection .note.pages,\"a\",%%note\n\t" \
				 ".balign 4\n\t" \
				 ".long 6, 16, %c0\n\t" \
				 ".asciz \"pages\"\n\t" \
				 ".balign 4\n\t" \
				 ".long %c1, %c2\n\t" \
				 ".quad " #object " - .\n\t" \
				 ".popsection" :: "i"(PAGES_PUBLISHED_NOTE), \
				 "i"(PAGES_PUBLISHED_VERSION), "i"(sizeof(object))); \
	} \
	static_assert(sizeof(object) < 4096, "the reader's limit")

#endif /* PAGES_HEAP_PUBLISHED_H */
