/* SPDX-License-Identifier: MIT */
/*
 * sampler.c - a child of pages-run that samples, while its parent waits for the command
 */
#include "sampler.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock.h"

enum { INTERVAL_MS = 100 };

int
pages_sampler_open(struct pages_sampler *s, const char *path, const char *of)
{
	s->pid = 0;
	return pages_samples_open(&s->samples, path, of);
}

/* Until the other end is closed, by this process's parent or by its end. */
__attribute__((noreturn)) static void
sample(struct pages_sampler *s, const struct pages_tally *t, int end)
{
	struct pollfd p = { .fd = end, .events = POLLIN };
	struct pages_sample one = { .live = 0 };
	uint64_t due = pages_clock_ms();
	int err = pages_samples_add(&s->samples, &one), ready = 0;

	while (err == 0 && ready == 0) {
		ready = poll(&p, 1, (int)pages_clock_until_next(&due, INTERVAL_MS));
		pages_tally_sample(t, &one);
		err = pages_samples_add(&s->samples, &one);
	}
	_exit(-err);
}

/*
 * With all signals blocked, and in a process group of its own: what the terminal sends, and what
 * the command sends to its group, is not for this process.
 */
int
pages_sampler_start(struct pages_sampler *s, const struct pages_tally *t)
{
	sigset_t all, mask;
	int ends[2], err;

	if (pipe2(ends, O_CLOEXEC) != 0)
		return -errno;
	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, &mask);
	s->pid = fork();
	err = s->pid < 0 ? -errno : 0;
	if (s->pid == 0) {
		close(ends[1]);
		(void)setpgid(0, 0);
		sample(s, t, ends[0]);
	}
	if (s->pid > 0)
		(void)setpgid(s->pid, s->pid);
	sigprocmask(SIG_SETMASK, &mask, NULL);
	close(ends[0]);
	s->end = ends[1];
	if (err == 0)
		return 0;
	close(ends[1]);
	s->pid = 0;
	return err;
}

int
pages_sampler_stop(struct pages_sampler *s)
{
	int err = 0, status = 0;

	if (s->pid != 0) {
		close(s->end);
		while (waitpid(s->pid, &status, 0) < 0 && errno == EINTR)
			;
		err = WIFEXITED(status) ? -WEXITSTATUS(status) : -ECANCELED;
	}
	if (pages_samples_close(&s->samples) != 0 && err == 0)
		err = -errno;
	return err;
}
