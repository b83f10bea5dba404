/* SPDX-License-Identifier: MIT */
/*
 * tuning.c - the functions of <malloc.h> that report and tune, for both allocators together
 *
 * What glibc says of blocks in mappings of their own (hblks) includes the heap's.
 */
#include <errno.h>
#include <malloc.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <pages/attr.h>

#include "os/base.h"
#include "os/os.h"
#include "shim.h"
#include "text.h"

#define SHIM PAGES_API

/* Trims both allocators; 1 if either has given memory back. */
SHIM int
malloc_trim(size_t pad)
{
	int released, theirs;

	pages_shim_start();
	released = pages_heap_trim(&pages_shim_heap, pad) != 0;
	theirs = pages_shim.more.trim != NULL ? pages_shim.more.trim(pad) : 0;
	return released | theirs;
}

/*
 * M_MMAP_MAX and M_TRIM_THRESHOLD: MPI libraries ask so for memory that stays where it is and is
 * not given back, because their network cards know its addresses.
 */
static void
note_option(int param, int value)
{
	enum { NO_MAPPINGS = 1, NO_TRIM = 2 };
	static _Atomic int asked;

	if (param == M_MMAP_MAX && value == 0)
		atomic_fetch_or(&asked, NO_MAPPINGS);
	else if (param == M_TRIM_THRESHOLD && value == -1)
		atomic_fetch_or(&asked, NO_TRIM);
	else if (param == M_PERTURB)
		pages_heap_perturb(&pages_shim_heap, value);
	else
		return;
	if ((atomic_load(&asked) & NO_MAPPINGS) != 0)
		pages_heap_keep_still(&pages_shim_heap,
				      atomic_load(&asked) == (NO_MAPPINGS | NO_TRIM));
}

SHIM int
mallopt(int param, int value)
{
	pages_shim_start();
	note_option(param, value);
	return pages_shim.more.mallopt != NULL ? pages_shim.more.mallopt(param, value) : 0;
}

/* Large blocks count as those that the C library has in mappings of their own (hblks). */
SHIM struct mallinfo2
mallinfo2(void)
{
	struct mallinfo2 info = { 0 };
	struct pages_stats st;

	pages_shim_start();
	if (pages_shim.more.mallinfo2 != NULL)
		info = pages_shim.more.mallinfo2();
	pages_heap_stats(&pages_shim_heap, &st);
	info.hblks += st.live_objects;
	info.hblkhd += st.live_bytes;
	return info;
}

/* The fields of struct mallinfo are int and overflow above 2 GiB, as without the shim. */
SHIM struct mallinfo
mallinfo(void)
{
	struct mallinfo info = { 0 };
	struct pages_stats st;

	pages_shim_start();
	if (pages_shim.more.mallinfo != NULL)
		info = pages_shim.more.mallinfo();
	pages_heap_stats(&pages_shim_heap, &st);
	info.hblks += (int)st.live_objects;
	info.hblkhd += (int)st.live_bytes;
	return info;
}

/* Reports as text. -------------------------------------------------------- */

/*
 * The next allocator's document, with an element of ours in front of its end, or behind it if it
 * does not end as glibc's does.
 */
static int
print_info(FILE *f, const char *text, size_t len)
{
	static const char end[] = "</malloc>\n";
	size_t tail = sizeof(end) - 1;
	struct pages_stats st;

	if (len < tail || memcmp(text + len - tail, end, tail) != 0)
		tail = 0;
	pages_heap_stats(&pages_shim_heap, &st);
	(void)fwrite(text, 1, len - tail, f);
	fprintf(f, "<pages blocks=\"%llu\" size=\"%llu\" kept=\"%llu\"/>\n",
		(unsigned long long)st.live_objects, (unsigned long long)st.live_bytes,
		(unsigned long long)st.kept_bytes);
	(void)fwrite(text + len - tail, 1, tail, f);
	return ferror(f) != 0 ? -1 : 0;
}

SHIM int
malloc_info(int options, FILE *f)
{
	char *text = NULL;
	size_t len = 0;
	FILE *memory;
	int result;

	pages_shim_start();
	if (pages_shim.more.info == NULL) {
		errno = EINVAL;
		return -1;
	}
	memory = open_memstream(&text, &len);
	if (memory == NULL)
		return pages_shim.more.info(options, f);
	result = pages_shim.more.info(options, memory);
	if (fclose(memory) != 0 && result == 0)
		result = -1;
	if (result == 0)
		result = print_info(f, text, len);
	free(text);
	return result;
}

static void
put_line(struct pages_text *t, const char *name, uint64_t n)
{
	pages_text_put(t, name);
	pages_text_number(t, n);
	pages_text_char(t, '\n');
}

SHIM void
malloc_stats(void)
{
	char line[300];
	struct pages_text t = { line, 0, sizeof(line), false };
	struct pages_stats st;

	pages_shim_start();
	if (pages_shim.more.stats != NULL)
		pages_shim.more.stats();
	pages_heap_stats(&pages_shim_heap, &st);
	pages_text_put(&t, "Large blocks (libpages_malloc.so):\n");
	put_line(&t, "blocks           = ", st.live_objects);
	put_line(&t, "in use bytes     = ", st.live_bytes);
	put_line(&t, "kept bytes       = ", st.kept_bytes);
	pages_os_complain(line, t.len);
}
