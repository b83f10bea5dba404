/* SPDX-License-Identifier: MIT */
/*
 * note.c - explains faults: a table of all regions, and the signal handler that reads it
 *
 * The table is a hash table by base address.  A note lies in one of the WINDOW slots that
 * start at the hash of its address, so finding it takes constant time, and a region whose
 * slots are all taken by open regions gets no note.  The note of a closed region keeps its
 * slot until another region needs it, so that a use after close can be explained.
 */
#include "note.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <ucontext.h>

#include "os/lock.h"
#include "region.h"

enum { PLACES = 1 << 16, WINDOW = 32 };

struct note {
	const char *base;	/* NULL: the slot was never used */
	size_t len;
	size_t guard;		/* bytes of guard on either side */
	unsigned prot;
	bool closed;
	uint64_t since;		/* when the last call below was made; ms, monotonic */
	const char *call;	/* the last call that changed the region: "name at file:line" */
	char label[PAGES_LABEL_SIZE];
};

_Atomic bool pages_noting_;
static struct pages_lock lock;
static struct note *notes;
static struct sigaction before_segv, before_bus;

/* The first slot for an address: Fibonacci hashing of its page number. */
static struct note *
window(const char *base)
{
	uint64_t h = pages_hash_64((uint64_t)(uintptr_t)base >> 12);

	return &notes[h >> (64 - 16)];
}

/* The note of base; NULL if there is none. */
static struct note *
find(const char *base)
{
	struct note *w = window(base);

	for (size_t i = 0; i < WINDOW; i++)
		if (w[i].base == base)
			return &w[i];
	return NULL;
}

/*
 * A slot for base: the one that has its note, or one never used, or that of the region that
 * was closed first.  NULL if all slots of its window belong to open regions.
 */
static struct note *
place(const char *base)
{
	struct note *w = window(base), *best = find(base);

	for (size_t i = 0; best == NULL && i < WINDOW; i++)
		if (w[i].base == NULL)
			best = &w[i];
	if (best != NULL)
		return best;
	for (size_t i = 0; i < WINDOW; i++)
		if (w[i].closed && (best == NULL || w[i].since < best->since))
			best = &w[i];
	return best;
}

static void
write_note(struct pages_raw_ p, unsigned prot, const char *label, const char *call)
{
	struct pages_region r = pages_region_of(p);
	struct note *n = place(r.base);

	if (n == NULL)
		return;
	*n = (struct note){
		.base = r.base,
		.len = r.len,
		.guard = r.guarded ? pages_os_page_size() : 0,
		.prot = prot,
		.since = pages_os_now_ms(),
		.call = call,
	};
	for (size_t i = 0; label != NULL && label[i] != '\0' && i < sizeof(n->label) - 1; i++)
		n->label[i] = label[i];
}

static void
close_note(struct note *n, const char *call)
{
	n->closed = true;
	n->since = pages_os_now_ms();
	n->call = call;
}

void
pages_note_open_(struct pages_raw_ p, unsigned prot, const char *label, const char *call)
{
	if (!pages_lock_acquire(&lock))
		return;
	write_note(p, prot, label, call);
	pages_lock_release(&lock);
}

void
pages_note_change_(struct pages_raw_ old, struct pages_raw_ now, unsigned prot, const char *call)
{
	struct note was = { .prot = PAGES_P_RW_ };
	struct note *n;

	if (!pages_lock_acquire(&lock))
		return;
	n = find(old.base_);
	if (n != NULL) {
		was = *n;
		if (old.base_ != now.base_)
			close_note(n, call);
	}
	write_note(now, prot == PAGES_NOTE_SAME ? was.prot : prot, was.label, call);
	pages_lock_release(&lock);
}

void
pages_note_label_(struct pages_raw_ p, const char *label)
{
	struct note *n;

	if (!pages_lock_acquire(&lock))
		return;
	n = find(p.base_);
	if (n != NULL)
		(void)snprintf(n->label, sizeof(n->label), "%s", label != NULL ? label : "");
	pages_lock_release(&lock);
}

/*
 * Abort if the region was closed and none was opened at its address since: then the caller
 * uses a copy of a handle.  Releases the lock before it aborts.
 */
static void
expect_open(const struct note *n, const char *call)
{
	char line[512];
	int len;

	if (n == NULL || !n->closed)
		return;
	len = snprintf(line, sizeof(line), "pages: %s: a copy of a handle whose pages are gone: "
		       "%s\n", call, n->call);
	pages_lock_release(&lock);
	pages_os_complain(line, pages_min((size_t)len, sizeof(line) - 1));
	abort();
}

void
pages_note_use_(struct pages_raw_ p, const char *call)
{
	if (!pages_lock_acquire(&lock))
		return;
	expect_open(find(p.base_), call);
	pages_lock_release(&lock);
}

void
pages_note_close_(struct pages_raw_ p, const char *call)
{
	struct note *n;

	if (!pages_lock_acquire(&lock))
		return;
	n = find(p.base_);
	expect_open(n, call);
	if (n != NULL)
		close_note(n, call);
	pages_lock_release(&lock);
}

