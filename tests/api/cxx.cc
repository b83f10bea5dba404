/* SPDX-License-Identifier: MIT */
/*
 * cxx.cc - <pages/pages.hpp>, compiled and run by cxx.sh with every compiler and dialect
 */
#define PAGES_ENABLE_EXEC
#include <pages/pages.hpp>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <new>
#include <numeric>
#include <sys/wait.h>
#include <unistd.h>
#include <vector>

namespace {

#define CHECK(x) ((x) ? (void)0 : failed(#x, __LINE__))
void
failed(const char *what, int line)
{
	std::fprintf(stderr, "cxx.cc:%d: %s\n", line, what);
	std::exit(1);
}

/* An address is readable if the kernel can read it. */
bool
mapped(const void *p)
{
	pages_mapping m;

	return pages_query_address(p, &m) == 0;
}

void
regions_consume()
{
	pages::error_code ec;
	pages::rw w(3 << 12, ec);

	CHECK(!ec && w && w.size() >= 3 << 12);
	w.at<long>(7) = 42;
	const void *start = w.data();

	pages::ro r = std::move(w).to_ro(ec);
	CHECK(!ec && w.empty() && r.at<long>(7) == 42 && r.data() == start);
	CHECK(r.verify() == 0);
	pages::ro s(std::move(r));
	CHECK(r.empty() && s.at<long>(7) == 42);
	w = std::move(s).to_rw(ec);
	CHECK(!ec && s.empty());
	w.resize(1 << 20, ec);
	CHECK(!ec && w.size() == 1 << 20 && w.at<long>(7) == 42);
	w.advise(PAGES_HINT_COLLAPSE, ec);	/* any answer */
	w.decommit(0, w.size(), ec);
	CHECK(!ec && w.at<long>(7) == 0);
	w.at<long>(7) = 43;

	pages::frozen f = std::move(w).freeze(ec);
	CHECK(!ec && w.empty());
	pages::rw c = f.clone(ec);
	CHECK(!ec);
	c.at<long>(7) = 44;
	CHECK(f.at<long>(7) == 43 && c.at<long>(7) == 44);
}

void
regions_close_once()
{
	pages::error_code ec;
	const void *start;
	{
		pages::rw w(1 << 12, ec), other(1 << 12, ec);
		CHECK(!ec);
		w.at<char>(0) = 1;
		start = other.data();
		other = std::move(w);		/* closes what other had */
		CHECK(!mapped(start));
		start = other.data();
		CHECK(other.at<char>(0) == 1);
		pages_rw h = other.release();
		CHECK(other.empty() && mapped(start));
		other = pages::rw(std::move(h));
		CHECK(pages_len(&h) == 0 && other.data() == start);
	}
	CHECK(!mapped(start));
}

/* Access to empty owners aborts.  Not inlined, because a compiler that sees it refuses it. */
__attribute__((noinline)) int
first_byte(pages::rw *w)
{
	return w->at<char>(0);
}

template <class F> bool
aborts(F f)
{
	pid_t child = fork();
	int status = 0;

	if (child == 0) {
		close(2);
		f();
		_exit(0);
	}
	return child > 0 && waitpid(child, &status, 0) == child && WIFSIGNALED(status) &&
		WTERMSIG(status) == SIGABRT;
}

void
mistakes_abort()
{
	pages::error_code ec;
	pages::rw w(1 << 12, ec);
	pages::vec<char> v;
	pages::function<int()> f;

	CHECK(!ec && first_byte(&w) == 0);
	pages::ro r = std::move(w).to_ro(ec);
	CHECK(!ec);
	CHECK(aborts([&] { first_byte(&w); }));
	CHECK(aborts([&] { std::printf("%d", r.at<char>(r.size())); }));
	CHECK(aborts([&] { std::printf("%d", v[0]); }));
	CHECK(aborts([&] { v.pop_back(); }));
	CHECK(aborts([&] { v.front() = 1; }));
	CHECK(aborts([&] { f(); }));
	CHECK(aborts([&] { pages::function<int()>(std::shared_ptr<const pages::jit>(), 0); }));
}

void
regions_fail_by_code()
{
	pages::error_code ec;
	volatile std::size_t none = 0;
	pages::rw w(none, ec);

	CHECK(ec == std::errc::invalid_argument && w.empty());
	w = pages::rw(1 << 12, ec);
	CHECK(!ec);
	w.resize(none, ec);
	CHECK(ec == std::errc::invalid_argument && !w.empty());
}

void
vectors_behave()
{
	pages::error_code ec;
	pages::vec<int> v;

	for (int i = 0; i < 100000; i++) {
		v.push_back(i, ec);
		CHECK(!ec);
	}
	long sum = 0;
	for (int x : v)
		sum += x;
	CHECK(sum == 4999950000 && v.size() == 100000 && v.front() == 0 && v.back() == 99999);
	const pages::vec<int> &c = v;
	CHECK(std::accumulate(c.begin(), c.end(), 0L) == sum && c[5] == 5 && c.data() == v.data());
	CHECK(*v.rbegin() == 99999);

	pages::vec<int> w = v.clone(ec);
	CHECK(!ec && w == v && w.data() != v.data());
	w[3] = 7;
	CHECK(w != v);
	v = std::move(w);
	CHECK(w.empty() && w.data() == nullptr && v[3] == 7);
	std::sort(v.begin(), v.end(), [](int a, int b) { return a > b; });
	CHECK(v[0] == 99999);
	CHECK(*v.erase(v.begin()) == 99998);
	v.erase(v.begin() + 1, v.end());
	CHECK(v.size() == 1 && v[0] == 99998);
	v.push_back(v[0], ec);
	v.insert(v.begin(), 1, ec);
	CHECK(!ec && v.size() == 3 && v[0] == 1 && v[2] == 99998);
	v.resize(1000, ec);
	CHECK(!ec && v[999] == 0);
	v.resize(1001, 5, ec);
	CHECK(!ec && v[1000] == 5);
	v.pop_back();
	v.clear();
	CHECK(v.empty());
	v.reserve(pages::vec<int>::max_size(), ec);
	CHECK(ec && v.empty());

	/* A value-initialised T need not be zero bytes. */
	struct counted { int one = 1, two = 2; };
	pages::vec<counted> k;
	k.resize(50000, ec);
	CHECK(!ec && k[49999].one == 1 && k[49999].two == 2);

	/* Read-only pages with the elements. */
	std::size_t n = 0;
	pages::ro r = k.freeze(n, ec);
	CHECK(!ec && k.empty() && n == 50000 && r.at<counted>(49999).two == 2);
}

#ifdef __cpp_lib_span
long
sum_of(std::span<const long> numbers)
{
	return std::accumulate(numbers.begin(), numbers.end(), 0L);
}

void
spans()
{
	pages::error_code ec;
	pages::vec<long> v;
	pages::rw w(1 << 12, ec);

	v.resize(3, 14, ec);
	CHECK(!ec && sum_of(v) == 42);
	w.as<long>()[1] = 5;
	const pages::rw &c = w;
	CHECK(sum_of(c.as<long>()) == 5 && sum_of(w.as<long>()) == 5);
}
#endif

void
containers()
{
	pages::memory_resource large;
	std::pmr::vector<double> a(1 << 20, 1.5, &large);
	std::vector<double, pages::allocator<double>> b(1 << 20, 2.5);
	std::vector<char, pages::allocator<char>> s(10);
	struct alignas(256) wide { char x; };
	std::vector<wide, pages::allocator<wide>> w(3);

	CHECK(a[99999] + b[99999] == 4.0);
	CHECK(pages_owns(a.data()) == pages_owns(b.data()));
	CHECK(!pages_owns(s.data()));
	CHECK(reinterpret_cast<std::uintptr_t>(w.data()) % 256 == 0);
	CHECK(large.is_equal(large));
	b.resize(1 << 21);
	auto moved = std::move(b);
	CHECK(moved.size() == 1 << 21);
}

void
functions()
{
#if defined(__x86_64__) || defined(__aarch64__)
#if defined(__x86_64__)
	const unsigned char add[] = { 0x48, 0x8d, 0x04, 0x37, 0xc3 };	/* lea (%rdi,%rsi), %rax; ret */
#else
	const unsigned char add[] = { 0x00, 0x00, 0x01, 0x8b, 0xc0, 0x03, 0x5f, 0xd6 };
#endif
	pages::error_code ec;
	pages::function<long(long, long)> f;
	CHECK(!f);
	auto code = std::make_shared<pages::jit>(std::size_t{1} << 16, ec);
	if (ec == std::errc::permission_denied)
		return;			/* a security policy */
	CHECK(!ec);
	code->write(64, add, sizeof(add), ec);
	CHECK(!ec);
	const void *start = code->handle()->run_;
	f = pages::function<long(long, long)>(code, 64);
	code.reset();
	CHECK(f && f(43, 34) == 77 && mapped(start));
	{
		pages::function<long(long, long)> g = f, h = std::move(f);
		CHECK(!f && g(1, 2) == 3 && h(3, 4) == 7);
		g = h;
	}
	CHECK(!mapped(start));

	pages::jit near(1, std::qsort, PAGES_CALL_REACH, ec);
	CHECK(!ec);
	const char *end = near.handle()->run_ + near.size();
	intptr_t distance = reinterpret_cast<intptr_t>(&std::qsort) - reinterpret_cast<intptr_t>(end);
	CHECK(distance < intptr_t{PAGES_CALL_REACH} && -distance <= intptr_t{PAGES_CALL_REACH});
	pages::jit nowhere(1, &ec, 0, ec);
	CHECK(ec == std::errc::address_not_available && nowhere.size() == 0);

	pages::rw w(1 << 12, ec);
	CHECK(!ec);
	std::memcpy(w.data(), add, sizeof(add));
	pages::rx x = std::move(w).to_rx(ec);
	CHECK(ec || (pages::function<long(long, long)>(std::move(x), 0)(2, 3) == 5 && x.empty()));
#endif
}

#ifdef __cpp_exceptions
template <class F> int
thrown(F f)
{
	try {
		f();
	} catch (const std::system_error &e) {
		return e.code().value();
	} catch (const std::bad_alloc &) {
		return ENOMEM;
	}
	return 0;
}

void
exceptions()
{
	volatile std::size_t none = 0, all = SIZE_MAX / 4;
	pages::rw w(1 << 12);
	pages::vec<char> v;

	w.at<char>(1) = 1;
	CHECK(thrown([&] { pages::rw nothing(none); }) == EINVAL);
	CHECK(thrown([&] { pages::rw nothing(all); }) == ENOMEM);
	CHECK(thrown([&] { w.resize(none); }) == EINVAL);
	CHECK(w.at<char>(1) == 1);
	CHECK(thrown([&] { v.load(-1); }) == EBADF);
	CHECK(thrown([&] { v.reserve(all); }) != 0);
	CHECK(thrown([&] {
		pages::allocator<double> a;
		double *p = a.allocate(all);
		a.deallocate(p, all);
	}) == ENOMEM);
	v.push_back('x');
	CHECK(v.emplace_back('y') == 'y' && v.size() == 2);
	CHECK(v.clone() == v);
	pages::ro r = std::move(w).to_ro();
	CHECK(r.at<char>(1) == 1);
	pages_options options = {};
	options.len = 1 << 12;
	options.guards = true;
	CHECK(pages::rw(options).verify() == 0);
}
#endif

void
files()
{
	pages::error_code ec;
	pages::vec<int> v, w;
	char name[] = "/tmp/pages-cxx-XXXXXX";
	int fd = mkstemp(name);

	CHECK(fd >= 0 && unlink(name) == 0);
	v.resize(70000, 3, ec);
	v.save(fd, ec);
	CHECK(!ec && lseek(fd, 0, SEEK_SET) == 0);
	w.load(fd, ec);
	CHECK(!ec && v == w);
	close(fd);
}

} // namespace

/* The names of the C headers are not in each other's way. */
static_assert(sizeof(pages_stats) > 0, "a struct can be named without the keyword");

int
main()
{
	regions_consume();
	regions_close_once();
	mistakes_abort();
	regions_fail_by_code();
	vectors_behave();
#ifdef __cpp_lib_span
	spans();
#endif
	containers();
	functions();
	files();
#ifdef __cpp_exceptions
	exceptions();
#endif
	return 0;
}
