/* SPDX-License-Identifier: MIT */
/*
 * record.c - copies the counters of the heap to its slot in a record
 */
#include "block.h"
#include "cache.h"
#include "os/os.h"
#include "recorded.h"

void
pages_heap_count_waiting(const struct pages_heap *h, struct pages_stats *st)
{
	uint32_t id = atomic_load(&h->sparse_block);
	const struct pages_extent *e;
	size_t len;

	if (id == 0)
		return;
	e = &h->extents.node[id];
	len = (size_t)e->count << h->arena.page_shift;
	st->live_objects--;
	st->frees++;
	st->live_bytes -= (size_t)e->used << h->arena.page_shift;
	st->kept_bytes += len;
	st->freed_bytes += len;
}

/* The slot. --------------------------------------------------------------- */

static void
copy_text(char *to, const char *from, size_t size)
{
	for (size_t i = 0; i < size; i++)
		((volatile char *)to)[i] = from[i];
	to[size - 1] = '\0';
}

/* In a forked child.  If there is no slot left its counters stay its own. */
static void
take_slot(struct pages_heap *h) PAGES_LOCKED
{
	struct pages_record_slot *s = pages_record_take(h->record);

	if (s == NULL) {
		h->recording = false;
		return;
	}
	atomic_store(&s->threshold, atomic_load(&h->model->threshold));
	copy_text(s->mode, h->model->mode, sizeof(s->mode));
	copy_text(s->exe, h->model->exe, sizeof(s->exe));
	copy_text(s->provider, h->model->provider, sizeof(s->provider));
	pages_heap_count_in(h, s);
	atomic_store(&s->pid, (uint64_t)pages_os_pid());
}

/* A cache that is emptied in passing does not say so itself. */
static void
copy_caches(const struct pages_heap *h, struct pages_record_slot *s) PAGES_LOCKED
{
	for (uint32_t used = pages_heap_caches_used(h); used != 0; used &= used - 1) {
		int i = __builtin_ctz(used);
		uint32_t id = atomic_load_explicit(&h->caches[i].block, memory_order_acquire);
		uint32_t waiting = 0;

		if (id == PAGES_FRONT_CACHE_BUSY)
			continue;
		if (id != 0 && pages_extent_state(&h->extents.node[id]) == PAGES_EXTENT_FREED)
			waiting = h->extents.node[id].used;
		atomic_store_explicit(&s->caches[i].counts.waiting, waiting, memory_order_relaxed);
	}
}

void
pages_heap_copy_to_record(struct pages_heap *h)
{
	struct pages_record_slot *s;
	struct pages_stats st = h->stats;

	if (atomic_load(&h->slot) == NULL)
		take_slot(h);
	s = atomic_load(&h->slot);
	if (s == NULL)
		return;
	pages_heap_fill_own(h, &h->units, &st);
	pages_heap_count_waiting(h, &st);
	for (size_t i = 0; i < PAGES_RECORD_WORDS; i++)
		atomic_store_explicit(&s->words[i], ((const uint64_t *)&st)[i],
				      memory_order_relaxed);
	atomic_store_explicit(&s->page_size, h->arena.page_size, memory_order_relaxed);
	copy_caches(h, s);
}

void
pages_heap_leave_record(struct pages_heap *h)
{
	struct pages_record_slot *s = atomic_load(&h->slot);

	if (s != NULL)
		h->model = s;
	pages_heap_count_in(h, NULL);
	h->recording = h->record != NULL;
}
