/* SPDX-License-Identifier: MIT */
/*
 * vec.cc - the vector beside std::vector and an array that realloc doubles
 *
 *	bench/vec [rounds]
 *
 * prints a line for each pattern, element size and container: nanoseconds per element,
 * the best of all rounds, in which the containers take turns.  "store" is the limit: a
 * loop over an array that is resident already.  Contents are checked after each pattern.
 * What orders, inserts and removes is compared with the functions of <algorithm>.
 */
#include <pages/paged_vec.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <map>
#include <string>
#include <vector>

/* Elements of 1, 8, 24 and 32 bytes that hold a number. */
struct Byte {
	uint8_t a;
	Byte(size_t i = 0) : a(uint8_t(i)) {}
	bool is(size_t i) const { return a == uint8_t(i); }
	uint64_t value() const { return a; }
};
struct Double {
	double a;
	Double(size_t i = 0) : a(double(ptrdiff_t(i))) {}
	bool is(size_t i) const { return a == double(i); }
	uint64_t value() const { return uint64_t(a); }
};
template <int N> struct Words {
	uint64_t a[N];
	Words(size_t i = 0) { for (int k = 0; k < N; k++) a[k] = i + unsigned(k); }
	bool is(size_t i) const { return a[0] == i && a[N - 1] == i + N - 1; }
	uint64_t value() const { return a[0]; }
};

static void
must(bool fine, const char *what)
{
	if (fine)
		return;
	fprintf(stderr, "bench/vec: %s\n", what);
	exit(1);
}

template <class T> struct Std {
	static constexpr const char *name = "std::vector";
	std::vector<T> v;
	void hint(size_t n) { v.reserve(n); }
	void push(T x) { v.push_back(x); }
	void bulk(const T *p, size_t n) { v.insert(v.end(), p, p + n); }
	void fill(size_t n) { for (size_t i = 0; i < n; i++) v.push_back(T(i)); }
	void clear() { v.clear(); }
	T *data() { return v.data(); }
	size_t size() const { return v.size(); }
};

template <class T> struct Plain {
	static constexpr const char *name = "realloc";
	T *p = nullptr;
	size_t len = 0, room = 0;
	~Plain() { free(p); }
	void hint(size_t n)
	{
		p = static_cast<T *>(realloc(static_cast<void *>(p), n * sizeof(T)));
		must(p != nullptr, "no memory");
		room = n;
	}
	void push(T x)
	{
		if (len == room)
			hint(room != 0 ? 2 * room : 8);
		p[len++] = x;
	}
	void bulk(const T *from, size_t n)
	{
		if (n > room - len)
			hint(2 * room > len + n ? 2 * room : len + n);
		memcpy(static_cast<void *>(p + len), from, n * sizeof(T));
		len += n;
	}
	void fill(size_t n)
	{
		if (n > room - len)
			hint(len + n);
		for (size_t i = 0; i < n; i++)
			p[len + i] = T(i);
		len += n;
	}
	void clear() { len = 0; }
	T *data() { return p; }
	size_t size() const { return len; }
};

