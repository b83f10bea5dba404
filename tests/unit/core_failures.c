/* SPDX-License-Identifier: MIT */
/*
 * core_failures.c - the page core on a system that refuses any one call
 *
 * Every operation is tried on every kind of pages, again and again: first its first
 * system call fails, then its second, until it gets through.  Each time it must
 * either keep its promise by other means, or say no and leave everything as it was;
 * and when the handles are closed nothing may be left.
 */
#define PAGES_ENABLE_EXEC
#include <pages/pages.h>

#include <criterion/criterion.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "os/caps.h"
#include "core/region.h"
#include "failing_os.h"
#include "support/support.h"

#define PAGE pages_os_page_size()
#define LEN (6 * PAGE)
enum { OWNER = 77 };

/* The handles of one trial, and what they must hold; all but one are empty mostly. */
struct trial {
	struct pages_rw rw, clone;
	struct pages_none none;
	struct pages_ro ro;
	struct pages_rx rx;
	struct pages_frozen frozen;
	struct pages_sealed sealed;
	struct pages_jit jit;
	size_t len;
	size_t marked;		/* bytes that are as they were written; then zeroes */
	size_t zero, zero_end;	/* among them these are zero as well */
};

/* What the process holds; all of it is back when handles are closed. */
struct holdings {
	unsigned long mapped, locked, mappings, files;
};

static unsigned long
number_after(const char *text, const char *word)
{
	const char *p = strstr(text, word);

	return p != NULL ? strtoul(p + strlen(word), NULL, 10) : 0;
}

/* Without stdio or malloc, which would show up in what is measured. */
static size_t
read_all(const char *path, char *buf, size_t len)
{
	int fd = open(path, O_RDONLY);
	size_t n = 0;
	ssize_t got;

	while (n < len - 1 && (got = read(fd, buf + n, len - 1 - n)) > 0)
		n += (size_t)got;
	close(fd);
	buf[n] = '\0';
	return n;
}

static struct holdings
measure(void)
{
	static char text[1 << 18];
	struct holdings h = { 0, 0, 0, 0 };
	size_t n = read_all("/proc/self/maps", text, sizeof(text));

	for (size_t i = 0; i < n; i++)
		h.mappings += text[i] == '\n';
	read_all("/proc/self/status", text, sizeof(text));
	h.mapped = number_after(text, "VmSize:");
	h.locked = number_after(text, "VmLck:");
	for (int fd = 0; fd < 64; fd++)	/* the lowest free one is taken always */
		h.files += fcntl(fd, F_GETFD) >= 0;
	return h;
}

/* Kinds of pages: open LEN bytes, or fail and leave nothing open. ---------- */

static int
open_plain(struct pages_rw *rw)
{
	return pages_open(rw, LEN);
}

static int
open_with(struct pages_rw *rw, struct pages_options o)
{
	o.len = LEN;
	return pages_open_with(rw, &o);
}

static int
open_aligned(struct pages_rw *rw)
{
	return open_with(rw, (struct pages_options){ .align = 16 * PAGE });
}

static int
open_guarded(struct pages_rw *rw)
{
	return open_with(rw, (struct pages_options){ .guards = true });
}

static int
open_reserved(struct pages_rw *rw)
{
	return open_with(rw, (struct pages_options){ .reserve = 4 * LEN });
}

static int
open_reserved_guarded(struct pages_rw *rw)
{
	return open_with(rw, (struct pages_options){ .reserve = 4 * LEN, .guards = true });
}

static int
open_near(struct pages_rw *rw)
{
	return open_with(rw, (struct pages_options){ .target = (uintptr_t)open_reserved,
						     .within = PAGES_GIB(1) });
}

static int
open_dressed(struct pages_rw *rw)
{
	return open_with(rw, (struct pages_options){ .huge = PAGES_HUGE_NEVER, .label = "dressed" });
}

static int
open_pool(struct pages_rw *rw)
{
	return open_with(rw, (struct pages_options){ .huge = PAGES_HUGE_2M });
}

static int
open_shared(struct pages_rw *rw)
{
	return open_with(rw, (struct pages_options){ .shared = true });
}

static int
open_secret(struct pages_rw *rw)
{
	unsigned got;

	return pages_secret_open(rw, LEN, &got);
}

