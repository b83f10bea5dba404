/* SPDX-License-Identifier: MIT */
/*
 * start.c - starts the shim, decides whether it may be active, and writes the report at exit
 */
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "heap/published.h"
#include "os/base.h"
#include "os/os.h"
#include "os/process.h"
#include "background.h"
#include "calls.h"
#include "elf_scope.h"
#include "idle.h"
#include "report.h"
#include "report_file.h"
#include "text.h"
#include "shim.h"

struct pages_heap pages_shim_heap;

/*
 * The initial function pointers of the route.  The first of these to be called starts the
 * shim, which replaces all of them, and passes its call on.
 */
static void *
early_malloc(size_t size)
{
	pages_shim_start();
	return pages_shim.route.next.malloc(size);
}

static void *
early_calloc(size_t count, size_t size)
{
	pages_shim_start();
	return pages_shim.route.next.calloc(count, size);
}

static void *
early_realloc(void *ptr, size_t size)
{
	pages_shim_start();
	return pages_shim.route.next.realloc(ptr, size);
}

static void
early_free(void *ptr)
{
	pages_shim_start();
	pages_shim.route.next.free(ptr);
}

static size_t
early_usable_size(void *ptr)
{
	pages_shim_start();
	return pages_shim.route.next.usable_size(ptr);
}

struct pages_shim pages_shim = {
	.route = {
		.heap = &pages_shim_heap,
		.threshold = 0,
		.next = { early_malloc, early_calloc, early_realloc, early_free,
			  early_usable_size },
	},
};

/* Facts for the report. */
static struct pages_conf conf;
static const char *provider;

/* The same for others to read, from outside. */
extern struct pages_published pages_shim_published;
PAGES_SHIM_HIDDEN struct pages_published pages_shim_published = {
	PAGES_PUBLISHED_OF("libpages_malloc", &pages_shim_heap, NULL),
	.mode = "inactive: never started",
};
PAGES_PUBLISH(pages_shim_published);

static void
copy_string(char *dst, size_t size, const char *src)
{
	size_t n = pages_min(strlen(src), size - 1);

	memcpy(dst, src, n);
	dst[n] = '\0';
}

static void
set_mode(const char *text, const char *detail)
{
	char *mode = pages_shim_published.mode;
	size_t room = sizeof(pages_shim_published.mode) - 1;
	size_t n = pages_min(strlen(text), room), m = pages_min(strlen(detail), room - n);

	memcpy(mode, text, n);
	memcpy(mode + n, detail, m);
	mode[n + m] = '\0';
}

/*
 * May the shim be active?  Only if all functions that take a block resolve to the shim;
 * else one of its blocks could be passed to another allocator's free.  A program may define
 * its own malloc, or only its own free, or be built with a sanitizer.
 */
static bool
is_in_front(void)
{
	static const char *const takers[] = { "malloc", "free", "realloc", "malloc_usable_size" };
	static const char *const sanitizers[] = { "__asan_init", "__tsan_init", "__msan_init",
						  "__hwasan_init" };
	const struct link_map *first = pages_scope_first(), *self = pages_scope_self(), *o;

	if ((pages_scope_definer(first, "gnu_get_libc_version") != NULL) != PAGES_GLIBC) {
		set_mode("inactive: the C library is not ", PAGES_GLIBC ? "glibc" : "musl");
		return false;
	}
	for (size_t i = 0; i < sizeof(sanitizers) / sizeof(*sanitizers); i++)
		if (pages_scope_definer(first, sanitizers[i]) != NULL) {
			set_mode("inactive: the program is built with a sanitizer", "");
			return false;
		}
	for (size_t i = 0; i < sizeof(takers) / sizeof(*takers); i++) {
		o = pages_scope_definer(first, takers[i]);
		if (o != self) {
			set_mode("inactive: malloc or free belong to ", pages_scope_name(o));
			return false;
		}
	}
	return true;
}

static void
set_threshold(size_t threshold)
{
	__atomic_store_n(&pages_shim.route.threshold, threshold, __ATOMIC_RELEASE);
}

bool
pages_shim_is_active(void)
{
	return __atomic_load_n(&pages_shim.route.threshold, __ATOMIC_RELAXED) != SIZE_MAX;
}

/* Read the settings, and set the threshold last: it makes the shim active. */
static void
settle(void)
{
	conf = PAGES_CONF_DEFAULTS;
	pages_conf_parse(&conf, secure_getenv("PAGES_CONF"), pages_conf_complain);
	pages_conf_print(&conf);
	if (conf.report[0] != '\0')
		pages_report_file_choose(conf.report);
	pages_heap_configure(&pages_shim_heap, &conf.heap);
	atomic_store(&pages_shim_published.threshold, conf.threshold);
	copy_string(pages_shim_published.provider, sizeof(pages_shim_published.provider), provider);

	if (conf.disable) {
		set_mode("inactive: PAGES_CONF says disable:true", "");
		set_threshold(SIZE_MAX);
	} else if (!is_in_front()) {
		set_threshold(SIZE_MAX);
	} else {
		set_mode("active", "");
		pages_idle_prepare(&pages_shim_heap, &pages_shim.route.next);
		if (conf.background)
			pages_background_enable(&pages_shim_heap);
		else
			pages_idle_enable();
		set_threshold(conf.threshold);
	}
}

