/* SPDX-License-Identifier: MIT */
/*
 * memory.c - the memory behind a region: drop it, fault it in, hint, lock, place, name it
 */
#include "region.h"

#include <string.h>

#include "os/base.h"
#include "os/caps.h"
#include "os/hint.h"
#include "note.h"
#include "os/populate.h"

size_t
pages_page_size_(struct pages_raw_ p)
{
	struct pages_region r = pages_region_of(p);

	if (r.base == NULL)
		return 0;
	return r.kind == PAGES_POOL ? (size_t)1 << r.detail : pages_os_page_size();
}

/*
 * Make the range zero and give its memory back, in the way that the kind of region needs.
 * -EOPNOTSUPP if the memory cannot be given back.
 */
static int
discard(struct pages_region r, char *start, size_t len)
{
	int fd, err;

	if (r.locked)		/* the memory has to stay */
		return -EOPNOTSUPP;
	switch (r.kind) {
	case PAGES_COPY:	/* MADV_DONTNEED would bring back the contents of the file */
		err = pages_os_replace(start, len, PAGES_P_RW_);
		return pages_replaced(err, start, len, "pages_decommit");
	case PAGES_SHARED:
		err = pages_region_file(r, &fd);
		if (err == 0)
			err = pages_os_file_discard(fd, (uint64_t)(start - r.base), len);
		return err == -EBADF ? -EOPNOTSUPP : err;
	case PAGES_SECRET:
		return -EOPNOTSUPP;
	default:
		return pages_can(PAGES_CAP_DISCARD) ? pages_os_discard(start, len) : -EOPNOTSUPP;
	}
}

int
pages_discard_(struct pages_raw_ p, size_t offset, size_t len)
{
	struct pages_region r = pages_region_of(p);
	size_t page = pages_page_size_(p), begin, end;
	int err;

	pages_serial_expect(p.serial_, "pages_decommit");
	if (!pages_within(p, offset, len))
		return -ERANGE;
	begin = pages_round_up(offset, page);
	end = pages_round_down(offset + len, page);
	if (begin >= end)
		return 0;
	err = discard(r, r.base + begin, end - begin);
	/* The caller is promised zeroes; giving the memory back is best effort. */
	if (err == -EOPNOTSUPP || (err == -EINVAL && r.kind == PAGES_POOL)) {
		memset(r.base + begin, 0, end - begin);
		err = 0;
	}
	return err;
}

int
pages_copy_to_file(int fd, const char *p, size_t len)
{
	size_t page = pages_os_page_size(), at = 0;

	while (at < len) {
		size_t end = at;
		int err;

		while (end < len && !pages_is_zero(p + end, page))
			end += page;
		err = end == at ? 0 : pages_os_file_write(fd, at, p + at, end - at);
		if (err != 0)
			return err;
		at = end + page;	/* skip the page at end, which is zero or past the range */
	}
	return 0;
}

int
pages_populate_(struct pages_raw_ p, size_t offset, size_t len)
{
	struct pages_region r = pages_region_of(p);
	size_t page = pages_os_page_size(), begin, end;

	pages_serial_expect(p.serial_, "pages_prefault");
	if (!pages_within(p, offset, len))
		return -ERANGE;
	if (len == 0)
		return 0;
	begin = pages_round_down(offset, page);
	end = pages_round_up(offset + len, page);
	/* MADV_POPULATE_WRITE does not work for pages of memfd_secret. */
	if (r.kind != PAGES_SECRET)
		return pages_populate(r.base + begin, end - begin);
	pages_touch(r.base + begin, end - begin);
	return 0;
}

int
pages_advise_(struct pages_raw_ p, enum pages_hint hint, unsigned prot)
{
	const struct pages_hint_meaning *m = pages_hint_meaning(hint);
	struct pages_region r = pages_region_of(p);

	pages_serial_expect(p.serial_, "pages_advise");
	if (m == NULL)
		return -EINVAL;
	if (m->changes_contents && (prot & PAGES_OS_WRITE) == 0)
		return -EACCES;
	/*
	 * An attribute of the mapping is set for the whole region, with guards and reserve.
	 * Set for a part, it would split the VMA, and mremap refuses to move several VMAs.
	 */
	if (m->mapping)
		return pages_hint_give(pages_region_start(r), pages_region_span(r), m->advice);
	return pages_hint_give(r.base, r.len, m->advice);
}

int
pages_lock_(struct pages_raw_ p, size_t on, const char *call, struct pages_raw_ *ret)
{
	struct pages_region r = pages_region_of(p);
	int err;

	pages_note_use(p, call);
	/*
	 * The kernel locks pages of memfd_secret by itself, and munlock(2) would undo that.
	 */
	if (r.kind == PAGES_SECRET)
		return -EOPNOTSUPP;
	err = pages_os_lock(r.base, r.len, on);
	if (err != 0) {		/* a part may be locked or unlocked: undo that */
		(void)pages_os_lock(r.base, r.len, r.locked);
		return err;
	}
	r.locked = on;
	*ret = pages_raw_of(r);
	return 0;
}

#define AT(numa) (PAGES_NUMA_##numa - PAGES_NUMA_DEFAULT)
int
pages_place_(struct pages_raw_ p, enum pages_numa numa, uint64_t nodes)
{
	static const enum pages_os_place how[] = {
		[AT(DEFAULT)] = PAGES_OS_ANYWHERE,
		[AT(PREFER)] = PAGES_OS_PREFER,
		[AT(BIND)] = PAGES_OS_BIND,
		[AT(INTERLEAVE)] = PAGES_OS_INTERLEAVE,
	};
	struct pages_region r = pages_region_of(p);
	size_t at = (size_t)numa - PAGES_NUMA_DEFAULT;
	int err;

	pages_serial_expect(p.serial_, "pages_place");
	if (at >= sizeof(how) / sizeof(how[0]))
		return -EINVAL;
	if ((numa == PAGES_NUMA_DEFAULT) != (nodes == 0))
		return -EINVAL;
	err = pages_os_place(pages_region_start(r), pages_region_span(r), how[at], nodes);
	return err == -ENOSYS ? -EOPNOTSUPP : err;
}

/* Checked here, because the kernel answers -EINVAL to a bad name and if it has no names. */
bool
pages_is_label(const char *s)
{
	size_t n = 0;

	for (; n < PAGES_LABEL_SIZE && s[n] != '\0'; n++)
		if (s[n] < ' ' || s[n] > '~' || strchr("\\`$[]", s[n]) != NULL)
			return false;
	return n < PAGES_LABEL_SIZE;
}

int
pages_label_(struct pages_raw_ p, const char *label)
{
	struct pages_region r = pages_region_of(p);
	int err;

	pages_serial_expect(p.serial_, "pages_label");
	if (label != NULL && !pages_is_label(label))
		return -EINVAL;
	err = pages_os_label(pages_region_start(r), pages_region_span(r), label);
	if (err == -EINVAL || err == -EBADF)
		err = -EOPNOTSUPP;
	/* Explanations of faults show the label even if the kernel keeps no names. */
	if (err == 0 || err == -EOPNOTSUPP)
		pages_note_label(p, label);
	return err;
}
