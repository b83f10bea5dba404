/* SPDX-License-Identifier: MIT */
/*
 * jit.c - pages for generated code: writable at one address, executable at another
 *
 * Both addresses are shared mappings of one memory file.  Where the kernel refuses that,
 * there is a single mapping, which mprotect flips between writable and executable.
 *
 * A forked child inherits the executable view only.  Parent and child share the file from then
 * on.  Whichever of them edits the code first makes a file of its own.
 */
#define PAGES_ENABLE_EXEC
#include "region.h"

#include <string.h>

#include "os/base.h"
#include "os/caps.h"
#include "frame.h"
#include "near.h"

enum { RX = PAGES_OS_READ | PAGES_OS_EXEC, RW = PAGES_OS_READ | PAGES_OS_WRITE };

/*
 * Map the views of a memory file whose contents are the code: a new executable one, or over the
 * one at *run.  Children do not get the writable view, by which they could change the code of
 * this process.  Nor can they make the executable one writable, from Linux 5.1 on.
 */
static int
map_views(int fd, size_t len, void **run, void **ret_write)
{
	void *write;
	int err = pages_os_file_map(fd, len, RW, PAGES_OS_SHARED, &write);

	if (err != 0)
		return err;
	err = pages_os_advise(write, len, PAGES_OS_DONT_FORK);
	if (err == 0) {
		(void)pages_os_file_seal_future(fd);
		if (*run == NULL)
			err = pages_os_file_map(fd, len, RX, PAGES_OS_SHARED, run);
		else
			err = pages_os_file_map_at(*run, fd, 0, len, RX, PAGES_OS_SHARED);
	}
	if (err != 0) {
		pages_os_release(write, len);
		return err;
	}
	*ret_write = write;
	return 0;
}

/*
 * Two views of a memory file, the executable one in the place of the pages at run, or anywhere if
 * that is NULL.  The descriptor can be closed: the mappings keep the file.
 */
static int
open_views(size_t len, void *run, struct pages_jit *ret)
{
	uintptr_t stamp = pages_forks_stamp();
	void *write;
	int fd, err;

	if (!pages_can(PAGES_CAP_CODE))
		return -EOPNOTSUPP;
	err = pages_os_file_open(PAGES_OS_FILE_CODE, "pages jit", len, &fd);
	if (err != 0)
		return err;
	err = map_views(fd, len, &run, &write);
	pages_os_file_close(fd);
	if (err == 0)
		*ret = (struct pages_jit){
			.write_ = write, .run_ = run, .len_ = len, .stamp_ = stamp
		};
	return err;
}

/* Has this process mapped the writable view?  In a child another mapping may lie at its address. */
static bool
has_write_view(const struct pages_jit *jit)
{
	return !pages_jit_flips(jit) && jit->stamp_ >= pages_forks_birth();
}

/* May another process run this code? */
static bool
is_shared(const struct pages_jit *jit)
{
	uintptr_t now = pages_forks_stamp();

	return now != jit->stamp_ || now % 2 != 0;
}

/*
 * Put a copy of the code in its place, so that the processes that share the old one keep it.
 * The kernel exchanges the mapping at once, for threads that run the code meanwhile, and brings
 * the instruction cache up to date when it maps a page of the copy.
 */
static int
unshare(struct pages_jit *jit)
{
	uintptr_t stamp = pages_forks_stamp();
	void *write, *run = (void *)(uintptr_t)jit->run_;
	size_t len = jit->len_;
	int fd;
	int err = pages_os_file_open(PAGES_OS_FILE_CODE, "pages jit", len, &fd);

	if (err != 0)
		return err;
	err = pages_copy_to_file(fd, run, len);
	if (err == 0)
		err = map_views(fd, len, &run, &write);
	pages_os_file_close(fd);
	if (err != 0)
		return pages_replaced(err, run, len, "pages_jit_edit");
	if (has_write_view(jit))
		pages_os_release(jit->write_, len);
	/* A copy of the struct has the old address. */
	pages_serial_retire(jit->serial_, "pages_jit_edit");
	jit->write_ = write;
	jit->serial_ = pages_serial_new();
	jit->stamp_ = stamp;
	return 0;
}

/*
 * One view that flips, at both or anywhere.  It is made executable once here, so that a policy
 * that forbids this is reported now, and not when code is published.
 */
