/* SPDX-License-Identifier: MIT */
/*
 * pages.c - life, transitions and access: what pages.h promises at run time,
 * one promise a test
 *
 * What it promises at compile time is tested by misuse.sh.
 */
#include "pages_support.h"

/*
 * long add(long, long), in machine code, and the byte that makes it add the first
 * argument to itself.
 */
#if defined(__x86_64__)		/* lea (%rdi,%rsi), %rax; ret */
static const unsigned char add_code[] = { 0x48, 0x8d, 0x04, 0x37, 0xc3 };
enum { TWICE_AT = 3, TWICE = 0x3f };
#elif defined(__i386__)		/* mov 4(%esp), %eax; add 8(%esp), %eax; ret */
static const unsigned char add_code[] = { 0x8b, 0x44, 0x24, 0x04, 0x03, 0x44, 0x24, 0x08, 0xc3 };
enum { TWICE_AT = 7, TWICE = 0x04 };
#elif defined(__aarch64__)	/* add x0, x0, x1; ret */
static const unsigned char add_code[] = { 0x00, 0x00, 0x01, 0x8b, 0xc0, 0x03, 0x5f, 0xd6 };
enum { TWICE_AT = 2, TWICE = 0x00 };
#else
#define NO_CODE "no machine code for this machine"
static const unsigned char add_code[1];
enum { TWICE_AT, TWICE };
#endif

/* ---- life ---- */

Test(opened_pages, are_zero)
{
	struct pages_rw w = opened(3 * page());

	cr_assert(all_zero(pages_read(&w), pages_len(&w)));
	pages_close(&w);
}

Test(opened_pages, have_their_length_rounded_up_to_pages)
{
	struct pages_rw a = opened(1), b = opened(page()), c = opened(page() + 1);

	cr_assert_eq(pages_len(&a), page());
	cr_assert_eq(pages_len(&b), page());
	cr_assert_eq(pages_len(&c), 2 * page());
	pages_close(&a);
	pages_close(&b);
	pages_close(&c);
}

Test(opened_pages, start_at_a_page)
{
	struct pages_rw w = opened(5);

	cr_assert_eq((uintptr_t)pages_read(&w) % page(), 0);
	pages_close(&w);
}

Test(opened_pages, use_no_memory_before_they_are_written)
{
	struct pages_rw w = opened(64 * page());

	cr_assert_eq(resident(pages_read(&w), pages_len(&w)), 0);
	pages_close(&w);
}

Test(open, refuses_length_zero)
{
	struct pages_rw w = {0};

	cr_assert_eq(pages_open(&w, unseen(0)), -EINVAL);
	cr_assert_eq(pages_len(&w), 0);
}

Test(open, refuses_lengths_that_overflow)
{
	struct pages_rw w = {0};

	cr_assert_eq(pages_open(&w, unseen(SIZE_MAX)), -ENOMEM);
	cr_assert_eq(pages_open(&w, SIZE_MAX - page() + 2), -ENOMEM);
	cr_assert_eq(pages_open(&w, SIZE_MAX / 2), -ENOMEM);
	cr_assert_eq(pages_len(&w), 0);
}

Test(open, refuses_a_live_handle_and_leaves_it_alone)
{
	struct pages_rw w = opened(page());

	fill(&w);
	cr_assert_eq(pages_open(&w, 2 * page()), -EBUSY);
	cr_assert_eq(pages_len(&w), page());
	cr_assert(filled(pages_read(&w), page()));
	pages_close(&w);
}

Test(close, unmaps_the_pages)
{
	struct pages_rw w = opened(page());
	void *p = pages_write(&w);

	pages_close(&w);
	cr_assert_eq(fault_of(p, false), p);
}

Test(close, of_an_empty_handle_does_nothing)
{
	struct pages_none n = {0};
	struct pages_ro r = {0};
	struct pages_rw w = {0};
	struct pages_rx x = {0};

	pages_close(&n);
	pages_close(&r);
	pages_close(&w);
	pages_close(&x);
}

Test(close, twice_does_not_touch_what_took_the_place)
{
	struct pages_rw w = opened(page()), other;
	void *p = pages_write(&w), *q;

	pages_close(&w);
	q = mmap(p, page(), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED,
		 -1, 0);
	cr_assert_eq(q, p);
	other = w;
	pages_close(&w);
	pages_close(&other);
	cr_assert_null(fault_of(p, true));
	munmap(p, page());
}

/* ---- transitions ---- */

