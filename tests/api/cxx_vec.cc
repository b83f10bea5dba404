/* SPDX-License-Identifier: MIT */
/*
 * cxx_vec.cc - pages::vec as users of std::vector expect it: does the same, step by step
 */
#include <pages/pages.hpp>

#include <cstdio>
#include <forward_list>
#include <numeric>
#include <random>
#include <sstream>
#include <vector>

#define CHECK(what)                                                                \
	do {                                                                       \
		if (!(what)) {                                                     \
			std::fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #what); \
			std::exit(1);                                              \
		}                                                                  \
	} while (0)

namespace {

using vec = pages::vec<unsigned>;
using model = std::vector<unsigned>;

std::minstd_rand dice(4711);	/* the same each time */

unsigned
roll(std::size_t below)
{
	return static_cast<unsigned>(dice() % below);
}

bool
same(const vec &v, const model &m)
{
	return v.size() == m.size() && std::equal(v.begin(), v.end(), m.begin());
}

/* One change to both, by less than most elements. */
void
step(vec &v, model &m, std::size_t most)
{
	const std::forward_list<unsigned> list = { 1, 2, 3, 5, 8 };
	std::size_t i = roll(m.size() + 1), n = roll(most), end = i + roll(m.size() - i + 1);
	auto at = m.begin() + static_cast<std::ptrdiff_t>(i);
	unsigned x = roll(1000);
	unsigned *got = nullptr;
	pages::error_code ec;

	switch (roll(9)) {
	case 0:
		got = v.insert(v.begin() + i, x, ec);
		m.insert(at, x);
		break;
	case 1:			/* an element of its own */
		if (m.empty())
			return;
		x = m.back();
		got = v.insert(v.begin() + i, v.back(), ec);
		m.insert(at, x);
		break;
	case 2:
	case 3:
		got = v.insert(v.begin() + i, n, x, ec);
		m.insert(at, n, x);
		break;
	case 4:
		got = v.insert(v.begin() + i, list.begin(), list.end(), ec);
		m.insert(at, list.begin(), list.end());
		break;
	case 5: {		/* a range of its own */
		const model copy = m;

		got = v.insert(v.begin() + i, v.cbegin(), v.cbegin() + std::min(n, m.size()), ec);
		m.insert(at, copy.begin(), copy.begin() + static_cast<std::ptrdiff_t>(std::min(n, m.size())));
		break;
	}
	case 6:
		got = v.erase(v.begin() + i, v.begin() + end);
		m.erase(at, m.begin() + static_cast<std::ptrdiff_t>(end));
		break;
	case 7:
		v.resize(i, ec);
		m.resize(i);
		v.resize(i + n, ec);
		m.resize(i + n);
		got = v.begin() + i;
		break;
	default:
		CHECK(erase_if(v, [x](unsigned y) { return y == x; }) ==
		      static_cast<std::size_t>(std::count(m.begin(), m.end(), x)));
		m.erase(std::remove(m.begin(), m.end(), x), m.end());
		return;
	}
	CHECK(!ec && got == v.begin() + i);
}

void
does_what_std_vector_does()
{
	std::size_t longest = 0;

	for (int round = 0; round < 10; round++) {
		vec v;
		model m;

		for (int i = 0; i < 300; i++) {
			step(v, m, round % 2 == 0 ? 100 : 12000);
			CHECK(same(v, m));
			longest = std::max(longest, m.size());
		}
	}
	CHECK(longest > 65536 / sizeof(unsigned));	/* in malloc's memory and in pages */
}

struct person {
	unsigned age = 1, number = 2;	/* its constructor does something */

