/* SPDX-License-Identifier: MIT */
/*
 * arena.c - where in the address space the arena lies
 */
#include <criterion/criterion.h>
#include <errno.h>

#include "heap/arena.h"
#include "os/base.h"
#include "os/caps.h"
#include "os/os.h"
#include "support/support.h"

/*
 * 64-bit Arm has 39, 42 or 48 bits of addresses, and up to 47 of those on x86.  Their places are
 * claimed in this machine's, where a hint beyond the end would have been followed, too.
 */
Test(arena, lies_between_programs_and_libraries_of_small_address_spaces)
{
	static const unsigned bits[] = { 38, 39, 40, 42, 44, 47 };

	if (!pages_can(PAGES_CAP_HINT))
		cr_skip_test("no hints");
	if (getenv("SANITIZED") != NULL)
		cr_skip_test("a sanitizer has tables there");
	for (size_t i = 0; i < sizeof(bits) / sizeof(bits[0]); i++) {
		unsigned placed = 0;

		for (uint64_t n = 0; n < 50; n++) {
			size_t end = (size_t)1 << bits[i];
			struct pages_claim c = {
				.len = pages_min(end / 8, MIB(1) << 20),
				.page_size = pages_os_page_size(),
				.address_end = end,
				.random = n * PAGES_GOLDEN_64,
			};
			struct pages_arena a;
			int err = pages_arena_open(&a, &c);

			if (err == -EEXIST)	/* something of the test's own lies there, by chance */
				continue;
			placed++;
			cr_assert(err == 0, "%u bits: %d", bits[i], err);
			cr_expect((size_t)a.tables >= end / 4, "%u bits: %p", bits[i], (void *)a.tables);
			/* A position-independent program lies at 2/3. */
			cr_expect((size_t)a.base + a.len <= end / 8 * 5, "%u bits: %p", bits[i],
				  (void *)a.base);
			pages_arena_close(&a);
		}
		cr_expect(placed > 40, "%u bits: %u of 50 found a place", bits[i], placed);
	}
}

Test(arena, is_refused_where_it_would_not_fit)
{
	struct pages_claim c = {
		.len = PAGES_GIB(64), .page_size = pages_os_page_size(),
		.address_end = (size_t)1 << 38,
	};
	struct pages_arena a;

	cr_expect(pages_arena_open(&a, &c) == -ENOMEM);
}
