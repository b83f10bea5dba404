#!/bin/sh
# SPDX-License-Identifier: MIT
# pages_numpy: tests/api/numpy_arrays.py with the Python that it was built for.
srcdir=$(cd "${srcdir:-.}" && pwd)
[ -n "${PYTHON_OF_NUMPY-}" ] || { echo "no headers of Python and NumPy (libpython3-dev, python3-numpy)"; exit 77; }
[ -z "$SANITIZED" ] || { echo "Python would need the sanitizers, too"; exit 77; }
[ -f python/_pages_numpy.la ] || { echo "not built"; exit 99; }
export PYTHONPATH="$PWD/python/.libs:$srcdir/python" LD_LIBRARY_PATH="$PWD/.libs"
exec "$PYTHON_OF_NUMPY" -B "$srcdir/tests/api/numpy_arrays.py"