Test(transitions, keep_the_contents)
{
	struct pages_rw w = opened(5 * page());
	struct pages_none n = {0};
	struct pages_ro r = {0};
	struct pages_rx x = {0};

	fill(&w);
	cr_assert_eq(pages_to_ro(&w, &r), 0);
	cr_assert(filled(pages_read(&r), pages_len(&r)));
	cr_assert_eq(pages_to_none(&r, &n), 0);
	cr_assert_eq(pages_to_rx(&n, &x), 0);
	cr_assert(filled(pages_read(&x), pages_len(&x)));
	cr_assert_eq(pages_to_rw(&x, &w), 0);
	cr_assert(filled(pages_read(&w), pages_len(&w)));
	pages_close(&w);
}

Test(transitions, keep_the_place_and_the_length)
{
	struct pages_rw w = opened(3 * page());
	struct pages_ro r = {0};
	const void *p = pages_read(&w);

	cr_assert_eq(pages_to_ro(&w, &r), 0);
	cr_assert_eq(pages_read(&r), p);
	cr_assert_eq(pages_len(&r), 3 * page());
	pages_close(&r);
}

Test(transitions, empty_their_source)
{
	struct pages_rw w = opened(page());
	struct pages_ro r = {0};

	cr_assert_eq(pages_to_ro(&w, &r), 0);
	cr_assert_eq(pages_len(&w), 0);
	pages_close(&w);
	cr_assert_null(fault_of(pages_read(&r), false), "closing the source took the pages");
	pages_close(&r);
}

Test(transitions, lead_from_every_type_to_every_type)
{
	struct pages_rw w = opened(page()), w2 = {0};
	struct pages_none n = {0}, n2 = {0};
	struct pages_ro r = {0}, r2 = {0};
	struct pages_rx x = {0}, x2 = {0};

	cr_assert_eq(pages_to_rw(&w, &w2), 0);
	cr_assert_eq(pages_to_rx(&w2, &x), 0);
	cr_assert_eq(pages_to_rx(&x, &x2), 0);
	cr_assert_eq(pages_to_ro(&x2, &r), 0);
	cr_assert_eq(pages_to_ro(&r, &r2), 0);
	cr_assert_eq(pages_to_rx(&r2, &x), 0);
	cr_assert_eq(pages_to_none(&x, &n), 0);
	cr_assert_eq(pages_to_none(&n, &n2), 0);
	cr_assert_eq(pages_to_ro(&n2, &r), 0);
	cr_assert_eq(pages_to_rw(&r, &w), 0);
	cr_assert_eq(pages_to_none(&w, &n), 0);
	cr_assert_eq(pages_to_rw(&n, &w), 0);
	cr_assert_null(fault_of(pages_write(&w), true));
	pages_close(&w);
}

Test(a_failed_transition, keeps_its_source_and_its_target)
{
	struct pages_rw w = opened(2 * page());
	struct pages_none n = {0};
	struct pages_ro r = {0};
	struct pages_rx x = {0};
	void *p = pages_write(&w);

	unmap(p, 2 * page());
	cr_assert_eq(pages_to_none(&w, &n), -ENOMEM);
	cr_assert_eq(pages_to_ro(&w, &r), -ENOMEM);
	cr_assert_eq(pages_to_rx(&w, &x), -ENOMEM);
	cr_assert_eq(pages_write(&w), p);
	cr_assert_eq(pages_len(&w), 2 * page());
	cr_assert_eq(pages_len(&n) + pages_len(&r) + pages_len(&x), 0);
}

Test(a_transition_to_a_live_target, changes_nothing)
{
	struct pages_rw w = opened(2 * page()), busy = opened(page());
	struct pages_ro r = {0};

	fill(&w);
	cr_assert_eq(pages_to_ro(&busy, &r), 0);
	cr_assert_eq(pages_to_ro(&w, &r), -EBUSY);
	cr_assert_eq(pages_len(&r), page());
	cr_assert_null(fault_of(pages_write(&w), true));
	cr_assert_eq(pages_to_rw(&w, &w), -EBUSY);
	cr_assert_eq(pages_len(&w), 2 * page());
	pages_close(&w);
	pages_close(&r);
}

/* Only by going round the header: there is no type for this without the gate. */
Test(writable_and_executable, is_refused_unless_configured)
{
	struct pages_rw w = opened(page());
	struct pages_raw_ unused;
	int want = ALLOW_WX ? 0 : -EPERM;

	cr_assert_eq(pages_protect_(w.p_, PROT_READ | PROT_WRITE | PROT_EXEC, "", &unused), want);
	cr_assert_eq(pages_protect_(w.p_, PROT_WRITE | PROT_EXEC, "", &unused), want);
	cr_assert_null(fault_of(pages_write(&w), true));
	pages_close(&w);
}

