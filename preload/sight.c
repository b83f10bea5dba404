/* SPDX-License-Identifier: MIT */
/*
 * sight.c - reads the counters of another process, by a child that can be given up
 */
#include "sight.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"
#include "heap/published.h"
#include "heap/recorded.h"
#include "os/kept.h"

/* An address in the other process. */
#define ADDRESS_OF(pointer) ((uint64_t)(uintptr_t)(pointer))

/* A heap. ----------------------------------------------------------------- */

/* Record id of the other heap; false if that is none, or in another state. */
static bool
read_extent(const struct pages_remote *r, const struct pages_heap *h, uint32_t id,
	    struct pages_extent *ret)
{
	uint64_t at = ADDRESS_OF(h->extents.node) + (uint64_t)id * sizeof(*ret);

	return id != 0 && id != PAGES_FRONT_CACHE_BUSY &&
	       pages_remote_read(r, at, ret, sizeof(*ret)) == 0 && ret->state == PAGES_EXTENT_FREED;
}

static void
subtract(uint64_t *from, uint64_t n)
{
	*from -= *from < n ? *from : n;
}

/* A block that waits to be handed out again is freed, and units that are its alone are kept. */
static void
count_freed(const struct pages_heap *h, const struct pages_extent *e, size_t kept_pages,
	    struct pages_picture_freed *freed, struct pages_stats *st)
{
	size_t up = pages_heap_unit_up(h, e->first);
	size_t down = pages_heap_unit_down(h, e->first + kept_pages);
	uint64_t kept = down > up ? (down - up) * PAGES_UNIT : 0;

	freed->run[freed->count].first = up;
	freed->run[freed->count++].end = down;

	st->frees++;
	subtract(&st->live_objects, 1);
	subtract(&st->live_bytes, (uint64_t)e->used << h->arena.page_shift);
	st->kept_bytes += kept;
	st->freed_bytes += kept;
}

static void
count_waiting(const struct pages_remote *r, const struct pages_heap *h,
	      struct pages_picture_freed *freed, struct pages_stats *st)
{
	struct pages_extent e;

	static_assert((int)PAGES_FRONT_CACHES < PAGES_PICTURE_FREED, "and the sparse block");

	for (size_t i = 0; i < PAGES_FRONT_CACHES; i++)
		if (read_extent(r, h, atomic_load(&h->caches[i].block), &e))
			count_freed(h, &e, e.used, freed, st);
	if (read_extent(r, h, atomic_load(&h->sparse_block), &e))
		count_freed(h, &e, e.count, freed, st);
}

/* A forked child that has not used the heap yet has its parent's figures. */
static bool
is_unaware(const struct pages_remote *r, const struct pages_heap *h)
{
	uint32_t word;

	return pages_remote_read(r, ADDRESS_OF(atomic_load(&h->process.word)), &word,
				 sizeof(word)) == 0 && word == PAGES_PROCESS_NEW;
}

/* What vectors keep: in the other process, a pointer to their owner's description. */
static void
add_kept(const struct pages_remote *r, uint64_t place, struct pages_stats *st)
{
	struct pages_kept k;
	uint64_t at;

	if (place == 0 || pages_remote_read(r, place, &at, sizeof(at)) != 0 || at == 0 ||
	    pages_remote_read(r, at, &k, sizeof(k)) != 0)
		return;
	st->vector_kept_bytes = atomic_load(&k.bytes);
	st->vector_reused_bytes = atomic_load(&k.reused_bytes);
}

static bool
is_plausible(const struct pages_heap *h)
{
	return h->state != PAGES_HEAP_OPEN ||
	       (h->arena.page_shift >= 12 && h->arena.page_shift <= 20);
}

/* 0 or -errno; -EBADMSG: what is there is no heap. */
static int
read_heap(const struct pages_remote *r, const struct pages_published *p, bool picture,
	  struct pages_sight_heap *ret)
{
	struct pages_stats *st = &ret->report.stats;
	struct pages_picture_freed freed = { .count = 0 };
	struct pages_record_slot slot;
	struct pages_heap h;
	int err = pages_remote_read(r, ADDRESS_OF(p->heap), &h, sizeof(h));
	uint64_t at;