	person() = default;
	person(unsigned a, unsigned n) : age(a), number(n) {}
};

void
can_be_sorted()
{
	pages::vec<person> v;
	pages::error_code ec;
	vec w;

	for (unsigned i = 0; i < 100000; i++) {
		v.insert(v.end(), { roll(50), i }, ec);
		w.push_back(roll(1000000), ec);
		CHECK(!ec);
	}
	std::stable_sort(v.begin(), v.end(), [](const person &a, const person &b) { return a.age < b.age; });
	for (std::size_t i = 1; i < v.size(); i++)
		CHECK(v[i - 1].age < v[i].age || (v[i - 1].age == v[i].age && v[i - 1].number < v[i].number));

	model m(w.begin(), w.end());
	std::nth_element(w.begin(), w.begin() + 500, w.end());
	std::sort(w.begin(), w.end());
	std::sort(m.begin(), m.end());
	CHECK(same(w, m) && std::is_sorted(w.cbegin(), w.cend()));
	CHECK(std::binary_search(w.begin(), w.end(), m[777]));
	w.erase(std::unique(w.begin(), w.end()), w.end());
	m.erase(std::unique(m.begin(), m.end()), m.end());
	CHECK(same(w, m));
	std::sort(w.rbegin(), w.rend());
	CHECK(std::equal(w.crbegin(), w.crend(), m.begin(), m.end()));
	CHECK(std::accumulate(w.begin(), w.end(), 0ull) == std::accumulate(m.begin(), m.end(), 0ull));
}

void
says_what_cannot_be()
{
	vec v;
	pages::error_code ec;

	v.push_back(1, ec);
	CHECK(v.insert(v.end() + 1, 2u, ec) == v.end() && ec == std::errc::result_out_of_range);
	CHECK(v.insert(v.end(), vec::max_size(), 2u, ec) == v.end() && ec);
	CHECK(v.insert(v.begin(), std::size_t{0}, 2u, ec) == v.begin() && !ec);
	CHECK(v.erase(v.end(), v.end()) == v.end());
	CHECK(v.size() == 1 && v[0] == 1);
	vec empty;
	CHECK(empty.insert(empty.end(), std::size_t{0}, 2u, ec) == empty.end() && !ec);
	CHECK(empty.erase(empty.begin(), empty.end()) == empty.end());
}

#ifdef __cpp_exceptions
/* A range that may be the vector's own: pages move while it grows. */
template <class Range> void
takes_its_own(Range range)
{
	for (std::size_t n = 1; n < 4000; n = n * 3 + 1) {
		vec v;
		model m(n);

		std::iota(m.begin(), m.end(), 5u);
		v.insert(v.end(), m.begin(), m.end());
		for (int i = 0; i < 3; i++) {
			auto half = static_cast<std::ptrdiff_t>(m.size() / 2);
			model twice = m;

			twice.insert(twice.begin() + half, m.begin(), m.end());
			auto own = range(v);
			v.insert(v.begin() + half, own.begin(), own.end());
			m = twice;
			CHECK(same(v, m));
		}
		auto own = range(v);
		v.assign(own.begin() + 1, own.end());
		m.erase(m.begin());
		CHECK(same(v, m));
	}
}

struct pointers {
	const unsigned *first, *last;

	pointers(const vec &v) : first(v.begin()), last(v.end()) {}
	const unsigned *begin() const { return first; }
	const unsigned *end() const { return last; }
};

/* Reads numbers, and throws at a word. */
struct thrower : std::istream_iterator<unsigned> {
	using std::istream_iterator<unsigned>::istream_iterator;
	unsigned operator*() const
	{
		unsigned x = std::istream_iterator<unsigned>::operator*();

		if (x == 13)
			throw 13;
		return x;
	}
};

void
has_the_rest_as_well()
{
	vec v = { 3, 1, 2 }, w(v.begin(), v.end()), zeros(70000), sevens(std::size_t{5}, 7u);
	std::istringstream text("4 5 6"), bad("7 8 13 9");

	CHECK(v == w && !(v < w) && v <= w && zeros < v && v > zeros && v != zeros);
	CHECK(zeros.size() == 70000 && std::count(zeros.begin(), zeros.end(), 0u) == 70000);
	CHECK(same(sevens, model(5, 7)));
	v.insert(v.begin() + 1, std::istream_iterator<unsigned>(text), std::istream_iterator<unsigned>());
	CHECK(same(v, { 3, 4, 5, 6, 1, 2 }));
	try {
		v.insert(v.begin(), thrower(bad), thrower());
		CHECK(false);
	} catch (int) {
		CHECK(same(v, { 3, 4, 5, 6, 1, 2 }));
	}
	CHECK(*v.insert(v.begin(), { 9, 9 }) == 9 && v.size() == 8);
	CHECK(*v.emplace(v.end(), 11) == 11 && v.emplace_back(12) == 12);
	CHECK(erase(v, v[0]) == 2 && v.front() == 3);
	v.assign({ 1, 2 });
	CHECK(same(v, { 1, 2 }));
	v.assign(std::size_t{3}, 4u);
	CHECK(same(v, { 4, 4, 4 }));
	/* What fails changes nothing. */
	try {
		std::istringstream again("7 8 13 9");

		v.assign(thrower(again), thrower());
		CHECK(false);
	} catch (int) {
		CHECK(same(v, { 4, 4, 4 }));
	}
	try {
		v.assign(vec::max_size(), 1u);
		CHECK(false);
	} catch (const std::exception &) {
		CHECK(same(v, { 4, 4, 4 }));
	}
	try {
		vec huge(vec::max_size());
		CHECK(false);
	} catch (const std::exception &) {
	}
	/* Two numbers are a length and a value, and no range. */
	pages::vec<int> two(3, 7);
	CHECK(two.size() == 3 && two[2] == 7);
	two.insert(two.begin(), 2, 1);
	CHECK(two.size() == 5 && two[1] == 1 && two[2] == 7);
}
#endif

} // namespace

int
main()
{
	does_what_std_vector_does();
	can_be_sorted();
	says_what_cannot_be();
#ifdef __cpp_exceptions
	takes_its_own([](vec &v) { return pointers(v); });
#ifdef __cpp_lib_span
	takes_its_own([](vec &v) { return std::span<unsigned>(v); });
#endif
	has_the_rest_as_well();
#endif
	return 0;
}