template <class T> struct Paged;
#define PAGED(NAME, T)                                                             \
	PAGED_VEC(NAME, T);                                                        \
	template <> struct Paged<T> {                                              \
		static constexpr const char *name = "paged_vec";                   \
		struct NAME v;                                                     \
		~Paged() { NAME##_free(&v); }                                      \
		void hint(size_t n) { must(NAME##_reserve(&v, n) == 0, "reserve"); } \
		void push(T x) { must(NAME##_push(&v, x) == 0, "push"); }          \
		void bulk(const T *p, size_t n) { must(NAME##_push_n(&v, p, n) == 0, "push_n"); } \
		void fill(size_t n)                                                \
		{                                                                  \
			hint(n);                                                   \
			T *x = NAME##_spare(&v).ptr;                               \
			for (size_t i = 0; i < n; i++)                             \
				x[i] = T(i);                                       \
			must(NAME##_commit(&v, n) == 0, "commit");                 \
		}                                                                  \
		void clear() { NAME##_clear(&v); }                                 \
		T *data() { return NAME##_data(&v); }                              \
		size_t size() const { return NAME##_len(&v); }                     \
	}
PAGED(bytes, Byte);
PAGED(doubles, Double);
PAGED(triples, Words<3>);
PAGED(quads, Words<4>);

#define BY_NUMBER(x, y) ((x)->a < (y)->a ? -1 : (x)->a > (y)->a)
PAGED_VEC_ORDER(doubles, BY_NUMBER);

static double
now()
{
	timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return double(t.tv_sec) * 1e9 + double(t.tv_nsec);
}

/* Best times by "pattern, size, container", in order of their appearance. */
static std::map<std::string, double> best;
static std::vector<std::string> order;

static void
note(const char *pattern, size_t size, const char *container, double per_element)
{
	std::string key = std::string(pattern) + "\t" + std::to_string(size) + "\t" + container;

	if (best.count(key) == 0)
		order.push_back(key);
	if (best.count(key) == 0 || per_element < best[key])
		best[key] = per_element;
}

template <class V>
static void
check(V &v, size_t n)
{
	must(v.size() == n, "the length is wrong");
	for (size_t i = 0; i < n; i++)
		must(v.data()[i].is(i), "the contents are wrong");
}

template <class V>
__attribute__((noinline)) static void
push_all(V &v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		v.push(i);
}

template <class T>
__attribute__((noinline)) static void
store_all(T *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		p[i] = T(i);
}

/* Growth: with a hint of a tenth, without, by blocks, and several in turn. */
template <class V, class T>
static void
growth(size_t n)
{
	enum { BLOCK = 1000, IN_TURN = 4 };
	std::vector<T> block;
	double t = now();
	{
		V v;
		v.hint(n / 10);
		push_all(v, n);
		note("push, hint 1/10", sizeof(T), V::name, (now() - t) / double(n));
		check(v, n);
	}
	{
		t = now();
		V v;
		push_all(v, n);
		note("push", sizeof(T), V::name, (now() - t) / double(n));
		check(v, n);
	}
	for (size_t i = 0; i < BLOCK; i++)
		block.push_back(T(i));
	{
		t = now();
		V v;
		for (size_t i = 0; i < n / BLOCK; i++)
			v.bulk(block.data(), BLOCK);
		note("append blocks of 1000", sizeof(T), V::name, (now() - t) / double(n));
		must(v.size() == n && v.data()[n - 1].is(BLOCK - 1), "blocks");
	}
	t = now();
	V v[IN_TURN];
	for (size_t i = 0; i < n / IN_TURN; i++)
		for (V &one : v)
			one.push(i);
	note("push, 4 in turn", sizeof(T), V::name, (now() - t) / double(n));
	for (V &one : v)
		check(one, n / IN_TURN);
}

/* Use: filled again after clear, read, written. */
template <class V, class T>
static void
use(size_t n)
{
	V v;
	uint64_t sum = 0, state = 88172645463325252u;
	double t;

	push_all(v, n);
	v.clear();
	t = now();
	push_all(v, n);
	note("refill by push", sizeof(T), V::name, (now() - t) / double(n));
	check(v, n);
	v.clear();
	t = now();
	v.fill(n);
	note("refill by the batch", sizeof(T), V::name, (now() - t) / double(n));
	check(v, n);
	t = now();
	store_all(v.data(), n);
	note("store", sizeof(T), V::name, (now() - t) / double(n));
	t = now();
	for (size_t i = 0; i < n; i++)
		sum += v.data()[i].value();
	note("sum", sizeof(T), V::name, (now() - t) / double(n));
	t = now();
	for (size_t i = 0; i < n / 8; i++) {
		state = state * 6364136223846793005u + 1442695040888963407u;
		size_t k = size_t(state >> 33) % n;
		T x = v.data()[k];
		sum += x.value();
		v.data()[k] = T(k);
	}
	note("random read and write", sizeof(T), V::name, (now() - t) / double(n / 8));
	check(v, n);
	__asm__ volatile("" : : "r"(sum));
}

/* Vectors of 100 000 elements, one after the other. */
template <class V, class T>
static void
in_sequence()
{
	enum { VECTORS = 200, N = 100000 };
	double t = now();

	for (int k = 0; k < VECTORS; k++) {
		V v;
		push_all(v, N);
		must(v.size() == N && v.data()[N - 1].is(N - 1), "in sequence");
	}
	note("200 of 100 000 in sequence", sizeof(T), V::name, (now() - t) / VECTORS / N);
}

static bool
is_even(const Double *x, void *)
{
	return uint64_t(x->a) % 2 == 0;
}

/* The same change of the same elements by std and by us: time each, and compare. */
template <class F, class G>
static void
both(const char *pattern, const std::vector<Double> &from, size_t n, F theirs, G ours)
{
	std::vector<Double> v = from;
	struct doubles w = {};
	double t = now();

	theirs(v);
	note(pattern, sizeof(Double), "std::vector", (now() - t) / double(n));
	must(doubles_push_n(&w, from.data(), from.size()) == 0, "push_n");
	t = now();
	ours(&w);
	note(pattern, sizeof(Double), "paged_vec", (now() - t) / double(n));
	must(doubles_len(&w) == v.size() &&
	     memcmp(doubles_data(&w), v.data(), v.size() * sizeof(Double)) == 0, pattern);
	doubles_free(&w);
}

static void
edit_and_order()
{
	enum { N = 10000000, INSERTS = 20000 };
	auto less = [](const Double &a, const Double &b) { return a.a < b.a; };
	std::vector<Double> random(N), slow(N), none;
	uint64_t state = 88172645463325252u;

	for (size_t i = 0; i < N; i++) {
		state = state * 6364136223846793005u + 1442695040888963407u;
		random[i] = Double(size_t(state >> 33));
		slow[i] = Double((i == 0 ? 0 : size_t(slow[i - 1].a)) + (state >> 63));
	}
	both("sort", random, N, [&](auto &v) { std::sort(v.begin(), v.end(), less); },
	     [](struct doubles *w) { doubles_sort_unstable(w); });
	both("stable sort", random, N, [&](auto &v) { std::stable_sort(v.begin(), v.end(), less); },
	     [](struct doubles *w) { must(doubles_sort(w) == 0, "sort"); });
	both("keep half", random, N, [&](auto &v) {
		v.erase(std::remove_if(v.begin(), v.end(), [](const Double &x) {
			return !is_even(&x, nullptr); }), v.end()); },
	     [](struct doubles *w) { doubles_retain(w, is_even, nullptr); });
	both("drop duplicates", slow, N, [&](auto &v) {
		v.erase(std::unique(v.begin(), v.end(), [](const Double &a, const Double &b) {
			return a.a == b.a; }), v.end()); },
	     [](struct doubles *w) { doubles_dedup(w); });
	both("insert in the middle", none, INSERTS, [](auto &v) {
		for (size_t i = 0; i < INSERTS; i++)
			v.insert(v.begin() + ptrdiff_t(v.size() / 2), Double(i)); },
	     [](struct doubles *w) {
		for (size_t i = 0; i < INSERTS; i++)
			must(doubles_insert(w, doubles_len(w) / 2, Double(i)) == 0, "insert"); });
}

template <class T>
static void
one_round()
{
	size_t n = 80000000 / sizeof(T) / 4000 * 4000;

	growth<Std<T>, T>(n);
	growth<Plain<T>, T>(n);
	growth<Paged<T>, T>(n);
	use<Std<T>, T>(n);
	use<Plain<T>, T>(n);
	use<Paged<T>, T>(n);
}

int
main(int argc, char **argv)
{
	int rounds = argc > 1 ? atoi(argv[1]) : 3;

	for (int i = 0; i < rounds; i++) {
		one_round<Byte>();
		one_round<Double>();
		one_round<Words<3>>();
		one_round<Words<4>>();
		in_sequence<Std<Double>, Double>();
		in_sequence<Plain<Double>, Double>();
		in_sequence<Paged<Double>, Double>();
		edit_and_order();
	}
	for (const std::string &key : order)
		printf("%s\t%.3f\n", key.c_str(), best[key]);
	return 0;
}