static int
open_clone(struct pages_rw *rw)
{
	struct pages_options o = { .reserve = 4 * LEN };
	struct pages_rw w = {0};
	struct pages_frozen frozen = {0};
	int err = pages_open(&w, LEN);

	if (err == 0)
		err = pages_freeze(&w, &frozen);
	if (err == 0)
		err = pages_clone_with(&frozen, rw, &o);
	pages_close(&w);
	pages_close(&frozen);
	return err;
}

/* What it holds is partly the file's, partly not: several mappings. */
static int
open_torn_clone(struct pages_rw *rw)
{
	int err = open_clone(rw);

	if (err == 0)
		err = pages_decommit(rw, 2 * PAGE, PAGE);
	if (err != 0)
		pages_close(rw);
	return err;
}

static int
open_file(struct pages_rw *rw)
{
	struct pages_options o = { .len = LEN - 100 };
	int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	int err = fd < 0 ? -errno : pages_open_file(rw, &o, fd, 0);

	close(fd);
	return err;
}

static int
locked(struct pages_rw *rw, int err)
{
	if (err == 0)
		err = pages_lock(rw);
	if (err != 0)
		pages_close(rw);
	return err;
}

static int
open_locked(struct pages_rw *rw)
{
	return locked(rw, pages_open(rw, LEN));
}

static int
open_locked_shared(struct pages_rw *rw)
{
	return locked(rw, open_shared(rw));
}

static int
open_locked_clone(struct pages_rw *rw)
{
	return locked(rw, open_clone(rw));
}

static const struct kind {
	const char *name;
	int (*open)(struct pages_rw *rw);
	bool cannot_grow;
} kinds[] = {
	{ "plain", open_plain, false },
	{ "aligned", open_aligned, false },
	{ "guarded", open_guarded, false },
	{ "reserved", open_reserved, false },
	{ "reserved, guarded", open_reserved_guarded, false },
	{ "near", open_near, true },
	{ "dressed", open_dressed, false },
	{ "pool", open_pool, true },
	{ "shared", open_shared, false },
	{ "secret", open_secret, true },
	{ "clone", open_clone, false },
	{ "torn clone", open_torn_clone, false },
	{ "file", open_file, true },
	{ "locked", open_locked, true },
	{ "locked shared", open_locked_shared, true },
	{ "locked clone", open_locked_clone, true },
};

/* Checks: NULL, or what is wrong. ------------------------------------------ */

static const char *
check_contents(const struct trial *t, const char *p, size_t len)
{
	for (size_t i = 0; i < len; i += PAGE) {
		uint64_t word, want = OWNER * 0x9e3779b97f4a7c15u + i;

		memcpy(&word, p + i, sizeof(word));
		if (i >= t->marked || (i >= t->zero && i < t->zero_end)) {
			if (!is_zero(p + i, PAGE))
				return "what should be zero is not";
		} else if (word != want) {
			return "contents are lost";
		}
	}
	return NULL;
}

static const char *
check_verdict(int verdict)
{
	return verdict != 0 && verdict != -EOPNOTSUPP ? "permissions are not those of the type"
						      : NULL;
}

/* Of any type whose pages can be read. */
#define CHECK_HANDLE(t, p)                                                         \
	(pages_len(p) == 0 ? NULL : check_readable((t), pages_read(p), pages_len(p), \
						   pages_verify(p)))

static const char *
check_readable(const struct trial *t, const char *p, size_t len, int verdict)
{
	const char *wrong = check_verdict(verdict);

	if (len != t->len)
		return "the length is wrong";
	return wrong != NULL ? wrong : check_contents(t, p, len);
}

static const char *
check_handles(const struct trial *t)
{
	const char *wrong = CHECK_HANDLE(t, &t->rw);

	wrong = wrong != NULL ? wrong : CHECK_HANDLE(t, &t->ro);
	wrong = wrong != NULL ? wrong : CHECK_HANDLE(t, &t->rx);
	wrong = wrong != NULL ? wrong : CHECK_HANDLE(t, &t->frozen);
	wrong = wrong != NULL ? wrong : CHECK_HANDLE(t, &t->clone);
	wrong = wrong != NULL ? wrong : CHECK_HANDLE(t, &t->sealed);
	if (wrong == NULL && pages_len(&t->none) != 0)
		wrong = check_verdict(pages_verify(&t->none));
	return wrong;
}

