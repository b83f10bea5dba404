/* SPDX-License-Identifier: MIT */
/*
 * guard.c - one byte past the end, caught where it happens and explained
 */
#include <pages/pages.h>

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

/* Fill the buffer, and a byte too many. */
static int
overrun(void)
{
	struct pages_options o = { .len = 1 << 16, .guards = true, .label = "buffer" };
	struct pages_rw buf = {0};
	volatile char *p;
	int err;

	err = pages_explain_faults();		/* before the pages are opened */
	if (err == 0)
		err = pages_open_with(&buf, &o);
	if (err != 0) {
		fprintf(stderr, "no guarded pages: %s\n", strerror(-err));
		return 2;
	}
	p = pages_write(&buf);
	for (size_t i = 0; i <= pages_len(&buf); i++)
		p[i] = 1;
	return 3;				/* not reached */
}

int
main(void)
{
	static const struct rlimit no_core = { 0, 0 };
	char said[512] = "";
	size_t len = 0;
	int end[2], status;
	pid_t child;
	ssize_t n;

	if (pipe(end) != 0 || (child = fork()) < 0)
		return 1;
	if (child == 0) {
		if (dup2(end[1], STDERR_FILENO) < 0 || setrlimit(RLIMIT_CORE, &no_core) != 0)
			_exit(1);
		_exit(overrun());
	}
	close(end[1]);
	while (len < sizeof(said) - 1 && (n = read(end[0], said + len, sizeof(said) - 1 - len)) > 0)
		len += (size_t)n;
	if (waitpid(child, &status, 0) != child)
		return 1;

	printf("%s", said);
	if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGSEGV) {
		fprintf(stderr, "the child did not end by SIGSEGV: status %#x\n", (unsigned)status);
		return 1;
	}
	/* Byte 65536 is the first one that is not the buffer's. */
	return strstr(said, "byte 65536 of 65536") == NULL ||
	       strstr(said, "\"buffer\": guarded since pages_open_with") == NULL;
}
