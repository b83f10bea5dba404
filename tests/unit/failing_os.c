/* SPDX-License-Identifier: MIT */
#include "failing_os.h"

#include <string.h>
#include <sys/mman.h>

#include "os/os.h"
#include "support/support.h"

enum { RANDOM = FAILING_MODES, OFF };

static int mode = OFF;
static unsigned left, one_in, failed;
static int error;
static uint64_t state;
static const char *last;

void
failing_arm(enum failing_mode how, unsigned n, int err)
{
	left = n;
	error = err;
	failed = 0;
	last = NULL;
	mode = (int)how;
}

void
failing_arm_random(uint64_t seed, unsigned k, int err)
{
	failing_arm(FAILING_ONCE, 0, err);
	state = seed;
	one_in = k;
	mode = RANDOM;
}

const char *
failing_disarm(void)
{
	mode = OFF;
	return last;
}

unsigned
failing_count(void)
{
	return failed;
}

/* Is it this call's turn to fail, and if so, is it to do damage? */
static bool
fails(const char *name, bool damaging, bool *damage)
{
	bool turn = false;

	*damage = mode == FAILING_WITH_DAMAGE;
	if (mode == FAILING_RESIZE_TO && strcmp(name, "pages_os_resize_to") != 0)
		return false;
	if (mode == RANDOM) {
		turn = random_next(&state) % one_in == 0;
		*damage = damaging && turn && random_next(&state) % 2 == 0;
	} else if (mode != OFF && (mode != FAILING_WITH_DAMAGE || damaging)) {
		turn = left == 1;
		left -= left > 1 || (mode != FAILING_FOR_GOOD && mode != FAILING_RESIZE_TO);
	}
	if (turn) {
		last = name;
		failed++;
	}
	return turn;
}

#define FALLIBLE(name, parameters, arguments)                                      \
	DAMAGING(name, parameters, arguments, false, (void)0)

