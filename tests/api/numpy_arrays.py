# SPDX-License-Identifier: MIT
"""Arrays from pages_numpy: which handler makes and frees them, and that they hold what NumPy
put there.  Run by numpy.sh."""
import contextvars
import os
import random
import re
import resource
import subprocess
import sys
import threading
import time
import types
import unittest
from concurrent.futures import ThreadPoolExecutor

import numpy as np

try:
    from numpy._core.multiarray import get_handler_name
except ImportError:
    from numpy.core.multiarray import get_handler_name

import pages_numpy

MIB = 1 << 20
HEADER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../include/pages/malloc.h")


def live():
    return pages_numpy.stats()["live_objects"]


def maker():
    """The handler of an array that is made here and now."""
    return get_handler_name(np.empty(1))


class Arrays(unittest.TestCase):
    def setUp(self):
        self.before = live()
        pages_numpy.enable()

    def tearDown(self):
        pages_numpy.disable()
        self.assertEqual(maker(), "default_allocator")
        self.assertEqual(live(), self.before)
        st = pages_numpy.stats()
        self.assertEqual(st["requests"], st["frees"] + st["live_objects"])

    def test_come_from_pages_between_enable_and_disable(self):
        pages_numpy.disable()
        self.assertFalse(pages_numpy.enabled())
        first = np.full(MIB, 1.0)
        self.assertEqual((get_handler_name(first), live()), ("default_allocator", self.before))
        pages_numpy.enable()
        pages_numpy.enable()
        self.assertTrue(pages_numpy.enabled())
        second = np.full(MIB, 2.0)
        self.assertEqual((get_handler_name(second), live()), ("pages", self.before + 1))
        pages_numpy.disable()
        third = np.full(MIB, 3.0)
        self.assertEqual((get_handler_name(third), live()), ("default_allocator", self.before + 1))
        self.assertEqual([a.sum() / MIB for a in (first, second, third)], [1, 2, 3])

    def test_are_freed_and_resized_by_what_made_them(self):
        pages_numpy.disable()
        plain = np.arange(MIB)
        pages_numpy.enable()
        ours = np.arange(MIB)
        plain.resize(2 * MIB, refcheck=False)
        pages_numpy.disable()
        ours.resize(2 * MIB, refcheck=False)
        for array, name in ((plain, "default_allocator"), (ours, "pages")):
            self.assertEqual(get_handler_name(array), name)
            self.assertTrue((array[:MIB] == np.arange(MIB)).all())
            self.assertFalse(array[MIB:].any())
        self.assertEqual(live(), self.before + 1)
        ours.resize(10, refcheck=False)
        self.assertEqual((ours.tolist(), live()), (list(range(10)), self.before))
        ours.resize(0, refcheck=False)
        ours.resize(MIB, refcheck=False)
        self.assertFalse(ours.any())

    def test_of_zeroes_are_zero_where_memory_was_used_before(self):
        for _ in range(5):
            dirty = np.full(40 * MIB // 8, -1, dtype=np.int64)
            del dirty
            self.assertFalse(np.zeros(40 * MIB // 8, dtype=np.int64).any())

    def test_that_are_sparse_stay_sparse(self):
        pages_numpy.trim()
        before = pages_numpy.stats()["cleared_bytes"]
        huge = np.zeros(1 << 30, dtype=np.uint8)
        self.assertEqual(huge[::1 << 28].sum(), 0)
        self.assertEqual(pages_numpy.stats()["cleared_bytes"], before)

    def test_of_all_sizes_and_types_hold_what_they_were_given(self):
        rng = random.Random(1)
        kept = []
        for i in range(300):
            n = rng.choice((0, 1, 7, 1000, 40000, 300000))
            dtype = rng.choice((np.uint8, np.float64, np.complex128, "U3", [("a", "i4"), ("b", "f8")]))
            array = (np.zeros if i % 3 else np.empty)(n, dtype=dtype)
            self.assertEqual(get_handler_name(array), "pages")
            array[:] = np.array(i % 100).astype(dtype)
            kept.append((array, array.copy()))
            if len(kept) > 20:
                one, two = kept.pop(rng.randrange(20))
                self.assertTrue((one == two).all())
        self.assertTrue(all((one == two).all() for one, two in kept))

    def test_as_temporaries_do_not_fault(self):
        a, b = np.full(40 * MIB // 8, 2.0), np.full(40 * MIB // 8, 3.0)

        def faults(times):
            start = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
            for _ in range(times):
                c = (a + b) * (a - b) + a / b
                self.assertEqual(c[-1], 5 * -1 + 2 / 3)
            return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - start

        faults(2)
        ours = faults(5)
        pages_numpy.disable()
        faults(2)
        plain = faults(5)
        self.assertLess(ours, 500)
        self.assertLess(ours, plain / 2)

    def test_that_cannot_be_are_refused(self):
        with self.assertRaises(MemoryError):
            np.empty(1 << 60, dtype=np.uint8)
        with self.assertRaises(MemoryError):
            np.zeros(1 << 58)

    def test_of_a_context_are_its_own(self):
        other = contextvars.copy_context()
        other.run(pages_numpy.disable)
        self.assertEqual((other.run(maker), maker()), ("default_allocator", "pages"))
        pages_numpy.disable()
        other.run(pages_numpy.enable)
        self.assertEqual((other.run(maker), maker()), ("pages", "default_allocator"))

    def test_survive_a_fork(self):
        array = np.arange(MIB)
        pid = os.fork()
        if pid == 0:
            right = array.sum() == MIB * (MIB - 1) // 2 and (np.zeros(MIB) + 1).sum() == MIB
            del array
            os._exit(0 if right and live() == self.before else 1)
        self.assertEqual(os.waitpid(pid, 0)[1], 0)
        self.assertEqual(array[-1], MIB - 1)

    def test_may_be_alive_at_exit(self):
        done = subprocess.run([sys.executable, "-B", "-c", "import pages_numpy, numpy as np\n"
                               "pages_numpy.enable()\na = np.zeros(1 << 20)\nprint(len(a))"],
                              capture_output=True, text=True, check=False)
        self.assertEqual((done.returncode, done.stdout, done.stderr), (0, f"{MIB}\n", ""))


class Threads(unittest.TestCase):
    def tearDown(self):
        pages_numpy.disable()

    def test_enable_themselves_or_are_enabled(self):
        names = []

        def run():
            names.append(maker())

        def in_thread():
            thread = threading.Thread(target=run)
            thread.start()
            thread.join()
            self.assertNotIn("run", vars(thread))
            return names.pop()

        pages_numpy.enable()
        self.assertEqual(in_thread(), "default_allocator")
        with ThreadPoolExecutor(1, initializer=pages_numpy.enable) as pool:
            self.assertEqual(pool.submit(maker).result(), "pages")
        for _ in range(2):
            pages_numpy.enable(threads=True)
            self.assertEqual(in_thread(), "pages")
            with ThreadPoolExecutor(1) as pool:
                self.assertEqual(pool.submit(maker).result(), "pages")
            pages_numpy.disable()
            self.assertEqual(in_thread(), "default_allocator")

    def test_free_what_others_made_while_handlers_change(self):
        before = live()
        shelf, lock, wrong = [], threading.Lock(), []
        end = time.monotonic() + 1.5

        def work(seed):
            rng = random.Random(seed)
            while time.monotonic() < end:
                (pages_numpy.enable if rng.random() < 0.5 else pages_numpy.disable)()
                n = rng.randrange(10, 300000)
                array = np.full(n, n)
                with lock:
                    shelf.append(array)
                    taken = shelf.pop(rng.randrange(len(shelf))) if len(shelf) > 20 else None
                if taken is not None and not (taken == len(taken)).all():
                    wrong.append(len(taken))
                del array, taken

        with ThreadPoolExecutor(4) as pool:
            list(pool.map(work, range(4)))
        self.assertEqual(wrong, [])
        shelf.clear()
        self.assertEqual(live(), before)


class Shell(unittest.TestCase):
    """IPython runs a cell in a context of its own, after it has called what is registered."""

    def test_enables_each_cell(self):
        callbacks = []
        events = types.SimpleNamespace(register=lambda _, f: callbacks.append(f),
                                       unregister=lambda _, f: callbacks.remove(f))
        shell = types.SimpleNamespace(events=events)
        sys.modules["IPython"] = types.SimpleNamespace(get_ipython=lambda: shell)
        self.addCleanup(sys.modules.pop, "IPython")

        def cell(code):
            def run():
                for callback in list(callbacks):
                    callback(None)
                return code()
            return contextvars.copy_context().run(run)

        self.assertEqual(cell(maker), "default_allocator")
        cell(pages_numpy.enable)
        cell(pages_numpy.enable)
        self.assertEqual((cell(maker), len(callbacks)), ("pages", 1))
        cell(pages_numpy.disable)
        self.assertEqual((cell(maker), callbacks), ("default_allocator", []))


class Counters(unittest.TestCase):
    def test_are_those_of_the_header(self):
        with open(HEADER, encoding="utf-8") as text:
            struct = re.search(r"struct pages_stats \{(.*?)\n\};", text.read(), re.S).group(1)
        self.assertEqual(list(pages_numpy.stats()), re.findall(r"uint64_t (\w+);", struct))

    def test_show_what_a_trim_gives_back(self):
        pages_numpy.enable()
        np.full(8 * MIB, 1.0)
        pages_numpy.disable()
        kept = pages_numpy.stats()["kept_bytes"]
        self.assertGreater(kept, 32 * MIB)
        self.assertEqual(pages_numpy.trim(kept), 0)
        self.assertEqual(pages_numpy.trim(), kept)
        with self.assertRaises(ValueError):
            pages_numpy.trim(-1)


unittest.main(verbosity=2)