/* ---- what the hardware says ---- */

Test(a_store, to_ro_faults_exactly_there)
{
	struct pages_rw w = opened(3 * page());
	struct pages_ro r = {0};
	char *p = (char *)pages_write(&w) + page() + 123;

	cr_assert_null(fault_of(p, true));
	cr_assert_eq(pages_to_ro(&w, &r), 0);
	cr_assert_eq(fault_of(p, true), p);
	cr_assert_null(fault_of(p, false));
	pages_close(&r);
}

Test(a_store, to_rx_faults_exactly_there)
{
	struct pages_rw w = opened(3 * page());
	struct pages_rx x = {0};
	char *p = (char *)pages_write(&w) + 2 * page() + 7;

	cr_assert_eq(pages_to_rx(&w, &x), 0);
	cr_assert_eq(fault_of(p, true), p);
	cr_assert_null(fault_of(p, false));
	pages_close(&x);
}

Test(a_load, from_none_faults_exactly_there)
{
	struct pages_rw w = opened(2 * page());
	struct pages_none n = {0};
	char *p = (char *)pages_write(&w) + page() + 1;

	cr_assert_eq(pages_to_none(&w, &n), 0);
	cr_assert_eq(fault_of(p, false), p);
	pages_close(&n);
}

/* ---- code ---- */

/* Some sanitizers look for a type signature before the function: there is none. */
__attribute__((no_sanitize("undefined"))) static long
add_at(const struct pages_rx *x, size_t off, long a, long b)
{
	return PAGES_FN(x, off, long(long, long))(a, b);
}

Test(code, that_was_written_runs)
{
	struct pages_rw w = opened(2 * page());
	struct pages_rx x = {0};

#ifdef NO_CODE
	cr_skip_test(NO_CODE);
#endif
	memcpy(pages_write(&w), add_code, sizeof(add_code));
	memcpy((char *)pages_write(&w) + page(), add_code, sizeof(add_code));
	cr_assert_eq(pages_to_rx(&w, &x), 0);
	cr_assert_eq(add_at(&x, 0, 43, 34), 77);
	cr_assert_eq(add_at(&x, page(), -1, 1), 0);
	pages_close(&x);
}

Test(code, that_was_changed_runs_as_changed)
{
	struct pages_rw w = opened(page());
	struct pages_rx x = {0};

#ifdef NO_CODE
	cr_skip_test(NO_CODE);
#endif
	memcpy(pages_write(&w), add_code, sizeof(add_code));
	cr_assert_eq(pages_to_rx(&w, &x), 0);
	cr_assert_eq(add_at(&x, 0, 43, 34), 77);
	cr_assert_eq(pages_to_rw(&x, &w), 0);
	PAGES_AT(unsigned char, &w, TWICE_AT) = TWICE;
	cr_assert_eq(pages_to_rx(&w, &x), 0);
	cr_assert_eq(add_at(&x, 0, 43, 34), 86);
	pages_close(&x);
}

/* ---- access ---- */

Test(elements, are_modifiable_through_rw)
{
	struct pages_rw w = opened(page());
	size_t last = page() / sizeof(long) - 1;

	PAGES_AT(long, &w, 0) = -5;
	PAGES_AT(long, &w, last) = 6;
	PAGES_AT(long, &w, last)++;
	cr_assert_eq(PAGES_AT(long, &w, 0), -5);
	cr_assert_eq(PAGES_AT(long, &w, last), 7);
	pages_close(&w);
}

Test(elements, may_be_structs_and_pointers)
{
	struct point { int x, y, z; };
	struct pages_rw w = opened(page()), v = opened(page());
	char text[] = "text";

	PAGES_AT(struct point, &w, 3) = (struct point){ 1, 2, 3 };
	PAGES_AT(char *, &v, 1) = text;
	cr_assert_eq(PAGES_AT(struct point, &w, 3).z, 3);
	cr_assert_eq(PAGES_AT(int, &w, 11), 3);
	cr_assert_eq(PAGES_AT(char *, &v, 1), text);
	pages_close(&w);
	pages_close(&v);
}

Test(arguments, are_evaluated_once)
{
	struct pages_rw w[2] = { opened(page()), opened(page()) }, *p = w;
	size_t i = 0;

	PAGES_AT(int, p++, i++) = 1;
	cr_assert_eq(p - w, 1);
	cr_assert_eq(i, 1);
	cr_assert_eq(pages_len(p--), page());
	cr_assert_eq(p, w);
	pages_close(p++);
	pages_close(p);
	cr_assert_eq(p - w, 1);
}
