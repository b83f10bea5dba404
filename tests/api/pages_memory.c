/* SPDX-License-Identifier: MIT */
/*
 * pages_memory.c - the memory behind pages: decommit, prefault, hints, locks,
 * placement and names; what is present is what the kernel says is present
 */
#include "pages_support.h"

#include <sys/syscall.h>

/* A line of /proc/self/smaps that is about the mapping at p; 0 if there is none. */
static size_t
smaps_kib(const void *p, const char *field)
{
	FILE *f = fopen("/proc/self/smaps", "r");
	char line[512], key[64];
	unsigned long a, b;
	size_t kib = 0;
	bool here = false;

	snprintf(key, sizeof(key), "%s: ", field);
	while (f != NULL && fgets(line, sizeof(line), f) != NULL)
		if (sscanf(line, "%lx-%lx ", &a, &b) == 2)
			here = a <= (unsigned long)p && (unsigned long)p < b;
		else if (here && strncmp(line, key, strlen(key)) == 0)
			kib = strtoul(line + strlen(key), NULL, 10);
	if (f != NULL)
		fclose(f);
	return kib;
}

/* Kinds of pages that answer alike. */
static const struct pages_options kinds[] = {
	{ .len = 1 }, { .len = 1, .guards = true }, { .len = 1, .align = 2 << 20 },
	{ .len = 1, .reserve = 16 << 20 }, { .len = 1, .shared = true },
};
enum { KINDS = sizeof(kinds) / sizeof(kinds[0]) };

static struct pages_rw
opened_as(int kind, size_t len)
{
	struct pages_options o = kinds[kind];
	struct pages_rw w = {0};
	int err;

	o.len = len;
	err = pages_open_with(&w, &o);
	if (err == -EOPNOTSUPP && o.shared) {	/* no memory files here */
		o.shared = false;
		err = pages_open_with(&w, &o);
	}
	cr_assert_eq(err, 0);
	return w;
}

/* ---- decommit and prefault, for every kind ---- */

Test(memory, is_given_back_and_zero_for_every_kind)
{
	for (int kind = 0; kind < KINDS; kind++) {
		struct pages_rw w = opened_as(kind, 64 * page());
		const char *p = pages_read(&w);

		fill(&w);
		cr_assert_eq(resident(p, 64 * page()), 64);
		cr_assert_eq(pages_decommit(&w, page() + 1, 32 * page()), 0);
		if (!disabled("discard"))
			cr_assert_eq(resident(p + 2 * page(), 31 * page()), 0, "%d", kind);
		cr_assert(all_zero(p + 2 * page(), 31 * page()));
		cr_assert(filled(p, 2 * page()));
		pages_close(&w);
	}
}

Test(memory, is_present_after_prefault_for_every_kind)
{
	for (int kind = 0; kind < KINDS; kind++) {
		struct pages_rw w = opened_as(kind, 64 * page());

		cr_assert_eq(pages_prefault(&w, 3, 10 * page()), 0);
		cr_assert_eq(resident(pages_read(&w), 64 * page()), 11, "%d", kind);
		cr_assert_eq(pages_decommit(&w, 0, 64 * page()), 0);
		cr_assert_eq(pages_prefault(&w, 0, 64 * page()), 0);
		cr_assert_eq(resident(pages_read(&w), 64 * page()), 64);
		pages_close(&w);
	}
}

Test(memory, survives_growing_and_shrinking_for_every_kind)
{
	for (int kind = 0; kind < KINDS; kind++) {
		struct pages_rw w = opened_as(kind, 4 * page());
		uint64_t seed = 42;

		fill(&w);
		for (int i = 0; i < 100; i++) {
			size_t pages = 1 + random_next(&seed) % 64, old = pages_len(&w);

			cr_assert_eq(pages_resize(&w, pages * page()), 0);
			cr_assert_eq(pages_len(&w), pages * page());
			cr_assert(filled(pages_read(&w), pages_len(&w) < old ? pages_len(&w) : old));
			if (pages_len(&w) > old)
				cr_assert(all_zero((const char *)pages_read(&w) + old,
						   pages_len(&w) - old));
			fill(&w);
			cr_assert_eq(pages_verify(&w), 0);
		}
		pages_close(&w);
	}
}

/* Address space and resident memory of the process, in pages. */
static void
measure(unsigned long *ret_mapped, unsigned long *ret_resident)
{
	FILE *f = fopen("/proc/self/statm", "r");

	cr_assert(f != NULL && fscanf(f, "%lu %lu", ret_mapped, ret_resident) == 2);
	fclose(f);
}

