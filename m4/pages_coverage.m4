dnl SPDX-License-Identifier: MIT
dnl PAGES_COVERAGE: --enable-coverage, COV_CFLAGS, COV_LDFLAGS, COVERAGE
AC_DEFUN([PAGES_COVERAGE], [
  AC_ARG_ENABLE([coverage],
    [AS_HELP_STRING([--enable-coverage], [count which lines and branches run (gcc; see make coverage)])],
    [], [enable_coverage=no])
  AS_IF([test "x$enable_coverage" != xno], [
    AX_CHECK_LINK_FLAG([--coverage], [], [AC_MSG_ERROR([$CC cannot link with --coverage])])
    # Threads count too.
    COV_CFLAGS="--coverage -fprofile-update=atomic"
    COV_LDFLAGS="--coverage"
  ])
  AC_SUBST([COV_CFLAGS])
  AC_SUBST([COV_LDFLAGS])
  AM_CONDITIONAL([COVERAGE], [test "x$enable_coverage" != xno])
])
