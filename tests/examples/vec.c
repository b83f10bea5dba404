/* SPDX-License-Identifier: MIT */
/*
 * vec.c - a table of measurements too big to copy: gathered, sorted, written to
 * a file, and mapped back from there
 */
#include <pages/paged_vec.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct sample {
	double time;
	float value[4];
};

static int
by_time(const struct sample *a, const struct sample *b)
{
	return PAGED_VEC_ASCENDING(&a->time, &b->time);
}

PAGED_VEC(samples, struct sample);
PAGED_VEC_ORDER(samples, by_time);

/* A million of them, not in order; the vector grows without copying what it holds. */
static int
gather(struct samples *v)
{
	for (unsigned i = 0; i < 1000000; i++) {
		struct sample s = { (double)(i * 7919 % 1000003), { (float)i, 0, 0, 0 } };
		int err = samples_push(v, s);

		if (err != 0)
			return err;
	}
	return 0;
}

/* Write them to a file, and have a vector that is a view of it. */
static int
through_a_file(const struct samples *v, struct samples *ret)
{
	char path[] = "/tmp/samples-XXXXXX";
	int fd = mkstemp(path);
	int err = fd < 0 ? -EIO : samples_save(v, fd);

	if (err == 0)
		err = lseek(fd, 0, SEEK_SET) == 0 ? samples_load(ret, fd) : -EIO;
	if (fd >= 0) {
		close(fd);
		unlink(path);
	}
	return err;
}

int
main(void)
{
	struct samples v = {0}, w = {0};
	struct sample key = { 500000, {0} };
	size_t i;
	int err = gather(&v);

	if (err == 0)
		err = samples_sort(&v);
	if (err == 0)
		err = through_a_file(&v, &w);
	if (err != 0) {
		fprintf(stderr, "example_vec: %s\n", strerror(-err));
		samples_free(&v);
		return 1;
	}
	if (samples_binary_search(&w, key, &i))
		printf("sample %zu of %zu was taken at %.0f and is %.0f\n", i, samples_len(&w),
		       samples_get(&w, i)->time, (double)samples_get(&w, i)->value[0]);
	if (!samples_eq(&v, &w) || !samples_is_sorted(&w))
		err = 1;
	samples_free(&v);
	samples_free(&w);
	return err;
}