	if (err != 0)
		return err;
	if (!is_plausible(&h))
		return -EBADMSG;
	at = ADDRESS_OF(atomic_load(&h.slot));
	atomic_store(&h.slot, NULL);
	if (at != 0 && pages_remote_read(r, at, &slot, sizeof(slot)) == 0)
		atomic_store(&h.slot, &slot);
	if (is_unaware(r, &h)) {
		pages_heap_count_anew(&h);
		atomic_store(&h.slot, NULL);
	}
	*st = h.stats;
	pages_heap_fill(&h, &h.units, st);
	if (h.state == PAGES_HEAP_OPEN)
		count_waiting(r, &h, &freed, st);
	add_kept(r, ADDRESS_OF(p->kept), st);
	ret->report.background_threads = atomic_load(&h.background_threads);
	ret->report.background_refused = atomic_load(&h.background_refused);
	ret->report.confined = atomic_load(&h.confined);
	return picture ? pages_picture_take(r, &h, &freed, &ret->picture) : 0;
}

/* Published. -------------------------------------------------------------- */

static void
copy_text(char *to, const char *from, size_t size)
{
	memcpy(to, from, size);
	to[size - 1] = '\0';
}

static void
describe(const struct pages_remote *r, const struct pages_published *p, struct pages_sight_heap *ret)
{
	struct pages_report *report = &ret->report;
	ssize_t n = readlinkat(r->dir, "exe", report->exe, sizeof(report->exe) - 1);

	report->exe[n > 0 ? n : 0] = '\0';
	report->pid = (uint64_t)r->pid;
	report->processes = 1;
	report->threshold = atomic_load(&p->threshold);
	copy_text(ret->library, p->library, sizeof(ret->library));
	copy_text(report->mode, p->mode, sizeof(report->mode));
	copy_text(report->provider, p->provider, sizeof(report->provider));
}

/* What a note leads to.  0 or -errno; -EPROTO: another layout; -EBADMSG: nonsense. */
static int
read_published(const struct pages_remote *r, const struct pages_remote_note *note, bool picture,
	       struct pages_sight *ret)
{
	struct pages_sight_heap *heap = &ret->heap[ret->heaps];
	struct pages_published p;
	int err;

	if (note->version != PAGES_PUBLISHED_VERSION || note->len != sizeof(p))
		return -EPROTO;
	err = pages_remote_read(r, note->place, &p, sizeof(p));
	if (err != 0)
		return err;
	if (p.magic != PAGES_PUBLISHED_MAGIC)
		return -EBADMSG;
	copy_text(ret->version, p.version, sizeof(ret->version));
	if (p.layout != PAGES_LAYOUT)
		return -EPROTO;
	memset(heap, 0, sizeof(*heap));
	describe(r, &p, heap);
	err = read_heap(r, &p, picture, heap);
	heap->report.affected = heap->report.stats.requests != 0;
	ret->heaps += err == 0;
	return err;
}

static enum pages_sight_state
state_of(int err)
{
	switch (err) {
	case 0:
		return PAGES_SIGHT_SEEN;
	case -EPROTO:
		return PAGES_SIGHT_OTHER;
	case -ESRCH:
	case -ENOENT:
		return PAGES_SIGHT_GONE;
	case -EPERM:
	case -ENOSYS:
		return PAGES_SIGHT_NO_READING;
	case -EBADMSG:
	case -EFAULT:
	case -ERANGE:
		return PAGES_SIGHT_NONSENSE;
	default:
		return PAGES_SIGHT_FAILED;
	}
}

/* Read all that the notes lead to.  One heap that can be read is enough. */
static void
read_notes(const struct pages_remote *r, const struct pages_remote_notes *notes, bool picture,
	   struct pages_sight *ret)
{
	ret->state = notes->mappings == 0 ? PAGES_SIGHT_NO_MEMORY :
		     notes->is_32_bit ? PAGES_SIGHT_32_BIT : PAGES_SIGHT_ABSENT;
	for (size_t i = 0; i < notes->count && ret->heaps < PAGES_SIGHT_HEAPS; i++) {
		int err = read_published(r, &notes->note[i], picture, ret);

		if (ret->heaps == 0)
			ret->state = state_of(err);
		ret->err = err;
	}
	if (ret->heaps != 0)
		ret->state = PAGES_SIGHT_SEEN;
}

static bool
is_there(pid_t pid)
{
	return kill(pid, 0) == 0 || errno == EPERM;
}