/*
 * The note of the region or guard that contains p: an open region if there is one, else the
 * one that was closed last.  Scans the whole table, which is fine for a crash.
 */
static const struct note *
note_about(const char *p)
{
	const struct note *closed = NULL;

	for (const struct note *n = notes; n < notes + PLACES + WINDOW; n++) {
		if (n->base == NULL || p < n->base - n->guard || p >= n->base + n->len + n->guard)
			continue;
		if (!n->closed)
			return n;
		if (closed == NULL || n->since > closed->since)
			closed = n;
	}
	return closed;
}

/* What the instruction tried to do with the address; "use" where that is unknown. */
static const char *
verb(const ucontext_t *context)
{
#if defined(__x86_64__) || defined(__i386__)
	/* The processor's page-fault code: bit 1 for a write, bit 4 for a fetch. */
	long code = (long)context->uc_mcontext.gregs[REG_ERR];

	return code & 16 ? "run code at" : code & 2 ? "store to" : "load from";
#else
	(void)context;
	return "use";
#endif
}

static const char *
state(const struct note *n, const char *p)
{
	static const char *const of[] = {
		[PAGES_P_NONE_] = "inaccessible", [PAGES_P_RO_] = "read-only",
		[PAGES_P_RW_] = "read-write", [PAGES_P_RX_] = "read-execute",
		[PAGES_P_RWX_] = "read-write-execute",
	};

	if (n->closed)
		return "gone";
	if (p < n->base || p >= n->base + n->len)
		return "guarded";
	return n->prot <= PAGES_P_RWX_ && of[n->prot] != NULL ? of[n->prot] : "odd";
}

/*
 * Runs in a signal handler, for which snprintf is not on the POSIX list of safe functions.
 * For these conversions it neither allocates nor locks, in glibc and in musl.
 */
static void
explain(const struct note *n, const char *p, const char *what)
{
	uint64_t ago = pages_os_now_ms() - n->since;
	char line[768];
	int len = snprintf(line, sizeof(line),
			   "pages: cannot %s %p, byte %td of %zu at %p%s%s%s: %s since %s, "
			   "%u.%02u s ago\n", what, (const void *)p, p - n->base, n->len,
			   (const void *)n->base, n->label[0] != '\0' ? " \"" : "", n->label,
			   n->label[0] != '\0' ? "\"" : "", state(n, p), n->call,
			   (unsigned)(ago / 1000), (unsigned)(ago % 1000 / 10));

	pages_os_complain(line, pages_min((size_t)len, sizeof(line) - 1));
}

/*
 * Pass the signal on to the handler that was installed before.  If there was none, restore
 * the default action: when this returns the instruction faults again, and the core dump shows
 * where.
 */
static void
pass_on(int sig, siginfo_t *info, void *context)
{
	struct sigaction *before = sig == SIGBUS ? &before_bus : &before_segv;

	if (before->sa_flags & SA_SIGINFO) {
		before->sa_sigaction(sig, info, context);
		return;
	}
	if (before->sa_handler != SIG_DFL && before->sa_handler != SIG_IGN) {
		before->sa_handler(sig);
		return;
	}
	(void)sigaction(sig, before, NULL);
	if (info->si_code <= 0)		/* sent by kill(2): no instruction will fault again */
		(void)raise(sig);
}

static void
on_fault(int sig, siginfo_t *info, void *context)
{
	int saved = errno;
	bool locked = pages_lock_acquire(&lock);	/* if that fails, go on without it */
	const struct note *n = info->si_code > 0 ? note_about(info->si_addr) : NULL;

	if (n != NULL)
		explain(n, info->si_addr, verb(context));
	if (locked)
		pages_lock_release(&lock);
	errno = saved;
	pass_on(sig, info, context);
}

static void
before_fork(void)
{
	pages_lock_before_fork(&lock);
}

static void
after_fork_parent(void)
{
	pages_lock_after_fork_parent(&lock);
}

static void
after_fork_child(void)
{
	pages_lock_after_fork_child(&lock);
}

/* The table is not charged before it is touched, so unused slots cost address space only. */
static int
open_table(struct note **ret)
{
	size_t len = pages_round_up((PLACES + WINDOW) * sizeof(**ret), pages_os_page_size());
	void *table;
	int err = pages_os_map_lazy(len, &table);

	if (err != 0)
		return err;
	err = -pthread_atfork(before_fork, after_fork_parent, after_fork_child);
	if (err != 0) {
		pages_os_release(table, len);
		return err;
	}
	*ret = table;
	return 0;
}

int
pages_explain_faults(void)
{
	static pthread_mutex_t once = PTHREAD_MUTEX_INITIALIZER;
	struct sigaction sa = { .sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_ONSTACK };
	int err = 0;

	pthread_mutex_lock(&once);
	if (notes == NULL) {
		err = open_table(&notes);
		if (err == 0) {
			(void)sigaction(SIGSEGV, &sa, &before_segv);
			(void)sigaction(SIGBUS, &sa, &before_bus);
			atomic_store_explicit(&pages_noting_, true, memory_order_release);
		}
	}
	pthread_mutex_unlock(&once);
	return err;
}