/* Of the whole process: cut off or closed, it is neither resident nor mapped. */
Test(memory, is_given_back_by_shrinking_and_closing_for_every_kind)
{
	const size_t len = 32 << 20, slack = (1 << 20) / page();
	unsigned long mapped, rss, mapped_now, rss_now;

	SKIP_IF_EMULATED("what is resident is the emulator's");
	for (int kind = 0; kind < KINDS; kind++) {
		bool reserved = kinds[kind].reserve != 0;
		struct pages_rw w;

		measure(&mapped, &rss);
		w = opened_as(kind, reserved ? 16 << 20 : len);
		memset(pages_write(&w), 1, pages_len(&w));
		measure(&mapped_now, &rss_now);
		cr_assert_geq(rss_now, rss + pages_len(&w) / page() - slack);
		cr_assert_eq(pages_resize(&w, 1), 0);
		measure(&mapped_now, &rss_now);
		cr_assert_leq(rss_now, rss + slack, "%d", kind);
		if (!reserved)
			cr_assert_leq(mapped_now, mapped + slack, "%d", kind);
		memset(pages_write(&w), 1, 1);
		cr_assert_eq(pages_resize(&w, 8 << 20), 0);
		memset(pages_write(&w), 1, 8 << 20);
		pages_close(&w);
		measure(&mapped_now, &rss_now);
		cr_assert_leq(rss_now, rss + slack, "%d", kind);
		cr_assert_leq(mapped_now, mapped + slack, "%d", kind);
	}
}

/* ---- hints ---- */

Test(hints, are_applied_or_said_to_be_unsupported)
{
	for (int kind = 0; kind < KINDS; kind++)
		for (int hint = PAGES_HINT_NORMAL; hint <= PAGES_HINT_UNMERGEABLE; hint++) {
			struct pages_rw w = opened_as(kind, MIB(4));
			int err;

			fill(&w);
			err = pages_advise(&w, (enum pages_hint)hint);
			cr_assert(err == 0 || err == -EOPNOTSUPP ||
				  (hint == PAGES_HINT_COLLAPSE && err < 0),
				  "kind %d hint %d: %d", kind, hint, err);
			if (hint != PAGES_HINT_FREE)
				cr_assert(filled(pages_read(&w), pages_len(&w)));
			cr_assert_eq(pages_resize(&w, MIB(8)), 0, "after hint %d", hint);
			pages_close(&w);
		}
}

Test(hints, that_are_none_are_refused)
{
	struct pages_rw w = opened(page());

	for (int number = -1; number < 200; number++)	/* all that MADV_* may be */
		cr_assert_eq(pages_advise(&w, (enum pages_hint)number), -EINVAL, "%d", number);
	cr_assert_eq(pages_advise(&w, (enum pages_hint)PAGES_NUMA_BIND), -EINVAL);
	cr_assert_eq(pages_advise(&w, (enum pages_hint)(PAGES_HINT_UNMERGEABLE + 1)), -EINVAL);
	pages_close(&w);
}

Test(hints, that_change_contents_are_for_writable_pages_only)
{
	struct pages_rw w = opened(4 * page());
	struct pages_ro r = {0};

	fill(&w);
	cr_assert_eq(pages_to_ro(&w, &r), 0);
	cr_assert_eq(pages_advise(&r, PAGES_HINT_FREE), -EACCES);
	cr_assert_eq(pages_advise(&r, PAGES_HINT_WIPE_ON_FORK), -EACCES);
	cr_assert_eq(pages_advise(&r, PAGES_HINT_COLD), 0);
	cr_assert(filled(pages_read(&r), 4 * page()));
	pages_close(&r);
}

Test(hints, reach_the_kernel)
{
	const struct { enum pages_hint hint; const char *flag; } flags[] = {
		{ PAGES_HINT_SEQUENTIAL, " sr" }, { PAGES_HINT_RANDOM, " rr" },
		{ PAGES_HINT_DONT_DUMP, " dd" }, { PAGES_HINT_DONT_FORK, " dc" },
		{ PAGES_HINT_WIPE_ON_FORK, " wf" }, { PAGES_HINT_HUGE, " hg" },
		{ PAGES_HINT_NO_HUGE, " nh" }, { PAGES_HINT_MERGEABLE, " mg" },
	};

	SKIP_IF_EMULATED("hints are dropped");
	for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
		struct pages_rw w = opened_with((struct pages_options){ .len = MIB(1), .guards = true });
		int err;

		if (!has_flag(pages_read(&w), " rd"))
			cr_skip_test("no VmFlags here");
		err = pages_advise(&w, flags[i].hint);
		cr_assert_eq(has_flag(pages_read(&w), flags[i].flag), err == 0, "%s", flags[i].flag);
		pages_close(&w);
	}
}

