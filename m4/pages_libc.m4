dnl SPDX-License-Identifier: MIT
dnl PAGES_ARGUMENT(NAME, HEADER, PROTOTYPE, TYPES): defines NAME as the first of TYPES, quoted
dnl for the shell, that has to stand in the place of NAME in PROTOTYPE: a function that the shim
dnl defines, with the types of HEADER.
AC_DEFUN([PAGES_ARGUMENT], [
  AC_CACHE_CHECK([for the type $1 in $3], [pages_cv_type_$1], [
    for pages_type in $4; do
      AC_COMPILE_IFELSE([AC_LANG_SOURCE([[#include <$2>
#define $1 $pages_type
$3;]])], [pages_cv_type_$1=$pages_type; break])
    done
  ])
  AS_IF([test "x$pages_cv_type_$1" = x], [AC_MSG_ERROR([no type that is known goes into $3])])
  AC_DEFINE_UNQUOTED([$1], [$pages_cv_type_$1], [The type in the prototype $3.])
])

dnl PAGES_LIBC: in what C libraries differ.  glibc has types of its own where POSIX or the kernel
dnl says int; musl has no more of <malloc.h> than the functions that allocate.
AC_DEFUN([PAGES_LIBC], [
  PAGES_ARGUMENT([PAGES_RLIMIT_RESOURCE], [sys/resource.h],
    [int setrlimit(PAGES_RLIMIT_RESOURCE, const struct rlimit *)], [__rlimit_resource_t int])
  PAGES_ARGUMENT([PAGES_SOCKADDR_ARG], [sys/socket.h],
    [ssize_t sendto(int, const void *, size_t, int, PAGES_SOCKADDR_ARG, socklen_t)],
    [__CONST_SOCKADDR_ARG "const struct sockaddr *"])
  PAGES_ARGUMENT([PAGES_IOCTL_REQUEST], [sys/ioctl.h],
    [int ioctl(int, PAGES_IOCTL_REQUEST, ...)], ["unsigned long" int])
  PAGES_ARGUMENT([PAGES_SENDMMSG_FLAGS], [sys/socket.h],
    [int sendmmsg(int, struct mmsghdr *, unsigned, PAGES_SENDMMSG_FLAGS)], [int unsigned])

  AC_CHECK_FUNC([gnu_get_libc_version], [pages_glibc=1], [pages_glibc=0])
  AC_DEFINE_UNQUOTED([PAGES_GLIBC], [$pages_glibc], [1 if the C library is glibc.])
  AC_CHECK_FUNC([mallopt], [have_mallopt=yes], [have_mallopt=no])
  AM_CONDITIONAL([HAVE_MALLOPT], [test $have_mallopt = yes])
])