/* A handle that says its pages are locked tells the truth, and so does one that does not. */
static const char *
check_locked(const struct trial *t, const struct holdings *before)
{
	struct pages_region r = pages_region_of(t->rw.p_);
	size_t want = before->locked + (r.locked ? r.len / 1024 : 0);

	/* The address sanitizer does not let anybody lock memory. */
	if (getenv("SANITIZED") != NULL)
		return NULL;
	return r.base == NULL || r.kind == PAGES_SECRET || measure().locked == want
		       ? NULL
		       : "pages are not locked as the handle says";
}

static const char *
check_code(struct pages_jit *jit)
{
	static const char code[] = "code";

	if (pages_jit_write(jit, PAGE, code, sizeof(code)) != 0)
		return "code cannot be written any more";
	return memcmp((const char *)jit->run_ + PAGE, code, sizeof(code)) == 0 ? NULL
									     : "code is not there";
}

/* Can it go on as if nothing had been? */
static const char *
check_use(struct trial *t, const struct kind *kind)
{
	if (t->jit.run_ != NULL)
		return check_code(&t->jit);
	if (pages_len(&t->none) != 0 && pages_to_ro(&t->none, &t->ro) != 0)
		return "the pages cannot be made readable any more";
	if (pages_len(&t->rw) == 0)
		return check_handles(t);
	if (pages_region_of(t->rw.p_).locked && pages_unlock(&t->rw) != 0)
		return "the pages cannot be unlocked any more";
	if (!kind->cannot_grow) {
		t->len += 2 * PAGE;
		if (pages_resize(&t->rw, t->len) != 0)
			return "the pages cannot be resized any more";
	}
	if (check_handles(t) != NULL)
		return check_handles(t);
	mark(pages_write(&t->rw), t->len, OWNER);
	t->marked = t->len;
	t->zero_end = 0;
	return check_handles(t);
}

static void
close_all(struct trial *t)
{
	pages_close(&t->rw);
	pages_close(&t->clone);
	pages_close(&t->none);
	pages_close(&t->ro);
	pages_close(&t->rx);
	pages_close(&t->frozen);
	pages_jit_close(&t->jit);
}

/* Trying. ------------------------------------------------------------------- */

struct operation {
	int (*prepare)(struct trial *t);	/* while nothing fails; may be NULL */
	int (*run)(struct trial *t);		/* notes in t what success has changed */
};

struct fault {
	enum failing_mode mode;
	unsigned n;
	int error;
	const char *reached;	/* the call that failed, NULL if it got through */
};

/* Is it an answer for an operation to give?  The system's own, or what stands for it. */
static bool
is_answer(int err, const struct fault *f)
{
	if (f->reached == NULL)		/* what these pages refuse always */
		return err == 0 || err == -EOPNOTSUPP || err == -EBUSY || err == -ERANGE ||
		       err == -EINVAL;
	return err == 0 || err == -f->error || err == -ENOMEM || err == -EOPNOTSUPP;
}

/*
 * When nothing can be done any more, what was half done stays so: pages_reprotect(),
 * resize_shared(), freeze_shared() and abandon() end in these.
 */
static bool
is_helpless(const struct fault *f)
{
	static const char *const undoing[] = {
		"pages_os_protect", "pages_os_extend", "pages_os_file_map_at", "pages_os_query_text",
	};

	if (f->mode != FAILING_FOR_GOOD || failing_count() < 2)
		return false;
	for (size_t i = 0; i < sizeof(undoing) / sizeof(undoing[0]); i++)
		if (strcmp(f->reached, undoing[i]) == 0)
			return true;
	return false;
}

static const char *
attempt(const struct operation *op, struct trial *t, struct fault *f)
{
	struct trial before = *t;
	int err;

	failing_arm(f->mode, f->n, f->error);
	errno = 1234;
	err = op->run(t);
	f->reached = failing_disarm();
	if (errno != 1234)
		return "errno is changed";
	if (!is_answer(err, f))
		return "it failed for another reason";
	if (err != 0 && memcmp(t, &before, sizeof(before)) != 0)
		return "it failed and changed a handle";
	return check_handles(t);
}

static const char *
check_left(const struct holdings *before)
{
	struct holdings after = measure();

	return after.files != before->files ? "a descriptor is left"
	       : after.locked != before->locked ? "locked memory is left"
	       : after.mapped != before->mapped ? "a mapping is left or lost"
	       : after.mappings != before->mappings ? "a mapping is torn"
						    : NULL;
}

