/* SPDX-License-Identifier: MIT */
/*
 * facts.c - learns what memory there is, and what the kernel can do
 */
#include <stdlib.h>
#include <string.h>

#include "os/caps.h"
#include "os/cgroup.h"
#include "impl.h"
#include "os/os.h"

/* Lower memory and swap of the machine to the limits of the control groups. */
static void
apply_limits(struct pages_facts *facts, const struct pages_cgroup_limits *limits)
{
	struct pages_os_facts *os = &facts->os;
	size_t swap = pages_min(os->ram_and_swap - os->ram, limits->swap);

	os->ram = pages_min(os->ram, limits->memory);
	os->ram_and_swap = pages_min(os->ram + swap, limits->memory_and_swap);
	facts->high = limits->high;
}

/* The heap may cause VMA splits up to half of the mappings that the kernel allows. */
static size_t
max_splits(void)
{
	char text[24];

	if (pages_os_read_file("/proc/sys/vm/max_map_count", text, sizeof(text)) != 0)
		return 65530 / 2;
	return strtoul(text, NULL, 10) / 2;
}

static bool
has_huge_pages(void)
{
	char text[64];

	return pages_os_read_file("/sys/kernel/mm/transparent_hugepage/enabled", text,
				  sizeof(text)) != 0 || strstr(text, "[never]") == NULL;
}

/*
 * Find out now what will be asked later: at a limit that was lowered meanwhile a probe would
 * fail, each time.
 */
static void
probe(void)
{
	static const enum pages_cap caps[] = {
		PAGES_CAP_MOVE, PAGES_CAP_DISCARD, PAGES_CAP_HUGE, PAGES_CAP_SMALL, PAGES_CAP_DUMP,
		PAGES_CAP_LAZY, PAGES_CAP_WIPE, PAGES_CAP_POPULATE, PAGES_CAP_SCAN,
		PAGES_CAP_LOOK,
	};

	for (size_t i = 0; i < sizeof(caps) / sizeof(caps[0]); i++)
		(void)pages_can(caps[i]);
}

void
pages_heap_learn(struct pages_heap *h)
{
	struct pages_cgroup_limits limits;

	if (h->facts.known)
		return;
	pages_os_facts(&h->facts.os);
	if (h->facts.os.filtered)
		pages_confine(PAGES_CONFINED_CALLS);
	pages_cgroup_read("", &limits);
	apply_limits(&h->facts, &limits);
	h->facts.max_splits = max_splits();
	h->facts.huge_pages = has_huge_pages();
	probe();
	pages_process_open(&h->process);
	h->facts.known = true;
}
