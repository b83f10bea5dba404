dnl SPDX-License-Identifier: MIT
dnl PAGES_NUMPY: a Python whose headers, and those of a NumPy with memory handlers (1.22), are
dnl there.  PYTHON names one; else the first of PATH that has them, or the system's.  Sets PYTHON,
dnl NUMPY_CPPFLAGS, PYTHON_EXT_SUFFIX, pyexecdir and HAVE_NUMPY.
AC_DEFUN([PAGES_NUMPY], [
  AC_ARG_VAR([PYTHON], [the Python that the NumPy module is for])
  AC_ARG_VAR([pyexecdir], [where its modules go; ${exec_prefix}/lib/pythonX.Y/... else])
  AC_ARG_ENABLE([numpy], [AS_HELP_STRING([--enable-numpy], [build the module pages_numpy @<:@if possible@:>@])],
    [], [enable_numpy=auto])
  AC_MSG_CHECKING([for a Python with the headers of NumPy 1.22])
  have_numpy=no
  pages_save_CPPFLAGS=$CPPFLAGS
  for pages_python in ${PYTHON-python3 /usr/bin/python3}; do
    AS_IF([test "x$enable_numpy" = xno], [break])
    pages_facts=`$pages_python -B -c 'import os, sys, sysconfig, numpy
print("NUMPY_CPPFLAGS=\"-isystem", sysconfig.get_path("include"), "-isystem", numpy.get_include() + "\"")
print("PYTHON_EXT_SUFFIX=" + sysconfig.get_config_var("EXT_SUFFIX"))
print("pages_site=python%d.%d/" % sys.version_info[[:2]] + os.path.basename(sysconfig.get_path("platlib")))
' 2>/dev/null` || continue
    eval "$pages_facts"
    CPPFLAGS="$pages_save_CPPFLAGS $NUMPY_CPPFLAGS"
    AC_COMPILE_IFELSE([AC_LANG_PROGRAM([[#include <Python.h>
#include <numpy/arrayobject.h>]], [[return PyDataMem_SetHandler(NULL) == NULL;]])],
      [have_numpy=yes PYTHON=$pages_python; break])
  done
  CPPFLAGS=$pages_save_CPPFLAGS
  AS_IF([test $have_numpy = yes], [AC_MSG_RESULT([$PYTHON])], [AC_MSG_RESULT([no])])
  AS_IF([test "x$enable_numpy-$have_numpy" = xyes-no],
    [AC_MSG_ERROR([--enable-numpy needs Python.h and the headers of NumPy 1.22 (Debian: libpython3-dev python3-numpy)])])
  AC_SUBST([NUMPY_CPPFLAGS])
  AC_SUBST([PYTHON_EXT_SUFFIX])
  AS_IF([test -z "$pyexecdir"], [pyexecdir='${exec_prefix}/lib/'$pages_site])
  AM_CONDITIONAL([HAVE_NUMPY], [test $have_numpy = yes])
])
