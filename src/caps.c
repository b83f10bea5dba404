/* SPDX-License-Identifier: MIT */
#include "caps.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base.h"
#include "os.h"

/* Is name an element of the comma-separated list, or is the list "all"? */
static bool
listed(const char *list, const char *name)
{
	size_t len = strlen(name);

	while (list != NULL && *list != '\0') {
		size_t n = strcspn(list, ",");

		if ((n == len && memcmp(list, name, n) == 0) || (n == 3 && memcmp(list, "all", 3) == 0))
			return true;
		list += n + (list[n] == ',');
	}
	return false;
}

/*
 * Does a page moved from one place to another arrive, and leave zeroes behind?
 * Not in qemu-user, for which the place that it left is a hole from then on.
 */
static bool
probe_move(char *two_pages, size_t page)
{
	two_pages[0] = 1;
	if (pages_os_move(two_pages, two_pages + page, page) != 0) {
		(void)pages_os_heal(two_pages + page, page);
		return false;
	}
	return pages_os_heal(two_pages, page) == -EEXIST && two_pages[0] == 0 && two_pages[page] == 1;
}

static bool
probe_discard(char *p, size_t page)
{
	p[0] = 1;
	return pages_os_discard(p, page) == 0 && *(volatile char *)p == 0;
}

/* An emulator may say yes to all advice that it does not know: see if it can say no. */
static bool
probe_populate(char *p, size_t page)
{
	return pages_os_populate(p, page) == 0 &&
	       pages_os_protect(p, page, PAGES_OS_NONE) == 0 && pages_os_populate(p, page) != 0;
}

static struct pages_caps
probe(void)
{
	const char *off = secure_getenv("PAGES_DISABLE");
	struct pages_os_facts facts;
	struct pages_caps caps = { false, false, false, false };
	void *p;

	pages_os_facts(&facts);
	if (pages_os_map_lazy(2 * facts.page_size, &p) != 0)
		return caps;
	caps.discard = !listed(off, "discard") && probe_discard(p, facts.page_size);
	caps.huge = !listed(off, "huge") && pages_os_huge(p, facts.page_size, true) == 0;
	caps.move = !listed(off, "move") && probe_move(p, facts.page_size);
	/* The last one: it takes permissions away. */
	caps.populate = !listed(off, "populate") && probe_populate(p, facts.page_size);
	pages_os_release(p, 2 * facts.page_size);
	return caps;
}

struct pages_caps
pages_caps(void)
{
	enum { MOVE = 1, DISCARD = 2, HUGE = 4, POPULATE = 8, KNOWN = 16 };
	static _Atomic unsigned known;	/* one word, so that no reader sees half an answer */
	unsigned bits = atomic_load_explicit(&known, memory_order_relaxed);

	if (bits == 0) {
		struct pages_caps caps = probe();

		bits = KNOWN | (caps.move ? MOVE : 0) | (caps.discard ? DISCARD : 0) |
		       (caps.huge ? HUGE : 0) | (caps.populate ? POPULATE : 0);
		atomic_store_explicit(&known, bits, memory_order_relaxed);
	}
	return (struct pages_caps){
		.move = bits & MOVE,
		.discard = bits & DISCARD,
		.huge = bits & HUGE,
		.populate = bits & POPULATE,
	};
}