#define DAMAGING(name, parameters, arguments, damaging, harm)                      \
	int __real_##name parameters;                                              \
	int __wrap_##name parameters;                                              \
	int __wrap_##name parameters                                               \
	{                                                                          \
		bool damage;                                                       \
                                                                                   \
		if (!fails(#name, damaging, &damage))                              \
			return __real_##name arguments;                            \
		if (damage)                                                        \
			harm;                                                      \
		return -error;                                                     \
	}

static bool taken_at_once;
static char *taken;
static size_t taken_len;

void
failing_take_holes(void)
{
	taken_at_once = true;
}

size_t
failing_taken(const char **ret)
{
	*ret = taken;
	return taken_len;
}

/* What os.h calls a hole; or another thread's mapping, made there at that moment. */
static void
make_hole(void *at, size_t len)
{
	(void)munmap(at, len);
	if (!taken_at_once)
		return;
	taken = mmap(at, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	taken_len = len;
	memset(taken, 'x', len);
}
#define HOLE(at, bytes) make_hole((at), (bytes))
/* A range of several pages may be several mappings. */
#define HALF(name, bytes, ...) (void)((bytes) > pages_os_page_size() && __real_##name(__VA_ARGS__))

FALLIBLE(pages_os_reserve, (size_t len, size_t align, void **ret), (len, align, ret))
FALLIBLE(pages_os_map, (size_t len, size_t align, size_t lead, unsigned prot, void **ret),
	 (len, align, lead, prot, ret))
FALLIBLE(pages_os_map_hinted, (void *p, size_t len, unsigned prot, void **ret), (p, len, prot, ret))
FALLIBLE(pages_os_map_pool, (size_t len, unsigned log2, void **ret), (len, log2, ret))
FALLIBLE(pages_os_map_lazy, (size_t len, void **ret), (len, ret))
DAMAGING(pages_os_protect, (void *p, size_t len, unsigned prot), (p, len, prot), true,
	 HALF(pages_os_protect, len, p, pages_os_page_size(), prot))
FALLIBLE(pages_os_replace, (void *p, size_t len, unsigned prot), (p, len, prot))
FALLIBLE(pages_os_extend, (void *p, size_t len, size_t new_len), (p, len, new_len))
FALLIBLE(pages_os_resize, (void *p, size_t len, size_t new_len, void **ret),
	 (p, len, new_len, ret))
DAMAGING(pages_os_resize_to, (void *p, size_t len, size_t new_len, void *dst),
	 (p, len, new_len, dst), true, HOLE(dst, new_len))
FALLIBLE(pages_os_seal, (void *p, size_t len), (p, len))
FALLIBLE(pages_os_discard, (void *p, size_t len), (p, len))
DAMAGING(pages_os_renew, (void *p, size_t len), (p, len), true, HOLE(p, len))
DAMAGING(pages_os_renew_pool, (void *p, size_t len), (p, len), true, HOLE(p, len))
DAMAGING(pages_os_move, (void *src, void *dst, size_t len), (src, dst, len), true, HOLE(dst, len))
FALLIBLE(pages_os_fill, (void *p, size_t len, unsigned prot), (p, len, prot))
FALLIBLE(pages_os_populate, (void *p, size_t len), (p, len))
FALLIBLE(pages_os_advise, (void *p, size_t len, enum pages_os_advice advice), (p, len, advice))
DAMAGING(pages_os_lock, (void *p, size_t len, bool on), (p, len, on), true,
	 HALF(pages_os_lock, len, p, pages_os_page_size(), on))
FALLIBLE(pages_os_guard, (void *p, size_t len, bool on), (p, len, on))
FALLIBLE(pages_os_place, (void *p, size_t len, enum pages_os_place how, uint64_t nodes),
	 (p, len, how, nodes))
FALLIBLE(pages_os_label, (void *p, size_t len, const char *label), (p, len, label))
FALLIBLE(pages_os_file_open,
	 (enum pages_os_file kind, const char *label, size_t len, int *ret),
	 (kind, label, len, ret))
FALLIBLE(pages_os_file_resize, (int fd, size_t len), (fd, len))
FALLIBLE(pages_os_file_write, (int fd, uint64_t offset, const void *buf, size_t len),
	 (fd, offset, buf, len))
FALLIBLE(pages_os_file_seal, (int fd), (fd))
FALLIBLE(pages_os_file_seal_future, (int fd), (fd))
FALLIBLE(pages_os_file_len, (int fd, uint64_t *ret), (fd, ret))
FALLIBLE(pages_os_file_map,
	 (int fd, size_t len, unsigned prot, enum pages_os_sharing sharing, void **ret),
	 (fd, len, prot, sharing, ret))
FALLIBLE(pages_os_file_map_of, (int pid, int fd, size_t len, void **ret), (pid, fd, len, ret))
/* Without being taken at once, this would be a way to end the process. */
DAMAGING(pages_os_file_map_at,
	 (void *p, int fd, uint64_t offset, size_t len, unsigned prot,
	  enum pages_os_sharing sharing),
	 (p, fd, offset, len, prot, sharing), taken_at_once, HOLE(p, len))
FALLIBLE(pages_os_file_discard, (int fd, uint64_t offset, size_t len), (fd, offset, len))
FALLIBLE(pages_os_write, (int fd, const void *buf, size_t len), (fd, buf, len))
FALLIBLE(pages_os_read, (int fd, void *buf, size_t len, size_t *ret), (fd, buf, len, ret))
FALLIBLE(pages_os_tell, (int fd, uint64_t *ret), (fd, ret))
FALLIBLE(pages_os_seek, (int fd, uint64_t position), (fd, position))
FALLIBLE(pages_os_query, (const void *p, struct pages_os_mapping *ret), (p, ret))
FALLIBLE(pages_os_query_text, (const void *p, struct pages_os_mapping *ret), (p, ret))
FALLIBLE(pages_os_each_mapping,
	 (bool (*visit)(void *arg, const struct pages_os_mapping *m), void *arg), (visit, arg))
FALLIBLE(pages_os_scan,
	 (const void *p, size_t len, bool own, size_t *offset, size_t *ret_len),
	 (p, len, own, offset, ret_len))
FALLIBLE(pages_os_scan_mincore,
	 (const void *p, size_t len, size_t *offset, size_t *ret_len),
	 (p, len, offset, ret_len))
FALLIBLE(pages_os_peek, (const void *p, void *buf, size_t len), (p, buf, len))
FALLIBLE(pages_os_clear, (void *p, size_t len, size_t *ret), (p, len, ret))
FALLIBLE(pages_os_read_file, (const char *path, char *buf, size_t len), (path, buf, len))
FALLIBLE(pages_os_read_lines,
	 (const char *path, char *buf, size_t len, void (*visit)(void *arg, char *line), void *arg),
	 (path, buf, len, visit, arg))
FALLIBLE(pages_os_append_file, (const char *path, const char *buf, size_t len),
	 (path, buf, len))
FALLIBLE(pages_os_may_append, (const char *path), (path))
FALLIBLE(pages_os_directory, (char *buf, size_t len), (buf, len))
FALLIBLE(pages_os_lockdown, (void), ())
FALLIBLE(pages_os_exe, (char *buf, size_t len), (buf, len))
