# SPDX-License-Identifier: MIT
"""NumPy's arrays from libpages: large temporaries without page faults.

    import pages_numpy
    pages_numpy.enable()

Arrays made from then on have their memory from <pages/malloc.h>, if it is 256 KiB or more;
those there are stay where they are.  Works at any time in a running program, and without
preloading.  Each array is freed by what made it, also after disable().

NumPy keeps what enable() sets in a context variable (PEP 567).  So it holds for the caller's
thread, and for the asyncio tasks that it creates, but not for other threads: they call
enable() themselves,

    ThreadPoolExecutor(initializer=pages_numpy.enable)

or enable(threads=True) does that for all that threading starts afterwards.  In IPython and
Jupyter, where a cell can be a context of its own, it holds for all later cells.

pages_malloc(3) says what the memory costs and what stats() counts.
"""
import sys
import threading

import _pages_numpy
from _pages_numpy import enabled, stats, trim

__all__ = ["enable", "disable", "enabled", "stats", "trim"]

_lock = threading.Lock()
_shell = None           # IPython's, if each of its cells is to be enabled
_threads = False        # is each thread that is started to be enabled?
_plain_start = None     # threading.Thread.start, from when ours is in its place


def _enable_cell(_info=None):
    _pages_numpy.enable()


def _start(thread):
    """Thread.start(): a thread enables itself before it runs."""
    if _threads:
        run = thread.run

        def run_enabled():
            del thread.run      # the class's again, and no circle of references
            _pages_numpy.enable()
            run()

        thread.run = run_enabled
    _plain_start(thread)


def _shell_of_this():
    """The running IPython, or None."""
    module = sys.modules.get("IPython")
    return module.get_ipython() if module is not None else None


def enable(*, threads=False):
    """Let arrays come from pages: in this context, in later cells of IPython, and with
    threads=True in threads that are started from now on."""
    global _shell, _threads, _plain_start
    _pages_numpy.enable()
    with _lock:
        if _shell is None:
            _shell = _shell_of_this()
            if _shell is not None:
                _shell.events.register("pre_run_cell", _enable_cell)
        if threads and _plain_start is None:
            # For good: what others put in its place later may call it.
            _plain_start = threading.Thread.start
            threading.Thread.start = _start
        _threads = _threads or threads


def disable():
    """Let arrays come from NumPy's own allocator: in this context, in later cells, and in
    threads that are started from now on.  Threads that run keep what they have."""
    global _shell, _threads
    _pages_numpy.disable()
    with _lock:
        if _shell is not None:
            _shell.events.unregister("pre_run_cell", _enable_cell)
            _shell = None
        _threads = False
