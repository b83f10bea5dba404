/* SPDX-License-Identifier: MIT */
/*
 * query.c - asks the kernel about a region: its mapping, its permissions, resident pages
 */
#include "region.h"

#include <string.h>

#include "os/base.h"
#include "os/caps.h"

static_assert(sizeof(((struct pages_mapping *)0)->name) ==
	      sizeof(((struct pages_os_mapping *)0)->name), "names are handed through");

/* The mapping that contains p; -EFAULT if none does, -EOPNOTSUPP without /proc. */
static int
ask(const char *p, struct pages_os_mapping *ret)
{
	struct pages_os_mapping m;
	int err = pages_can(PAGES_CAP_QUERY) ? pages_os_query(p, &m) : pages_os_query_text(p, &m);

	if (err == -ENOENT || (err == 0 && p < m.start))
		return -EFAULT;
	if (err != 0)
		return -EOPNOTSUPP;
	*ret = m;
	return 0;
}

int
(pages_query_address)(const void *address, struct pages_mapping *ret)
{
	struct pages_os_mapping m;
	int err = ask(address, &m);

	if (err != 0)
		return err;
	*ret = (struct pages_mapping){
		.start = m.start,
		.len = m.len,
		.can_read = m.prot & PAGES_OS_READ,
		.can_write = m.prot & PAGES_OS_WRITE,
		.can_exec = m.prot & PAGES_OS_EXEC,
		.shared = m.shared,
	};
	memcpy(ret->name, m.name, sizeof(ret->name));
	return 0;
}

/* Check the permissions of every page of a range, one VMA at a time. */
static int
verify(const char *p, size_t len, unsigned prot)
{
	const char *end = p + len;

	while (p < end) {
		struct pages_os_mapping m;
		int err = ask(p, &m);

		if (err != 0)
			return err;
		if (m.prot != prot)
			return -EACCES;
		p = m.start + m.len;
	}
	return 0;
}

int
pages_verify_(struct pages_raw_ p, unsigned prot)
{
	struct pages_region r = pages_region_of(p);
	size_t page = pages_os_page_size();
	int err = verify(r.base, r.len, prot);

	if (err != 0 || !r.guarded)
		return err;
	/* Light guards do not show as mappings, so ask whether they can be read. */
	if (r.light)
		return pages_os_readable(r.base - page) || pages_os_readable(r.base + r.len)
			       ? -EACCES
			       : 0;
	err = verify(r.base - page, page, PAGES_OS_NONE);
	return err != 0 ? err : verify(r.base + r.len, page, PAGES_OS_NONE);
}

int
pages_resident_(struct pages_raw_ p, struct pages_range *range)
{
	struct pages_region r = pages_region_of(p);
	size_t page = pages_os_page_size(), offset, len;
	int err;

	if (!pages_within(p, range->offset, range->len) || range->offset % page != 0 ||
	    range->len % page != 0)
		return -EINVAL;
	/* Search on from the end of the run that the caller got last. */
	offset = range->offset + range->len;
	if (pages_can(PAGES_CAP_SCAN))
		err = pages_os_scan(r.base, r.len, r.kind == PAGES_COPY, &offset, &len);
	else
		err = pages_os_scan_mincore(r.base, r.len, &offset, &len);
	if (err != 0)
		return err == -ENOSYS ? -EOPNOTSUPP : err;
	*range = (struct pages_range){ .offset = offset, .len = len };
	return 0;
}