/* In a child: is the page there, and what does it hold? */
static void
expect_in_child(struct pages_rw *w, int want)
{
	int status;
	pid_t pid = fork();

	if (pid == 0)
		_exit(fault_of(pages_read(w), false) != NULL ? 99 : PAGES_AT(unsigned char, w, 0));
	cr_assert_eq(waitpid(pid, &status, 0), pid);
	cr_assert(WIFEXITED(status));
	cr_assert_eq(WEXITSTATUS(status), want);
}

Test(hints, decide_what_a_child_gets)
{
	struct pages_rw w = opened(page());

	SKIP_IF_EMULATED("hints are dropped");
	PAGES_AT(char, &w, 0) = 7;
	expect_in_child(&w, 7);
	if (pages_advise(&w, PAGES_HINT_WIPE_ON_FORK) == 0) {
		expect_in_child(&w, 0);
		cr_assert_eq(pages_advise(&w, PAGES_HINT_KEEP_ON_FORK), 0);
		expect_in_child(&w, 7);
	}
	if (pages_advise(&w, PAGES_HINT_DONT_FORK) == 0) {
		expect_in_child(&w, 99);
		cr_assert_eq(pages_advise(&w, PAGES_HINT_DO_FORK), 0);
		expect_in_child(&w, 7);
	}
	pages_close(&w);
}

Test(hints, can_make_huge_pages_at_once)
{
	struct pages_options o = { .len = MIB(4), .align = MIB(2) };
	struct pages_rw w = opened_with(o);
	int err;

	SKIP_IF_EMULATED("hints are dropped");
	fill(&w);
	err = pages_advise(&w, PAGES_HINT_COLLAPSE);
	cr_assert(filled(pages_read(&w), MIB(4)));
	if (err == 0)
		cr_assert_eq(smaps_kib(pages_read(&w), "AnonHugePages"), 4096);
	pages_close(&w);
	if (err != 0)
		cr_skip_test("no huge pages to be had");
}

/* ---- locks ---- */

Test(locked_pages, are_present_and_counted)
{
	struct pages_rw w = opened_with((struct pages_options){ .len = 8 * page(), .guards = true });
	int err = pages_lock(&w);

	if (!locks_are_real())
		cr_skip_test("mlock does nothing here");
	SKIP_IF_EMULATED("smaps is the host's");
	if (err != 0)
		cr_skip_test("RLIMIT_MEMLOCK");
	cr_assert_eq(resident(pages_read(&w), 8 * page()), 8);
	cr_assert_eq(smaps_kib(pages_read(&w), "Locked") * 1024, 8 * page());
	cr_assert_eq(pages_unlock(&w), 0);
	cr_assert_eq(smaps_kib(pages_read(&w), "Locked"), 0);
	cr_assert_eq(pages_resize(&w, 16 * page()), 0);
	pages_close(&w);
}

Test(locked_pages, are_not_resized_but_decommitted)
{
	struct pages_rw w = opened(8 * page());

	if (pages_lock(&w) != 0)
		cr_skip_test("RLIMIT_MEMLOCK");
	fill(&w);
	cr_assert_eq(pages_resize(&w, 16 * page()), -EBUSY);
	cr_assert_eq(pages_resize(&w, page()), -EBUSY);
	cr_assert_eq(pages_len(&w), 8 * page());
	cr_assert_eq(pages_decommit(&w, page(), page()), 0);
	cr_assert(all_zero((const char *)pages_read(&w) + page(), page()));
	cr_assert(filled(pages_read(&w), page()));
	pages_close(&w);
}

Test(locked_pages, stay_so_through_a_transition)
{
	struct pages_rw w = opened(2 * page());
	struct pages_ro r = {0};

	if (!locks_are_real())
		cr_skip_test("mlock does nothing here");
	SKIP_IF_EMULATED("smaps is the host's");
	if (pages_lock(&w) != 0)
		cr_skip_test("RLIMIT_MEMLOCK");
	cr_assert_eq(pages_to_ro(&w, &r), 0);
	cr_assert_eq(smaps_kib(pages_read(&r), "Locked") * 1024, 2 * page());
	cr_assert_eq(pages_unlock(&r), 0);
	cr_assert_eq(smaps_kib(pages_read(&r), "Locked"), 0);
	pages_close(&r);
}