static void
look(pid_t pid, bool picture, struct pages_sight *ret)
{
	struct pages_remote_notes notes;
	struct pages_remote r;
	struct timespec now;
	struct stat st;
	int err = pages_remote_open(&r, pid);

	ret->err = err;
	if (err != 0) {
		ret->state = err == -EPERM || err == -EACCES || is_there(pid) ?
			     PAGES_SIGHT_HIDDEN : state_of(err);
		return;
	}
	err = pages_remote_status(&r, &ret->status);
	/* Of other files there the owner is root if the process is not dumpable. */
	if (err == 0 && fstatat(r.dir, "maps", &st, 0) == 0)
		ret->not_dumpable = st.st_uid != ret->status.uid;
	if (err == 0)
		err = pages_remote_find(&r, &notes);
	if (err == 0)
		read_notes(&r, &notes, picture, ret);
	else
		ret->state = err == -EACCES ? PAGES_SIGHT_DENIED : state_of(err);
	ret->err = err != 0 ? err : ret->err;
	/* Still the same process?  Its pid can be another's by now, and what was read, too. */
	if (pages_remote_status(&r, &ret->status) == -ESRCH)
		ret->state = PAGES_SIGHT_GONE;
	ret->clock_ms = pages_clock_ms();
	clock_gettime(CLOCK_REALTIME, &now);
	ret->time_ms = (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
	pages_remote_close(&r);
}

/* The child that reads. --------------------------------------------------- */

/*
 * Read len bytes that the child writes.  0; -ETIMEDOUT; -EPIPE: it ended before; another -errno.
 * What came in time is taken also if this process was kept from running until the time was over.
 */
static int
receive(int fd, void *buf, size_t len, unsigned patience_ms)
{
	uint64_t end = pages_clock_ms() + patience_ms;
	struct pollfd p = { .fd = fd, .events = POLLIN };
	size_t got = 0;

	while (got < len) {
		uint64_t now = pages_clock_ms();
		int ready = poll(&p, 1, now < end ? (int)(end - now) : 0);
		ssize_t n = ready > 0 ? read(fd, (char *)buf + got, len - got) : ready;

		if (n < 0 && errno != EINTR)
			return -errno;
		if (ready > 0 && n == 0)
			return -EPIPE;
		if (ready == 0 && now >= end)
			return -ETIMEDOUT;
		got += n > 0 ? (size_t)n : 0;
	}
	return 0;
}

/* It ends with its parent: else it would wait for ever where reading does. */
__attribute__((noreturn)) static void
report_to(int fd, pid_t parent, pid_t pid, bool picture, struct pages_sight *s)
{
	size_t done = 0;
	ssize_t n;

	if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || getppid() != parent)
		_exit(1);
	look(pid, picture, s);
	while (done < sizeof(*s) && (n = write(fd, (const char *)s + done, sizeof(*s) - done)) > 0)
		done += (size_t)n;
	_exit(0);
}

/* What is known where nothing could be read. */
static void
set_failed(pid_t pid, int err, struct pages_sight *ret)
{
	memset(ret, 0, sizeof(*ret));
	ret->pid = pid;
	ret->err = err;
	ret->state = err == -ETIMEDOUT ? PAGES_SIGHT_SILENT :
		     err == -EPIPE ? PAGES_SIGHT_CRASHED : PAGES_SIGHT_FAILED;
}

/*
 * A child that was killed ends soon, unless it waits for a disk that does not answer: then it is
 * left, and one of the next looks finds that it has ended.
 */
static void
give_up(pid_t child)
{
	kill(child, SIGKILL);
	for (int i = 0; i < 20 && waitpid(child, NULL, WNOHANG) == 0; i++)
		(void)poll(NULL, 0, 5);
}

void
pages_sight_look(pid_t pid, bool picture, unsigned patience_ms, struct pages_sight *ret)
{
	pid_t parent = getpid(), child;
	int ends[2], err;

	while (waitpid(-1, NULL, WNOHANG) > 0)
		;
	set_failed(pid, 0, ret);
	if (pipe2(ends, O_CLOEXEC) != 0) {
		ret->err = -errno;
		return;
	}
	child = fork();
	if (child == 0)
		report_to(ends[1], parent, pid, picture, ret);
	err = child < 0 ? -errno : 0;
	close(ends[1]);
	if (err == 0)
		err = receive(ends[0], ret, sizeof(*ret), patience_ms);
	close(ends[0]);
	if (err != 0)
		set_failed(pid, err, ret);
	if (child > 0 && err != 0)
		give_up(child);
	while (child > 0 && err == 0 && waitpid(child, NULL, 0) < 0 && errno == EINTR)
		;
}

bool
pages_sight_is_active(const struct pages_sight *s)
{
	for (size_t i = 0; s->state == PAGES_SIGHT_SEEN && i < s->heaps; i++)
		if (pages_report_is_active(&s->heap[i].report))
			return true;
	return false;
}
