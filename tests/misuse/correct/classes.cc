/* SPDX-License-Identifier: MIT */
/*
 * classes.cc - handles in C++: owners, moves, lambdas, templates, exceptions
 */
#define PAGES_ENABLE_EXEC
#include <pages/pages.h>

#include <stdexcept>
#include <utility>
#include <vector>

int chance();
int classes();

namespace {

class buffer {
	pages_rw w_;
public:
	explicit buffer(std::size_t len)
	{
		if (pages_open(&w_, len) != 0)
			throw std::bad_alloc();
	}
	buffer(buffer &&other) noexcept : w_(std::exchange(other.w_, pages_rw{})) {}
	buffer &operator=(buffer &&other) noexcept
	{
		std::swap(w_, other.w_);
		return *this;
	}
	buffer(const buffer &) = delete;
	buffer &operator=(const buffer &) = delete;
	~buffer() { pages_close(&w_); }
	int &operator[](std::size_t i) { return PAGES_AT(int, &w_, i); }
	const int &operator[](std::size_t i) const { return PAGES_AT(int, &w_, i); }
	bool empty() const { return pages_len(&w_) == 0; }
	void settle(pages_ro *r)
	{
		if (pages_to_ro(&w_, r) != 0)
			throw std::runtime_error("read-only");
	}
};

struct region : pages_rw {
	~region() { pages_close(this); }
	void *start() { return pages_write(this); }
};

template <class T> T
sum(const buffer &b, std::size_t n)
{
	T total{};
	for (std::size_t i = 0; i < n; i++)
		total += b[i];
	return total;
}

template <class Handle> std::size_t
whole(const Handle &h)
{
	return pages_len(&h);
}

int
moved()
{
	buffer a(4096);
	a[0] = 1;
	buffer b(std::move(a));
	b[1] = b[0];
	a = std::move(b);
	return a.empty() ? 0 : a[1];
}

int
collected()
{
	std::vector<buffer> all;
	for (int i = 0; i < 3; i++)
		all.emplace_back(4096u);
	all.erase(all.begin());
	return all[0][0] + sum<int>(all[1], 8);
}

int
captured()
{
	pages_rw w;
	pages_ro r;
	auto open = [&](std::size_t len) { return pages_open(&w, len); };
	auto settle = [&] { return pages_to_ro(&w, &r); };
	if (open(4096) != 0)
		return -1;
	PAGES_AT(int, &w, 0) = 1;
	if (settle() != 0) {
		pages_close(&w);
		return -1;
	}
	int first = PAGES_AT(int, &r, 0);
	pages_close(&r);
	return first + static_cast<int>(whole(r));
}

int
thrown(pages_ro *r)
{
	try {
		buffer b(1u << 20);
		b[0] = chance();
		b.settle(r);
		return PAGES_AT(int, r, 0);
	} catch (const std::exception &) {
		pages_close(r);
		return -1;
	}
}

int
derived()
{
	region g;
	if (pages_open(&g, 4096) != 0)
		return -1;
	*static_cast<int *>(g.start()) = 1;
	return PAGES_AT(int, &g, 0);
}

int
called(pages_rx *x)
{
	auto f = PAGES_FN(x, 0, int(int, int));
	auto g = PAGES_FN(x, 64, std::pair<int, int>(int));
	return f(1, 2) + g(3).first + PAGES_FN(x, 0, int(int) noexcept)(1);
}

} // namespace

int
classes()
{
	pages_ro r;
	pages_rx x;
	pages_options o{};
	pages_rw w;
	o.len = 8192;
	int n = moved() + collected() + captured() + thrown(&r) + derived();
	if (pages_open_with(&w, &o) == 0 && pages_to_rx(&w, &x) == 0)
		n += called(&x);
	pages_close(&x);
	return n;
}