static const char *
try_one(const struct kind *kind, const struct operation *op, struct fault *f)
{
	struct holdings before = measure();
	const char *wrong = NULL;
	struct trial t;

	f->reached = NULL;
	memset(&t, 0, sizeof(t));	/* padding too: it is compared */
	if (kind->open(&t.rw) != 0)
		return NULL;		/* not on this machine */
	t.len = t.marked = pages_len(&t.rw);
	mark(pages_write(&t.rw), t.len, OWNER);
	if (op->prepare == NULL || op->prepare(&t) == 0) {
		wrong = attempt(op, &t, f);
		if (is_helpless(f)) {
			close_all(&t);
			return NULL;
		}
		wrong = wrong != NULL ? wrong : check_locked(&t, &before);
		wrong = wrong != NULL ? wrong : check_use(&t, kind);
	}
	if (wrong != NULL)
		return wrong;
	close_all(&t);
	return pages_len(&t.sealed) != 0 ? NULL : check_left(&before);
}

/* Opening is an operation of its own. */
static const char *
try_opening(const struct kind *kind, const struct operation *op, struct fault *f)
{
	struct holdings before = measure();
	struct pages_rw rw = {0};
	int err;

	(void)op;
	failing_arm(f->mode, f->n, f->error);
	err = kind->open(&rw);
	f->reached = failing_disarm();
	if (!is_answer(err, f))
		return "it failed for another reason";
	if ((err == 0) != (pages_len(&rw) != 0))
		return "the handle is not as the answer says";
	if (err == 0 && check_verdict(pages_verify(&rw)) != NULL)
		return check_verdict(pages_verify(&rw));
	if (err == 0)
		mark(pages_write(&rw), pages_len(&rw), OWNER);
	pages_close(&rw);
	return check_left(&before);
}

typedef const char *try_function(const struct kind *, const struct operation *, struct fault *);

/* The first call fails, then the second ...; returns how many could. */
static unsigned
try_calls(try_function *try, const struct kind *kind, const struct operation *op,
	  enum failing_mode mode, int error)
{
	struct fault f = { .mode = mode, .error = error };

	do {
		const char *wrong;

		f.n++;
		wrong = try(kind, op, &f);
		cr_assert_null(wrong, "%s pages: %s, when call %u (%s) failed with %s, mode %d", kind->name,
			       wrong, f.n, f.reached != NULL ? f.reached : "none", strerror(error),
			       (int)mode);
	} while (f.reached != NULL);
	return f.n - 1;
}

static unsigned
try_kind(try_function *try, const struct kind *kind, const struct operation *op)
{
	static const int errors[] = { ENOMEM, EINVAL, EPERM, EAGAIN };
	unsigned n = 0;

	for (size_t e = 0; e < sizeof(errors) / sizeof(errors[0]); e++)
		n += try_calls(try, kind, op, FAILING_ONCE, errors[e]);
	n += try_calls(try, kind, op, FAILING_WITH_DAMAGE, ENOMEM);
	n += try_calls(try, kind, op, FAILING_FOR_GOOD, ENOMEM);
	return n;
}

/* Probes are remembered by the process, and are not what is to fail. */
static void
warm(const char *without)
{
	if (without != NULL && getenv("PAGES_DISABLE") == NULL)
		setenv("PAGES_DISABLE", without, 1);
	for (int cap = 0; cap < PAGES_CAP_COUNT; cap++)
		(void)pages_can((enum pages_cap)cap);
	(void)pages_forks_birth();	/* maps a page for good */
}

static void
try_kinds(try_function *try, const struct operation *op, const char *without)
{
	unsigned n = 0;

	warm(without);
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		n += try_kind(try, &kinds[i], op);
	if (n == 0)
		cr_skip_test("it makes no system call here");
}

Test(failing_os, is_in_front_of_the_real_one)
{
	struct pages_rw rw = {0};

	failing_arm(FAILING_ONCE, 2, EPERM);
	cr_assert_eq(pages_open(&rw, LEN), 0);
	cr_assert_eq(pages_resize(&rw, 2 * LEN), -EPERM);
	cr_assert_eq(pages_resize(&rw, 2 * LEN), 0);
	cr_assert_str_eq(failing_disarm(), "pages_os_resize");
	pages_close(&rw);
}

/* Operations, each with all that the kernel can do, and without. ------------ */

#define FAILING_IN(name, try, ...)                                                 \
	Test(failing, name)                                                        \
	{                                                                          \
		try_kinds(try, &(struct operation){ __VA_ARGS__ }, NULL);          \
	}                                                                          \
	Test(failing_without_features, name)                                       \
	{                                                                          \
		try_kinds(try, &(struct operation){ __VA_ARGS__ }, "all");         \
	}
