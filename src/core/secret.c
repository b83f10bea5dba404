/* SPDX-License-Identifier: MIT */
/*
 * secret.c - pages for keys: hidden from the kernel, or locked, not dumped, not inherited
 *
 * A secret lies in the middle of a frame, so that there is a guard page on either side.
 */
#include "region.h"

#include <errno.h>

#include "os/base.h"
#include "os/caps.h"
#include "frame.h"
#include "note.h"

/* Pages of memfd_secret, which the kernel itself cannot read; it locks and never dumps them. */
static int
map_hidden(char *middle, size_t len, unsigned *got)
{
	int fd, err;

	if (!pages_can(PAGES_CAP_SECRET))
		return -EOPNOTSUPP;
	err = pages_os_file_open(PAGES_OS_FILE_SECRET, NULL, len, &fd);
	if (err != 0)
		return err;
	err = pages_os_file_map_at(middle, fd, 0, len, PAGES_P_RW_, PAGES_OS_SHARED);
	pages_os_file_close(fd);
	if (err != 0)
		return err;
	*got |= PAGES_SECRET_HIDDEN | PAGES_SECRET_LOCKED | PAGES_SECRET_NOT_DUMPED;
	/* The mapping is shared, so a child would see the secret: do not let it inherit that. */
	if (pages_os_advise(middle, len, PAGES_OS_DONT_FORK) == 0)
		*got |= PAGES_SECRET_NOT_FORKED;
	return 0;
}

/* Ordinary pages, with each protection that the kernel grants; *got says which. */
static int
map_ordinary(char *middle, size_t len, unsigned *got)
{
	int err = pages_os_protect(middle, len, PAGES_P_RW_);

	if (err != 0)
		return err;
	if (pages_os_lock(middle, len, true) == 0)
		*got |= PAGES_SECRET_LOCKED;
	else
		(void)pages_os_lock(middle, len, false);	/* a part may be locked */
	if (pages_os_advise(middle, len, PAGES_OS_DONT_DUMP) == 0)
		*got |= PAGES_SECRET_NOT_DUMPED;
	if (pages_os_advise(middle, len, PAGES_OS_WIPE_ON_FORK) == 0)
		*got |= PAGES_SECRET_NOT_FORKED;
	return 0;
}

int
pages_map_secret_(size_t len, unsigned *got, const char *call, struct pages_raw_ *ret)
{
	size_t page = pages_os_page_size();
	struct pages_region r = {
		.kind = PAGES_SECRET,
		.guarded = true,
		.detail = pages_secret_detail(),
	};
	unsigned has = PAGES_SECRET_GUARDED;
	int err = pages_whole(len, page, &r.len);

	if (err != 0)
		return err;
	err = pages_frame_open(r.len, page, &r.base);
	if (err != 0)
		return err;
	err = map_hidden(r.base, r.len, &has);
	if (err == -ENOTRECOVERABLE) {
		pages_frame_abandon(r.base, r.len);
		return -ENOMEM;
	}
	if (err != 0)
		err = map_ordinary(r.base, r.len, &has);
	if (err != 0) {
		pages_os_release(pages_region_start(r), pages_region_span(r));
		return err;
	}
	*ret = pages_raw_new(r);
	*got = has;
	pages_note_open(*ret, PAGES_P_RW_, "secret", call);
	return 0;
}
