dnl SPDX-License-Identifier: MIT
dnl PAGES_SANITIZERS: --enable-sanitizers[=LIST], SAN_CFLAGS, SAN_LDFLAGS, SANITIZED
AC_DEFUN([PAGES_SANITIZERS], [
  AC_ARG_ENABLE([sanitizers],
    [AS_HELP_STRING([--enable-sanitizers@<:@=LIST@:>@],
                    [build with -fsanitize=LIST @<:@address,undefined@:>@])],
    [], [enable_sanitizers=no])
  AS_IF([test "x$enable_sanitizers" = xyes], [enable_sanitizers=address,undefined])
  AS_IF([test "x$enable_sanitizers" != xno], [
    AX_CHECK_LINK_FLAG([-fsanitize=$enable_sanitizers], [],
      [AC_MSG_ERROR([$CC cannot link with -fsanitize=$enable_sanitizers])])
    SAN_CFLAGS="-fsanitize=$enable_sanitizers -fno-sanitize-recover=all -fno-omit-frame-pointer"
    SAN_LDFLAGS="-fsanitize=$enable_sanitizers"
  ])
  AC_SUBST([SAN_CFLAGS])
  AC_SUBST([SAN_LDFLAGS])
  AM_CONDITIONAL([SANITIZED], [test "x$enable_sanitizers" != xno])
  AM_CONDITIONAL([THREAD_SANITIZED], [test "x$enable_sanitizers" = xthread])
])