#define FAILING(name, ...) FAILING_IN(name, try_one, __VA_ARGS__)

FAILING_IN(open, try_opening, NULL, NULL)

static int
to_none(struct trial *t)
{
	return pages_to_none(&t->rw, &t->none);
}
FAILING(to_none, NULL, to_none)

static int
to_ro(struct trial *t)
{
	return pages_to_ro(&t->rw, &t->ro);
}
FAILING(to_ro, NULL, to_ro)

static int
to_rx(struct trial *t)
{
	int err = pages_to_rx(&t->rw, &t->rx);

	/* Pages that are hidden from the kernel are never code. */
	return err == -EACCES && pages_region_of(t->rw.p_).kind == PAGES_SECRET ? -EOPNOTSUPP : err;
}
FAILING(to_rx, NULL, to_rx)

static int
none_to_rw(struct trial *t)
{
	return pages_to_rw(&t->none, &t->rw);
}
FAILING(none_to_rw, to_none, none_to_rw)

static int
grow(struct trial *t)
{
	int err = pages_resize(&t->rw, 2 * LEN);

	if (err == 0)
		t->len = 2 * LEN;
	return err;
}
FAILING(growing, NULL, grow)

static int
shrink(struct trial *t)
{
	int err = pages_resize(&t->rw, 2 * PAGE);

	if (err == 0)
		t->len = t->marked = 2 * PAGE;
	return err;
}
FAILING(shrinking, NULL, shrink)
FAILING(growing_again, shrink, grow)

static int
decommit(struct trial *t)
{
	int err = pages_decommit(&t->rw, PAGE, 2 * PAGE);

	if (err == 0 && pages_page_size(&t->rw) == PAGE) {
		t->zero = PAGE;
		t->zero_end = 3 * PAGE;
	}
	return err;
}
FAILING(decommit, NULL, decommit)

static int
prefault(struct trial *t)
{
	return pages_prefault(&t->rw, 0, t->len);
}
FAILING(prefault, decommit, prefault)

static int
freeze(struct trial *t)
{
	return pages_freeze(&t->rw, &t->frozen);
}
FAILING(freeze, NULL, freeze)

static int
freeze_ro(struct trial *t)
{
	return pages_freeze(&t->ro, &t->frozen);
}
FAILING(freeze_ro, to_ro, freeze_ro)

static int
clone_frozen(struct trial *t)
{
	struct pages_options o = { .reserve = 3 * LEN, .label = "clone" };

	return pages_clone_with(&t->frozen, &t->clone, &o);
}
FAILING(clone, freeze, clone_frozen)

static int
lock(struct trial *t)
{
	return pages_lock(&t->rw);
}
FAILING(lock, NULL, lock)

static int
unlock(struct trial *t)
{
	return pages_unlock(&t->rw);
}
FAILING(unlock, lock, unlock)

static int
seal(struct trial *t)
{
	return pages_seal(&t->ro, &t->sealed);
}
FAILING_IN(seal, try_one, to_ro, seal)

static int
hint(struct trial *t)
{
	return pages_advise(&t->rw, PAGES_HINT_DONT_DUMP);
}
FAILING(advise, NULL, hint)

static int
place(struct trial *t)
{
	return pages_place(&t->rw, PAGES_NUMA_PREFER, 1);
}
FAILING(place, NULL, place)

static int
label(struct trial *t)
{
	return pages_label(&t->rw, "label");
}
FAILING(label, NULL, label)

static int
verify(struct trial *t)
{
	return pages_verify(&t->rw);
}
FAILING(verify, NULL, verify)

static int
query(struct trial *t)
{
	struct pages_mapping m;

	return pages_query(&t->rw, &m);
}
FAILING(query, NULL, query)

static int
resident(struct trial *t)
{
	struct pages_range range = {0};

	return pages_resident(&t->rw, &range);
}
FAILING(resident, NULL, resident)

static int
jit_open(struct trial *t)
{
	return pages_jit_open(&t->jit, LEN);
}
FAILING(jit_open, NULL, jit_open)

static int
jit_open_near(struct trial *t)
{
	return pages_jit_open_near(&t->jit, LEN, jit_open, PAGES_GIB(1));
}
FAILING(jit_open_near, NULL, jit_open_near)