static int
open_flipping(size_t len, void *both, struct pages_jit *ret)
{
	void *place = both;
	int err;

	if (place == NULL) {
		err = pages_os_map(len, pages_os_page_size(), 0, RW, &place);
	} else {
		pages_frame_mark(place, len, false);
		err = pages_os_protect(place, len, RW);
	}
	if (err != 0)
		return err;
	err = pages_os_protect(place, len, RX);
	if (err != 0) {
		if (both == NULL)
			pages_os_release(place, len);
		return err;
	}
	*ret = (struct pages_jit){ .write_ = place, .run_ = place, .len_ = len };
	return 0;
}

/*
 * Code in place of the pages at run, or anywhere if that is NULL.  They are unmapped on failure,
 * but for -ENOTRECOVERABLE, when it is not known what is there.
 */
static int
open_at(struct pages_jit *jit, size_t len, void *run)
{
	struct pages_jit j;
	int err = open_views(len, run, &j);

	if (err == -ENOTRECOVERABLE)
		return err;
	if (err != 0)
		err = open_flipping(len, run, &j);
	if (err != 0) {
		pages_os_release(run, run != NULL ? len : 0);
		return err;
	}
	j.serial_ = pages_serial_new();
	*jit = j;
	return 0;
}

int
pages_jit_open_(struct pages_jit *jit, size_t len)
{
	size_t rounded;
	int err = pages_whole(len, pages_os_page_size(), &rounded);

	if (err != 0)
		return err;
	return jit->run_ != NULL ? -EBUSY : open_at(jit, rounded, NULL);
}

int
pages_jit_open_near_(struct pages_jit *jit, size_t len, uintptr_t target, size_t within)
{
	size_t page = pages_os_page_size(), rounded;
	struct pages_near want = { .align = page, .lead = page, .target = target, .within = within };
	char *run;
	void *start;
	int err = pages_whole(len, page, &rounded);

	if (err != 0)
		return err;
	if (jit->run_ != NULL)
		return -EBUSY;
	want.len = rounded + 2 * page;
	err = pages_map_near(&want, PAGES_OS_NONE, &start);
	if (err != 0)
		return err;
	pages_frame_mark(start, want.len, true);
	run = (char *)start + page;
	err = open_at(jit, rounded, run);
	if (err == -ENOTRECOVERABLE) {
		pages_frame_abandon(run, rounded);
		return -ENOMEM;
	}
	pages_os_release(start, page);
	pages_os_release(run + rounded, page);
	return err;
}

void
pages_jit_close_(struct pages_jit *jit)
{
	if (jit->run_ == NULL)
		return;
	pages_serial_retire(jit->serial_, "pages_jit_close");
	if (has_write_view(jit))
		pages_os_release(jit->write_, jit->len_);
	pages_os_release((char *)(uintptr_t)jit->run_, jit->len_);
	*jit = (struct pages_jit){ .write_ = NULL };
}

int
pages_jit_edit_(struct pages_jit *jit, void **ret)
{
	int err = 0;

	if (jit->run_ == NULL)
		return -EINVAL;
	pages_serial_expect(jit->serial_, "pages_jit_edit");
	if (pages_jit_flips(jit))
		err = pages_reprotect(jit->write_, jit->len_, RX, RW);
	else if (is_shared(jit))
		err = unshare(jit);
	if (err == 0)
		*ret = jit->write_;
	return err;
}

int
pages_jit_publish_(struct pages_jit *jit, size_t off, size_t len)
{
	char *run = (char *)(uintptr_t)jit->run_;
	int err = 0;

	if (run == NULL)
		return -EINVAL;
	pages_serial_expect(jit->serial_, "pages_jit_publish");
	if (off > jit->len_ || len > jit->len_ - off)
		return -ERANGE;
	if (pages_jit_flips(jit))
		err = pages_reprotect(run, jit->len_, RW, RX);
	if (err == 0)
		__builtin___clear_cache(run + off, run + off + len);
	return err;
}

int
pages_jit_write_(struct pages_jit *jit, size_t off, const void *code, size_t len)
{
	void *start;
	int err;

	if (jit->run_ != NULL && (off > jit->len_ || len > jit->len_ - off))
		return -ERANGE;
	err = pages_jit_edit_(jit, &start);
	if (err != 0)
		return err;
	memcpy((char *)start + off, code, len);
	return pages_jit_publish_(jit, off, len);
}

int
pages_lockdown(void)
{
	int err = pages_os_lockdown();

	return err == -EINVAL ? -EOPNOTSUPP : err;
}