void
pages_shim_start(void)
{
	enum { UNKNOWN, FINDING, KNOWN, SETTLING, SETTLED };
	static _Atomic int state;
	int was = UNKNOWN;

	if (PAGES_LIKELY(atomic_load_explicit(&state, memory_order_acquire) == SETTLED))
		return;
	if (atomic_compare_exchange_strong(&state, &was, FINDING)) {
		pages_calls_find();
		provider = pages_next_find(&pages_shim.route.next, &pages_shim.more);
		pages_shim.inner = (struct pages_route){ &pages_shim_heap, SIZE_MAX,
							 pages_shim.route.next };
		atomic_store_explicit(&state, KNOWN, memory_order_release);
	}
	/*
	 * Another thread is finding the allocator and needs no lock or memory for that.  It cannot
	 * be this thread, because pages_next_find() calls no function of the shim.
	 */
	while (atomic_load_explicit(&state, memory_order_acquire) == FINDING)
		pages_os_yield();

	/* environ is NULL before libc is set up; then a later call settles the shim. */
	was = KNOWN;
	if (environ != NULL && atomic_compare_exchange_strong(&state, &was, SETTLING)) {
		settle();
		atomic_store_explicit(&state, SETTLED, memory_order_release);
	}
}

void
pages_shim_retire(const char *reason)
{
	struct pages_record_slot *slot;

	pages_shim_start();
	set_threshold(SIZE_MAX);
	set_mode("retired: ", reason);
	slot = atomic_load(&pages_shim_heap.slot);
	if (slot != NULL)
		copy_string(slot->mode, sizeof(slot->mode), pages_shim_published.mode);
}

/* The record. ------------------------------------------------------------- */

/*
 * Count in the record that the settings name, if it is still there: a process may outlive the one
 * that made it, whose pid can be another's by then.  What has the right length and cannot change
 * it is mapped, but only read until magic and nonce are found.
 */
static void
join_record(void)
{
	struct pages_record_slot *slot = NULL;
	struct pages_record *r;
	void *p;

	if (conf.record.pid == 0 ||
	    pages_os_file_map_of(conf.record.pid, conf.record.fd, sizeof(*r), &p) != 0)
		return;
	r = p;
	if (r->magic == PAGES_RECORD_MAGIC && r->version == PAGES_RECORD_VERSION &&
	    r->nonce == conf.record.nonce)
		slot = pages_record_take(r);
	if (slot == NULL) {
		pages_os_release(p, sizeof(*r));
		return;
	}
	if (pages_os_exe(slot->exe, sizeof(slot->exe)) != 0)
		slot->exe[0] = '\0';
	copy_string(slot->mode, sizeof(slot->mode), pages_shim_published.mode);
	copy_string(slot->provider, sizeof(slot->provider), pages_shim_published.provider);
	(void)pages_os_advise(p, sizeof(*r), PAGES_OS_DONT_DUMP);
	atomic_store(&slot->threshold, conf.threshold);
	atomic_store(&slot->pid, (uint64_t)pages_os_pid());
	(void)pages_heap_record(&pages_shim_heap, r, slot);
}

/* Forks. ------------------------------------------------------------------ */

/*
 * Registers the fork handlers.  Prepare handlers run in the reverse order of registration.
 * With the earliest constructor priority this one runs late, when the handlers of others do
 * not need memory any more.  Not registered within malloc, because pthread_atfork() may
 * allocate.
 */
__attribute__((constructor(101))) static void
at_load(void)
{
	pages_shim_start();
	join_record();
	pages_heap_follow_forks(&pages_shim_heap);
	pages_process_at_fork(NULL, NULL, pages_background_fork_child);
	pages_process_at_fork(NULL, NULL, pages_idle_fork_child);
}

/* The report. ------------------------------------------------------------- */

void
pages_shim_report(bool ended)
{
	struct pages_report r = { .pid = (uint64_t)pages_os_pid(), .processes = 1 };
	char text[4096];
	size_t len;

	if (conf.report[0] == '\0')
		return;
	if (pages_os_exe(r.exe, sizeof(r.exe)) != 0)
		r.exe[0] = '\0';
	copy_string(r.mode, sizeof(r.mode), pages_shim_published.mode);
	copy_string(r.provider, sizeof(r.provider), pages_shim_published.provider);
	r.threshold = conf.threshold;
	r.confined = atomic_load(&pages_shim_heap.confined);
	r.background_threads = atomic_load(&pages_shim_heap.background_threads);
	r.background_refused = atomic_load(&pages_shim_heap.background_refused);
	pages_heap_stats(&pages_shim_heap, &r.stats);
	r.affected = r.stats.requests != 0;
	r.ended = ended;
	if (pages_text_names_json(conf.report))
		len = pages_report_json(&r, NULL, text, sizeof(text));
	else
		len = pages_report_text(&r, text, sizeof(text));
	pages_report_file_write(conf.report, text, len);
}

/*
 * With the latest destructor priority.  The allocator keeps working afterwards, because the
 * program may free blocks even after all destructors.  In a sandbox nothing more is written.
 */
__attribute__((destructor(101))) static void
at_exit(void)
{
	pages_heap_record_end(&pages_shim_heap);
	if (!atomic_load(&pages_shim_heap.confined))
		pages_shim_report(true);
}