static int
jit_write(struct trial *t)
{
	return pages_jit_write(&t->jit, 0, "code", 5);
}
FAILING(jit_write, jit_open, jit_write)

static int
jit_flip(struct trial *t)
{
	void *view;
	int err = pages_jit_edit(&t->jit, &view);

	return err != 0 ? err : pages_jit_publish(&t->jit, 0, PAGE);
}
FAILING(jit_flip, jit_open, jit_flip)

/* The next edit copies the code. */
static int
jit_open_and_fork(struct trial *t)
{
	int status, err = jit_open(t);
	pid_t pid = err == 0 ? fork() : -1;

	if (pid == 0)
		_exit(0);
	if (pid > 0)
		(void)waitpid(pid, &status, 0);
	return err;
}
FAILING(jit_write_after_a_fork, jit_open_and_fork, jit_write)

/* Places that were lost to another thread. ---------------------------------- */

static void
lose_places(int err)
{
	warm(NULL);
	failing_take_holes();
	failing_arm(FAILING_WITH_DAMAGE, 1, err);
}

/* The call by name was what failed, and what lies there now is as its owner left it. */
static void
expect_left_alone(const char *name)
{
	const char *reached = failing_disarm(), *p;
	size_t len = failing_taken(&p);

	if (reached == NULL)
		cr_skip_test("not on this machine");
	cr_assert_str_eq(reached, name);
	cr_assert_gt(len, 0);
	for (size_t i = 0; i < len; i++)
		cr_assert_eq(p[i], 'x');
}

Test(a_lost_place, of_a_secret)
{
	struct pages_rw rw = {0};
	unsigned got;

	lose_places(ENOTRECOVERABLE);
	if (pages_can(PAGES_CAP_SECRET))
		cr_assert_eq(pages_secret_open(&rw, LEN, &got), -ENOMEM);
	expect_left_alone("pages_os_file_map_at");
}

Test(a_lost_place, of_a_clone)
{
	struct pages_rw rw = {0}, clone = {0};
	struct pages_frozen frozen = {0};

	cr_assert_eq(pages_open(&rw, LEN), 0);
	cr_assert_eq(pages_freeze(&rw, &frozen), 0);
	lose_places(ENOTRECOVERABLE);
	if (pages_can(PAGES_CAP_FILES))
		cr_assert_eq(pages_clone(&frozen, &clone), -ENOMEM);
	expect_left_alone("pages_os_file_map_at");
	pages_close(&frozen);
}

Test(a_lost_place, of_code)
{
	struct pages_jit jit = {0};

	lose_places(ENOTRECOVERABLE);
	if (pages_can(PAGES_CAP_CODE))
		cr_assert_eq(pages_jit_open_near(&jit, LEN, jit_open, PAGES_GIB(1)), -ENOMEM);
	expect_left_alone("pages_os_file_map_at");
}

Test(a_place_within_reach, is_found_without_a_list_of_mappings)
{
	struct pages_rw rw = {0};

	failing_arm(FAILING_ONCE, 1, ENOENT);
	cr_assert_eq(open_near(&rw), 0);
	cr_assert_str_eq(failing_disarm(), "pages_os_each_mapping");
	pages_close(&rw);
}

Test(a_lost_place, of_pages_that_grow)
{
	struct pages_rw rw = {0};

	cr_assert_eq(open_guarded(&rw), 0);
	mark(pages_write(&rw), LEN, OWNER);
	lose_places(ENOMEM);
	cr_assert_eq(pages_resize(&rw, 2 * LEN), -ENOMEM);
	expect_left_alone("pages_os_resize_to");
	cr_assert(is_marked(pages_read(&rw), LEN, LEN, OWNER));
	pages_close(&rw);
}

/* Last: from the first success on, the process notes what it does. */
Test(failing, explain_faults)
{
	struct holdings before = measure();

	failing_arm(FAILING_ONCE, 1, ENOMEM);
	cr_assert_eq(pages_explain_faults(), -ENOMEM);
	cr_assert_not_null(failing_disarm());
	cr_assert_null(check_left(&before));
	cr_assert_eq(pages_explain_faults(), 0);
	try_kinds(try_one, &(struct operation){ to_ro, freeze_ro }, NULL);
}

Test(failing, lockdown)
{
	failing_arm(FAILING_ONCE, 1, EINVAL);
	cr_assert_eq(pages_lockdown(), -EOPNOTSUPP);
	cr_assert_not_null(failing_disarm());
}
