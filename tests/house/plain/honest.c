/* SPDX-License-Identifier: MIT */
/*
 * honest.c - does the plain criterion.h find fault?  Tests named pass_* must pass,
 * skip_* must be skipped, and all others fail.
 */
#include <criterion/criterion.h>

static void
failing(void)
{
	cr_assert_eq(1, 2);
}

Test(honest, pass_all_forms)
{
	cr_assert(1, "%d", 1);
	cr_assert_not(0);
	cr_assert_neq(1, 2);
	cr_assert_lt(1, 2);
	cr_assert_leq(2, 2);
	cr_assert_gt(2, 1);
	cr_assert_geq(2, 2);
	cr_assert_null(NULL);
	cr_assert_not_null("");
	cr_assert_str_eq("a", "a");
	cr_assert_str_neq("a", "b");
	cr_assert_arr_eq("ab", "ac", 1, "with a message, %d", 1);
	cr_assert_arr_neq("ab", "ac", 2);
}

Test(honest, pass_signal, .signal = SIGSEGV) { raise(SIGSEGV); }
Test(honest, pass_exit_code, .exit_code = 3) { exit(3); }
Test(honest, skip_disabled, .disabled = true) { cr_assert_fail(); }
Test(honest, skip_with_reason) { cr_skip_test("because of %d", 1); }

Test(honest, assertion) { cr_assert_str_eq("a", "b"); }
Test(honest, assertion_in_init, .init = failing) { }
Test(honest, assertion_in_fini, .fini = failing) { }
Test(honest, assertion_before_skip) { cr_expect(0); cr_skip_test("too late"); }
Test(honest, assertion_before_signal, .signal = SIGSEGV) { cr_expect(0); raise(SIGSEGV); }
Test(honest, assertion_in_child) { if (fork() == 0) failing(); wait(NULL); }
Test(honest, expectation) { cr_expect_eq(1, 2, "but goes on"); }
Test(honest, end_reached_only_by_child) { if (fork() != 0) { wait(NULL); _exit(0); } }
Test(honest, exit_before_the_end) { exit(0); }
Test(honest, exit_with_a_status) { exit(1); }
Test(honest, signal_missing, .signal = SIGSEGV) { }
Test(honest, signal_unexpected) { raise(SIGSEGV); }
Test(honest, signal_of_another_kind, .signal = SIGSEGV) { abort(); }
Test(honest, too_slow, .timeout = 1) { for (;;) pause(); }
