/* SPDX-License-Identifier: MIT */
/*
 * tally.c - makes the record in which the processes of a command count, and adds them up
 *
 * A process has a slot for each program that it became by exec().  They are one process in the
 * report, under its last name.  A slot that was not ended by exit(), and has the pid of a later
 * one, was replaced by that.
 */
#include "tally.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <unistd.h>

#include "heap/record.h"

/*
 * All of its memory is taken now: a process that finds none left later would die of SIGBUS.
 * Beyond RLIMIT_FSIZE the kernel also sends a signal, which would end this process.
 */
static int
prepare(int fd)
{
	void (*before)(int) = signal(SIGXFSZ, SIG_IGN);
	int err = 0;

	if (fallocate(fd, 0, 0, sizeof(struct pages_record)) != 0 ||
	    fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) != 0)
		err = -errno;
	signal(SIGXFSZ, before);
	return err;
}

int
pages_tally_open(struct pages_tally *t)
{
	int fd = memfd_create("pages-record", MFD_CLOEXEC | MFD_ALLOW_SEALING), err;
	uint64_t nonce;

	if (fd < 0)
		return -errno;
	err = prepare(fd);
	if (err == 0 && getrandom(&nonce, sizeof(nonce), 0) != (ssize_t)sizeof(nonce))
		err = -EIO;
	if (err == 0) {
		t->record = mmap(NULL, sizeof(*t->record), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
		err = t->record == MAP_FAILED ? -errno : 0;
	}
	if (err != 0) {
		t->record = NULL;
		close(fd);
		return err;
	}
	t->record->version = PAGES_RECORD_VERSION;
	t->record->nonce = nonce;
	t->record->magic = PAGES_RECORD_MAGIC;
	snprintf(t->setting, sizeof(t->setting), "record:%d.%d.%" PRIu64, (int)getpid(), fd, nonce);
	return 0;	/* the descriptor stays open: by it the others find the file */
}

/* Reading. ---------------------------------------------------------------- */

static void
copy_text(char *to, const char *from, size_t size)
{
	memcpy(to, from, size);
	to[size - 1] = '\0';
}

/* This one is written by the shim alone, in ASCII. */
static void
copy_mode(char *to, const char *from, size_t size)
{
	copy_text(to, from, size);
	for (; *to != '\0'; to++)
		if (*to < ' ' || *to > '~')
			*to = '?';
}

static void
read_slot(const struct pages_record_slot *s, struct pages_report *ret)
{
	memset(ret, 0, sizeof(*ret));
	ret->pid = atomic_load(&s->pid);
	if (ret->pid == 0)	/* killed while it took the slot */
		return;
	ret->processes = 1;
	ret->ended = atomic_load(&s->ended) != 0;
	ret->threshold = atomic_load(&s->threshold);
	ret->background_threads = atomic_load(&s->background_threads);
	ret->background_refused = atomic_load(&s->background_refused);
	pages_record_read(s, &ret->stats);
	ret->affected = ret->stats.requests != 0;
	copy_mode(ret->mode, s->mode, sizeof(ret->mode));
	copy_text(ret->exe, s->exe, sizeof(ret->exe));
	copy_text(ret->provider, s->provider, sizeof(ret->provider));
}

/* Add what a process did before an exec() to what it did afterwards. */
static void
fold(struct pages_report *before, struct pages_report *after)
{
	before->processes = 0;
	if (after->affected != 0)
		before->affected = 0;
	pages_report_add(after, before);
}

static void
fold_replaced(struct pages_tally *t)
{
	for (size_t i = 0; i < t->count; i++) {
		size_t j = i + 1;

		if (t->all[i].processes == 0 || t->all[i].ended != 0)
			continue;
		while (j < t->count && t->all[j].pid != t->all[i].pid)
			j++;
		if (j < t->count)
			fold(&t->all[i], &t->all[j]);
	}
}

/* The sum is under the command's own name, pid and mode; those of other processes are listed. */
static void
add_up(struct pages_tally *t, pid_t pid, const char *path, const char *problem)
{
	struct pages_report *sum = &t->sum;
	const struct pages_report *command = NULL;

	for (size_t i = 0; i < t->count; i++) {
		if (t->all[i].processes == 0)
			continue;
		pages_report_add(sum, &t->all[i]);
		if (t->all[i].pid == (uint64_t)pid)
			command = &t->all[i];
	}
	sum->pid = (uint64_t)pid;
	if (command == NULL) {
		snprintf(sum->exe, sizeof(sum->exe), "%.*s", (int)sizeof(sum->exe) - 1, path);
		snprintf(sum->mode, sizeof(sum->mode), "%s: %s",
			 problem != NULL ? "inactive" : "no record", problem != NULL ? problem :
			 "static, setuid, or without the right to open it");
		return;
	}
	memcpy(sum->exe, command->exe, sizeof(sum->exe));
	memcpy(sum->mode, command->mode, sizeof(sum->mode));
	memcpy(sum->provider, command->provider, sizeof(sum->provider));
}

void
pages_tally_collect(struct pages_tally *t, pid_t pid, const char *path, const char *problem)
{
	uint64_t taken = t->record != NULL ? atomic_load(&t->record->taken) : 0;

	t->count = taken < PAGES_RECORD_SLOTS ? (size_t)taken : PAGES_RECORD_SLOTS;
	t->unrecorded = taken - t->count;
	t->all = calloc(t->count + 1, sizeof(*t->all));
	if (t->all == NULL) {
		t->unrecorded = taken;
		t->count = 0;
	}
	for (size_t i = 0; i < t->count; i++)
		read_slot(&t->record->slots[i], &t->all[i]);
	fold_replaced(t);
	add_up(t, pid, path, problem);
}

/* Printing. --------------------------------------------------------------- */

/* How many processes were in the mode of process i, if it is the first of them; else 0. */
static size_t
count_mode(const struct pages_tally *t, size_t i)
{
	size_t n = 0;

	for (size_t j = 0; j < t->count; j++) {
		bool same = t->all[j].processes != 0 && strcmp(t->all[j].mode, t->all[i].mode) == 0;

		if (same && j < i)
			return 0;
		n += same;
	}
	return n;
}

static void
print_text(const struct pages_tally *t, FILE *out)
{
	char text[8192];
	size_t n;

	pages_report_text(&t->sum, text, sizeof(text));
	fputs(text, out);
	for (size_t i = 0; i < t->count; i++)
		if (t->all[i].processes != 0 && (n = count_mode(t, i)) != 0 &&
		    n != t->sum.processes)
			fprintf(out, "  %-34zu%s\n", n, t->all[i].mode);
	if (t->sum.ended != t->sum.processes)
		fprintf(out, "  %-34" PRIu64 "did not end by exit()\n",
			t->sum.processes - t->sum.ended);
	if (t->unrecorded != 0)
		fprintf(out, "  The record was full: at least %" PRIu64
			" more processes are not in this report.\n", t->unrecorded);
}

/* The sum as JSON, with the list of processes in place of their number. */
static bool
print_json(const struct pages_tally *t, FILE *out)
{
	char *list = NULL, line[8192], *text = NULL;
	size_t len, listed = 0;
	FILE *f = open_memstream(&list, &len);

	if (f == NULL)
		return false;
	for (size_t i = 0; i < t->count; i++) {
		if (t->all[i].processes == 0)
			continue;
		pages_report_json(&t->all[i], NULL, line, sizeof(line));
		line[strcspn(line, "\n")] = '\0';
		fprintf(f, "%s%s", listed++ != 0 ? "," : "", line);
	}
	if (fclose(f) == 0)
		text = malloc(len + sizeof(line));
	if (text != NULL) {
		pages_report_json(&t->sum, list, text, len + sizeof(line));
		fputs(text, out);
	}
	free(text);
	free(list);
	return text != NULL;
}

bool
pages_tally_print(const struct pages_tally *t, FILE *out, bool json)
{
	if (json)
		return print_json(t, out);
	print_text(t, out);
	return true;
}
