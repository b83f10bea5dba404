/* SPDX-License-Identifier: MIT */
/*
 * sampler.h - writes samples of a record over time, in a process of its own; used by pages-run
 */
#ifndef PAGES_SAMPLER_H
#define PAGES_SAMPLER_H

#include <sys/types.h>

#include "tally.h"

struct pages_sampler {
	struct pages_samples samples;
	pid_t pid;		/* 0: it does not run */
	int end;		/* a pipe: it ends when this is closed */
};

/* Create the file; of is the command, for people.  0 or -errno. */
int pages_sampler_open(struct pages_sampler *s, const char *path, const char *of);

/* Start to sample t's record, every tenth of a second.  It ends with this process.  0 or -errno. */
int pages_sampler_start(struct pages_sampler *s, const struct pages_tally *t);

/* End it.  0 or -errno: also if a sample could not be written; -ECANCELED: it was killed. */
int pages_sampler_stop(struct pages_sampler *s);

#endif /* PAGES_SAMPLER_H */