static void
lock_beyond_the_limit(void)
{
	const struct rlimit little = { page(), page() };
	struct pages_rw w = opened(64 * page());

	/* Root may lock what it likes. */
	if (setrlimit(RLIMIT_MEMLOCK, &little) != 0 || setuid(65534) != 0)
		_exit(77);
	if (pages_lock(&w) != -ENOMEM || pages_resize(&w, page()) != 0 || pages_lock(&w) != 0)
		_exit(1);
}

Test(locked_pages, beyond_the_limit_are_refused)
{
	assert_as_nobody(lock_beyond_the_limit);
}

/* ---- placement and names ---- */

Test(placement, on_the_first_node_works_or_is_unsupported)
{
	for (int numa = PAGES_NUMA_PREFER; numa <= PAGES_NUMA_INTERLEAVE; numa++) {
		struct pages_rw w = opened_with((struct pages_options){ .len = MIB(1), .guards = true });
		int err = pages_place(&w, (enum pages_numa)numa, 1);

		cr_assert(err == 0 || err == -EOPNOTSUPP, "%d: %d", numa, err);
		if (err == 0) {
			fill(&w);
			cr_assert_eq(pages_resize(&w, MIB(2)), 0);
			cr_assert_eq(pages_place(&w, PAGES_NUMA_DEFAULT, 0), 0);
		}
		pages_close(&w);
	}
}

/* The node that a page lies on: of a call that could move it, and does not. */
static int
node_of(char *p)
{
	void *where = p;
	int node = -1;

	return syscall(SYS_move_pages, 0, 1ul, &where, NULL, &node, 0) == 0 ? node : -1;
}

Test(placement, on_the_second_node_puts_the_memory_there)
{
	struct pages_rw w = opened(MIB(1)), both = opened(MIB(1));
	size_t seen[2] = { 0, 0 };

	if (access("/sys/devices/system/node/node1", F_OK) != 0)
		cr_skip_test("one node");
	cr_assert_eq(pages_place(&w, PAGES_NUMA_BIND, 2), 0);
	fill(&w);
	cr_assert_eq(pages_resize(&w, MIB(2)), 0);
	fill(&w);
	for (size_t i = 0; i < MIB(2); i += page())
		cr_assert_eq(node_of(&PAGES_AT(char, &w, i)), 1, "%zu", i);
	cr_assert_eq(pages_place(&both, PAGES_NUMA_INTERLEAVE, 3), 0);
	fill(&both);
	for (size_t i = 0; i < MIB(1); i += page())
		seen[node_of(&PAGES_AT(char, &both, i)) == 1]++;
	cr_assert_eq(seen[0], seen[1]);
	pages_close(&both);
	pages_close(&w);
}

Test(placement, on_nodes_that_are_not_is_refused)
{
	struct pages_rw w = opened(page());

	cr_assert_eq(pages_place(&w, PAGES_NUMA_BIND, 0), -EINVAL);
	cr_assert_eq(pages_place(&w, PAGES_NUMA_DEFAULT, 1), -EINVAL);
	for (int number = -1; number < 200; number++)	/* all that MPOL_* may be */
		cr_assert_eq(pages_place(&w, (enum pages_numa)number, 1), -EINVAL, "%d", number);
	cr_assert_eq(pages_place(&w, (enum pages_numa)PAGES_HINT_RANDOM, 1), -EINVAL);
	cr_assert_lt(pages_place(&w, PAGES_NUMA_BIND, (uint64_t)1 << 63), 0);
	pages_close(&w);
}

Test(a_label, is_kept_or_said_to_be_unsupported)
{
	struct pages_rw w = opened(page());
	struct pages_mapping m;
	int err = pages_label(&w, "symbols");

	cr_assert(err == 0 || err == -EOPNOTSUPP);
	if (err == 0 && pages_query(&w, &m) == 0)
		cr_assert_str_eq(m.name, "[anon:symbols]");
	pages_close(&w);
}

Test(a_label, with_odd_characters_or_too_many_is_refused)
{
	struct pages_rw w = opened(page());
	char name[82];

	memset(name, 'x', sizeof(name));
	name[80] = '\0';
	cr_assert_eq(pages_label(&w, name), -EINVAL);
	name[79] = '\0';
	cr_assert_neq(pages_label(&w, name), -EINVAL);
	cr_assert_eq(pages_label(&w, "tab\t"), -EINVAL);
	cr_assert_eq(pages_label(&w, "a]"), -EINVAL);
	cr_assert_neq(pages_label(&w, NULL), -EINVAL);
	pages_close(&w);
}
