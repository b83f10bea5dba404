/* SPDX-License-Identifier: MIT */
/*
 * file.c - saves a vector to a file descriptor, and loads one by mapping or reading a file
 */
#include "vec.h"
#include "os/os.h"

int
paged_vec_save_(const struct paged_vec_ *v, int fd)
{
	paged_vec_expect_whole(v);
	return pages_os_write(fd, v->beg_, paged_vec_bytes_(v));
}

/*
 * Map the rest of a file, copy-on-write.  -EOPNOTSUPP if the file or its position cannot be
 * mapped, or if the rest is so short that reading it is cheaper.
 */
static int
map(struct paged_vec_ *v, const struct paged_vec_type_ *t, int fd, uint64_t from, uint64_t len)
{
	struct pages_options o = { .len = len - from, .reserve = (len - from) * PAGED_VEC_ROOM };
	int err;

	if (len > PTRDIFF_MAX / PAGED_VEC_ROOM || from > len || o.len < PAGED_VEC_PAGES_FROM ||
	    from % pages_os_page_size() != 0)
		return -EOPNOTSUPP;
	if (o.len % t->size != 0)
		return -EINVAL;
	err = pages_open_file(&v->pages_, &o, fd, from);
	if (err != 0)
		return -EOPNOTSUPP;
	paged_vec_adopt(v, t, o.len);
	return 0;
}

/*
 * Read to the end of the file into *v, which is empty.  -EINVAL if the end is in the middle
 * of an element.
 */
static int
read_all(struct paged_vec_ *v, const struct paged_vec_type_ *t, int fd)
{
	size_t got, bytes = 0;
	int err;

	do {
		err = paged_vec_reserve_(v, t, 1);
		if (err == 0)
			err = pages_os_read(fd, (char *)v->beg_ + bytes,
					    (size_t)((char *)v->lim_ - (char *)v->beg_) - bytes,
					    &got);
		if (err != 0)
			return err;
		bytes += got;
		v->end_ = (char *)v->beg_ + (bytes - bytes % t->size);
	} while (got != 0);
	return bytes % t->size == 0 ? 0 : -EINVAL;
}

/*
 * Load the rest of the file into *v, which is empty, by mapping it if possible.  A capacity
 * of one element more than the file has lets the last read, at the end, find room.
 */
static int
load(struct paged_vec_ *v, const struct paged_vec_type_ *t, int fd)
{
	uint64_t from, len;
	int err = pages_os_file_len(fd, &len);

	if (err == 0)
		err = pages_os_tell(fd, &from);
	if (err != 0)	/* no length or no position: a pipe, for example */
		return read_all(v, t, fd);
	err = map(v, t, fd, from, len);
	if (err == 0)
		return pages_os_seek(fd, len);
	if (err != -EOPNOTSUPP)
		return err;
	err = from < len ? paged_vec_reserve_exact_(v, t, (len - from) / t->size + 1) : 0;
	return err != 0 ? err : read_all(v, t, fd);
}

int
paged_vec_load_(struct paged_vec_ *v, const struct paged_vec_type_ *t, int fd)
{
	struct paged_vec_ w = {0};
	int err;

	if (v->beg_ != NULL)
		return -EBUSY;
	err = load(&w, t, fd);
	if (err != 0)
		paged_vec_free_(&w, t);
	else
		*v = w;
	return err;
}
