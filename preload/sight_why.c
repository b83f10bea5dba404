/* SPDX-License-Identifier: MIT */
/*
 * sight_why.c - says why nothing was seen in a process, and what helps
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "heap/published.h"
#include "sight.h"
#include "text.h"

/* Of Yama: 0 if it is not there, or lets everybody read what is his; else 1, 2 or 3. */
static uint64_t
yama_scope(void)
{
	FILE *f = fopen("/proc/sys/kernel/yama/ptrace_scope", "re");
	char line[16] = "";
	const char *at = line;
	uint64_t scope = 0;

	if (f == NULL)
		return 0;
	if (fgets(line, sizeof(line), f) != NULL)
		(void)pages_text_take(&at, 10, &scope);
	fclose(f);
	return scope;
}

/* The list of mappings may not be read: the kernel asks for the same user, or CAP_SYS_PTRACE. */
static void
explain_denied(const struct pages_sight *s, char *ret, size_t size)
{
	if (geteuid() == 0)
		snprintf(ret, size, "may not be read, not by this root either: it needs the "
			 "capability SYS_PTRACE (docker run --cap-add SYS_PTRACE), in the name space of users "
			 "of that process");
	else if (s->status.other_ids)
		snprintf(ret, size, "may not be read: it runs as user %" PRIu64 ", or with another "
			 "group; ask as root", s->status.uid);
	else if (s->not_dumpable)
		snprintf(ret, size, "may not be read: it is not dumpable (it has gained rights, or "
			 "has asked for that by prctl); ask as root");
	else
		snprintf(ret, size, "may not be read: it has capabilities that you lack, or is in "
			 "another name space of users; ask as root");
}

static void
explain_no_reading(const struct pages_sight *s, char *ret, size_t size)
{
	uint64_t scope = yama_scope();

	if (scope >= 3)
		snprintf(ret, size, "may not be read: Yama forbids it to all until the next start "
			 "(kernel.yama.ptrace_scope is %" PRIu64 ")", scope);
	else if (scope > 0 && geteuid() != 0)
		snprintf(ret, size, "may not be read: Yama lets only its parent do that; ask as root, "
			 "or set kernel.yama.ptrace_scope to 0 (it is %" PRIu64 ")", scope);
	else
		snprintf(ret, size, "may not be read: process_vm_readv is refused (%s), perhaps by a "
			 "seccomp filter; ask from outside of the container, or add the capability "
			 "SYS_PTRACE", strerror(-s->err));
}

static void
explain_other(const struct pages_sight *s, char *ret, size_t size)
{
	char version[32];

	if (s->version[0] == '\0')
		snprintf(ret, size, "has another version of the library: use that version's "
			 "pages-stat");
	else if (strcmp(s->version, PACKAGE_VERSION) == 0)
		snprintf(ret, size, "has another build of version %s: use that build's pages-stat",
			 PACKAGE_VERSION);
	else
		snprintf(ret, size, "has version %s of the library, and this is %s: use that "
			 "version's pages-stat", pages_text_name_of(s->version, version, sizeof(version)),
			 PACKAGE_VERSION);
}

/* It was seen, and is not active. */
static void
explain_mode(const struct pages_sight *s, char *ret, size_t size)
{
	char mode[96];

	snprintf(ret, size, "%s", pages_text_name_of(s->heap[0].report.mode, mode, sizeof(mode)));
}

void
pages_sight_explain(const struct pages_sight *s, char *ret, size_t size)
{
	static const char *const plain[] = {
		[PAGES_SIGHT_ABSENT] = "inactive: no library of pages is loaded; start it by "
				       "pages-run(1), which says what is in the way",
		[PAGES_SIGHT_32_BIT] = "inactive: it is a 32-bit program, and pages is for 64 bits",
		[PAGES_SIGHT_NONSENSE] = "what it says of itself makes no sense; if it is just "
					 "starting, ask again",
		[PAGES_SIGHT_GONE] = "there is no such process here, or not any more",
		[PAGES_SIGHT_HIDDEN] = "is hidden: /proc is mounted with hidepid; ask as root",
		[PAGES_SIGHT_SILENT] = "did not answer in time: reading its memory waits, for a slow "
				       "disk or by intent",
		[PAGES_SIGHT_CRASHED] = "could not be read: the child of pages-stat that read it has "
					"crashed, or was killed",
	};

	switch (s->state) {
	case PAGES_SIGHT_SEEN:
		explain_mode(s, ret, size);
		break;
	case PAGES_SIGHT_NO_MEMORY:
		snprintf(ret, size, "%s", s->status.state == 'Z' ? "has ended, and its parent has not "
			 "asked for its status" : "inactive: a thread of the kernel");
		break;
	case PAGES_SIGHT_OTHER:
		explain_other(s, ret, size);
		break;
	case PAGES_SIGHT_DENIED:
		explain_denied(s, ret, size);
		break;
	case PAGES_SIGHT_NO_READING:
		explain_no_reading(s, ret, size);
		break;
	case PAGES_SIGHT_FAILED:
		snprintf(ret, size, "cannot be read: %s", strerror(-s->err));
		break;
	default:
		snprintf(ret, size, "%s", plain[s->state]);
	}
}
