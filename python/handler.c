/* SPDX-License-Identifier: MIT */
/*
 * handler.c - the module _pages_numpy: NumPy's arrays from <pages/malloc.h>
 *
 * NumPy asks a handler for the memory of arrays (NEP 49).  Which one is a context variable
 * (PEP 567); each array keeps the capsule of the handler that made it, and is freed by that.
 * So handlers may be exchanged at any time.  pages_numpy.py decides where that is done.
 *
 * Threads: NumPy may call a handler from any thread, with or without the interpreter's lock.
 * Nothing here touches Python's objects when it is called so.
 */
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#define NPY_NO_DEPRECATED_API NPY_1_7_API_VERSION
#include <numpy/arrayobject.h>

#include <pages/malloc.h>

/* The handler. ------------------------------------------------------------ */

static void *
array_malloc(void *context, size_t size)
{
	(void)context;
	return pages_malloc(size);
}

static void *
array_calloc(void *context, size_t count, size_t size)
{
	(void)context;
	return pages_calloc(count, size);
}

/* Size 0 would free the block, which stays NumPy's. */
static void *
array_realloc(void *context, void *ptr, size_t size)
{
	(void)context;
	return pages_realloc(ptr, size != 0 ? size : 1);
}

static void
array_free(void *context, void *ptr, size_t size)
{
	(void)context;
	(void)size;
	pages_free(ptr);
}

static PyDataMem_Handler pages_handler = {
	.name = "pages",
	.version = 1,
	.allocator = {
		.malloc = array_malloc,
		.calloc = array_calloc,
		.realloc = array_realloc,
		.free = array_free,
	},
};

static PyObject *capsule;	/* around it; as long as the process lives */

/* What Python calls. ------------------------------------------------------ */

/* handler NULL: NumPy's own */
static PyObject *
set_handler(PyObject *handler)
{
	PyObject *old = PyDataMem_SetHandler(handler);

	if (old == NULL)
		return NULL;
	Py_DECREF(old);
	Py_RETURN_NONE;
}

static PyObject *
enable(PyObject *module, PyObject *none)
{
	(void)module;
	(void)none;
	return set_handler(capsule);
}

static PyObject *
disable(PyObject *module, PyObject *none)
{
	(void)module;
	(void)none;
	return set_handler(NULL);
}

static PyObject *
enabled(PyObject *module, PyObject *none)
{
	PyObject *handler = PyDataMem_GetHandler();
	bool ours = handler == capsule;

	(void)module;
	(void)none;
	if (handler == NULL)
		return NULL;
	Py_DECREF(handler);
	return PyBool_FromLong(ours);
}

#define COUNTER(name) { #name, offsetof(struct pages_stats, name) }
static const struct {
	const char *name;
	size_t offset;
} counters[] = {
	COUNTER(requests), COUNTER(requested_bytes), COUNTER(live_objects), COUNTER(live_bytes),
	COUNTER(peak_live_bytes), COUNTER(reused_bytes), COUNTER(moved_bytes),
	COUNTER(fresh_bytes), COUNTER(cleared_bytes), COUNTER(copied_bytes),
	COUNTER(grown_in_place), COUNTER(grown_by_move), COUNTER(resident_bytes),
	COUNTER(peak_resident_bytes), COUNTER(kept_bytes), COUNTER(returned_bytes),
	COUNTER(arena_bytes), COUNTER(vma_splits), COUNTER(declined_no_arena),
	COUNTER(declined_no_space), COUNTER(declined_refused), COUNTER(declined_busy),
	COUNTER(refused_moves), COUNTER(frees), COUNTER(freed_bytes), COUNTER(moved_free_bytes),
	COUNTER(inherited_objects), COUNTER(inherited_bytes), COUNTER(large_reused_bytes),
	COUNTER(vector_kept_bytes), COUNTER(vector_reused_bytes),
};
#define COUNTERS (sizeof(counters) / sizeof(*counters))
_Static_assert(COUNTERS * sizeof(uint64_t) == sizeof(struct pages_stats), "each has a name");

static PyObject *
stats(PyObject *module, PyObject *none)
{
	struct pages_stats st;
	PyObject *ret = PyDict_New();

	(void)module;
	(void)none;
	pages_malloc_stats(&st, sizeof(st));
	for (size_t i = 0; ret != NULL && i < COUNTERS; i++) {
		uint64_t value;
		PyObject *number;

		memcpy(&value, (const char *)&st + counters[i].offset, sizeof(value));
		number = PyLong_FromUnsignedLongLong(value);
		if (number == NULL || PyDict_SetItemString(ret, counters[i].name, number) != 0)
			Py_CLEAR(ret);
		Py_XDECREF(number);
	}
	return ret;
}

static PyObject *
trim(PyObject *module, PyObject *args)
{
	Py_ssize_t keep = 0;
	size_t given;

	(void)module;
	if (!PyArg_ParseTuple(args, "|n:trim", &keep))
		return NULL;
	if (keep < 0) {
		PyErr_SetString(PyExc_ValueError, "keep is a number of bytes");
		return NULL;
	}
	Py_BEGIN_ALLOW_THREADS
	given = pages_trim((size_t)keep);
	Py_END_ALLOW_THREADS
	return PyLong_FromSize_t(given);
}

static PyMethodDef functions[] = {
	{ "enable", enable, METH_NOARGS, "Arrays made in this context come from pages." },
	{ "disable", disable, METH_NOARGS, "Arrays made in this context come from NumPy's own." },
	{ "enabled", enabled, METH_NOARGS, "Do arrays made in this context come from pages?" },
	{ "stats", stats, METH_NOARGS, "The counters of pages_malloc_stats(3), by name." },
	{ "trim", trim, METH_VARARGS,
	  "trim(keep=0): give kept memory back at once, all but so many bytes; how many it was." },
	{ NULL, NULL, 0, NULL },
};

static struct PyModuleDef module_def = {
	PyModuleDef_HEAD_INIT,
	.m_name = "_pages_numpy",
	.m_doc = "What pages_numpy is made of.",
	.m_size = -1,	/* one for the process, as NumPy is */
	.m_methods = functions,
};

PyMODINIT_FUNC PyInit__pages_numpy(void);	/* its name is the interface */

PyMODINIT_FUNC
PyInit__pages_numpy(void)
{
	import_array();
	if (capsule == NULL)
		capsule = PyCapsule_New(&pages_handler, "mem_handler", NULL);
	if (capsule == NULL)
		return NULL;
	return PyModule_Create(&module_def);
}
