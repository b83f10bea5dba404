/* SPDX-License-Identifier: MIT */
/*
 * jit.c - pages for generated code: writable at one address, executable at another
 *
 * Both addresses are shared mappings of one memory file.  Where the kernel refuses that,
 * there is a single mapping, which mprotect flips between writable and executable.
 */
#define PAGES_ENABLE_EXEC
#include "region.h"

#include <string.h>

#include "os/base.h"
#include "os/caps.h"

enum { RX = PAGES_OS_READ | PAGES_OS_EXEC, RW = PAGES_OS_READ | PAGES_OS_WRITE };

/* Two views of a memory file.  The descriptor can be closed: the mappings keep the file. */
static int
open_views(size_t len, struct pages_jit *ret)
{
	void *write, *run;
	int fd, err;

	if (!pages_can(PAGES_CAP_CODE))
		return -EOPNOTSUPP;
	err = pages_os_file_open(PAGES_OS_FILE_CODE, "pages jit", len, &fd);
	if (err != 0)
		return err;
	err = pages_os_file_map(fd, len, RW, PAGES_OS_SHARED, &write);
	if (err == 0) {
		err = pages_os_file_map(fd, len, RX, PAGES_OS_SHARED, &run);
		if (err != 0)
			pages_os_release(write, len);
	}
	pages_os_file_close(fd);
	if (err == 0)
		*ret = (struct pages_jit){ .write_ = write, .run_ = run, .len_ = len };
	return err;
}

/*
 * One view that flips.  It is made executable once here, so that a policy that forbids this
 * is reported now, and not when code is published.
 */
static int
open_flipping(size_t len, struct pages_jit *ret)
{
	void *both;
	int err = pages_os_map(len, pages_os_page_size(), 0, RW, &both);

	if (err != 0)
		return err;
	err = pages_os_protect(both, len, RX);
	if (err != 0) {
		pages_os_release(both, len);
		return err;
	}
	*ret = (struct pages_jit){ .write_ = both, .run_ = both, .len_ = len };
	return 0;
}

int
pages_jit_open_(struct pages_jit *jit, size_t len)
{
	struct pages_jit j;
	size_t rounded;
	int err = pages_whole(len, pages_os_page_size(), &rounded);

	if (err != 0)
		return err;
	if (jit->run_ != NULL)
		return -EBUSY;
	if (open_views(rounded, &j) != 0)
		err = open_flipping(rounded, &j);
	if (err != 0)
		return err;
	j.owner_ = (uintptr_t)pages_os_pid();
	*jit = j;
	return 0;
}

void
pages_jit_close_(struct pages_jit *jit)
{
	if (jit->run_ == NULL)
		return;
	if (!pages_jit_flips(jit))
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
	/* A forked child shares the two views: its stores would change the parent's code. */
	if (pages_jit_flips(jit))
		err = pages_reprotect(jit->write_, jit->len_, RX, RW);
	else if (jit->owner_ != (uintptr_t)pages_os_pid())
		err = -EPERM;
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
