/* SPDX-License-Identifier: MIT */
/*
 * vec.hpp - a vector for data that is too big to copy; included by pages.hpp
 *
 *	pages::vec<double> v;
 *
 *	v.push_back(1.5);
 *	for (double &x : v)
 *		x *= 2;
 *
 * The vector of paged_vec.h with the names of std::vector: growing moves page tables, not
 * elements.  T must be trivially copyable.  Iterators are pointers, so std::sort and its kin work
 * on them at full speed; they stay valid until the capacity changes, in stable mode (a reserve)
 * until the element is removed.
 *
 * It can be moved, and is empty then; clone() makes copies.  A call that fails leaves the
 * vector as it was.  operator[] and at() print one line and abort if there is no such element,
 * as do front(), back() and pop_back().  Converts to std::span, which sees the elements only
 * as long as they do not move.
 */
#ifndef PAGES_VEC_HPP
#define PAGES_VEC_HPP

#ifndef PAGES_PAGES_HPP
#error include <pages/pages.hpp>
#endif

namespace pages {

template <class T> class vec {
	static_assert(std::is_trivially_copyable_v<T>,
		      "pages: elements of pages::vec are moved by their bytes: T must be trivially copyable");
	static_assert(alignof(T) <= 4096, "pages: elements are aligned to a page at most");

	static constexpr paged_vec_type_ type = { sizeof(T), alignof(T), nullptr, nullptr };
	paged_vec_ v_;

	T *slot(std::size_t i) const noexcept
		{ return static_cast<T *>(paged_vec_slot_(&v_, i, sizeof(T), "pages::vec")); }
	std::size_t index(const T *at) const noexcept
		{ return static_cast<std::size_t>(at - cbegin()); }
	bool full() const noexcept { return v_.end_ == v_.lim_; }
	void append_one(const T &x) noexcept
	{
		paged_vec_fetch_ahead_(&v_, v_.end_);
		*static_cast<T *>(v_.end_) = x;
		v_.end_ = static_cast<T *>(v_.end_) + 1;
	}
	int push(T x) noexcept		/* by value: x may be an element, and elements move */
	{
		int err = full() ? paged_vec_reserve_(&v_, &type, 1) : 0;

		if (err == 0)
			append_one(x);
		return err;
	}
	/* All bytes zero?  Then the kernel's zeroes will do, which take no memory. */
	static bool is_zero(const T &x) noexcept
	{
		const unsigned char *bytes = reinterpret_cast<const unsigned char *>(&x);

		for (std::size_t i = 0; i < sizeof(T); i++)
			if (bytes[i] != 0)
				return false;
		return true;
	}
	/* Move the elements from i on to make room for n, which hold anything then. */
	int open_gap(std::size_t i, std::size_t n) noexcept
	{
		int err = i > size() ? -ERANGE : 0;

		if (err == 0 && n > paged_vec_spare_(&v_) / sizeof(T))
			err = paged_vec_reserve_(&v_, &type, n);
		if (err == 0 && n != 0) {
			void *at = begin() + i, *to = begin() + i + n;

			std::memmove(to, at, (size() - i) * sizeof(T));
			v_.end_ = end() + n;
		}
		return err;
	}
	int put(std::size_t i, std::size_t n, T x) noexcept
	{
		int err = open_gap(i, n);

		if (err == 0)
			std::fill_n(begin() + i, n, x);
		return err;
	}
	/* Removes what was appended if it is left before it is told to stay. */
	struct appended {
		vec &v;
		std::size_t before;
		bool stays = false;

		~appended() { if (!stays) v.truncate(before); }
	};
	/* The elements of a range may be the vector's own if pointers give it; in C++20, spans, too. */
	template <class It> int put_range(std::size_t i, It first, It last)
	{
		if constexpr (std::is_same_v<It, T *> || std::is_same_v<It, const T *>) {
			return paged_vec_insert_n_(&v_, &type, i, first,
						   static_cast<std::size_t>(last - first));
#if __cplusplus >= 202002L
		} else if constexpr (std::contiguous_iterator<It> &&
				     std::is_same_v<std::iter_value_t<It>, T>) {
			const T *from = std::to_address(first);

			return put_range(i, from, from + (last - first));
#endif
		} else {
			appended tail{*this, size()};

			if (i > size())
				return -ERANGE;
			for (; first != last; ++first) {
				int err = push(*first);

				if (err != 0)
					return err;
			}
			std::rotate(begin() + i, begin() + tail.before, end());
			tail.stays = true;
			return 0;
		}
	}
	T *at_or_end(int err, std::size_t i) noexcept
		{ return err == 0 ? begin() + i : end(); }
	int set_size(std::size_t n, const T &x) noexcept
	{
		return is_zero(x) ? paged_vec_resize_zeroed_(&v_, &type, n)
				  : paged_vec_resize_(&v_, &type, n, &x);
	}
	template <class It> using category = typename std::iterator_traits<It>::iterator_category;

public:
	using value_type = T;
	using size_type = std::size_t;
	using difference_type = std::ptrdiff_t;
	using reference = T &;
	using const_reference = const T &;
	using pointer = T *;
	using const_pointer = const T *;
	using iterator = T *;
	using const_iterator = const T *;
	using reverse_iterator = std::reverse_iterator<T *>;
	using const_reverse_iterator = std::reverse_iterator<const T *>;

	vec() noexcept = default;
	vec(vec &&other) noexcept : v_(other.v_) { paged_vec_forget_(&other.v_); }
	vec &operator=(vec &&other) noexcept
	{
		if (this != &other) {
			paged_vec_free_(&v_, &type);
			v_ = other.v_;
			paged_vec_forget_(&other.v_);
		}
		return *this;
	}
	vec(const vec &) = delete;		/* say clone() */
	vec &operator=(const vec &) = delete;
	~vec() { paged_vec_free_(&v_, &type); }
	void swap(vec &other) noexcept { std::swap(v_, other.v_); }
	friend void swap(vec &a, vec &b) noexcept { a.swap(b); }

	/* Size, in elements. */
	size_type size() const noexcept { return paged_vec_bytes_(&v_) / sizeof(T); }
	bool empty() const noexcept { return v_.end_ == v_.beg_; }
	size_type capacity() const noexcept
		{ return (paged_vec_bytes_(&v_) + paged_vec_spare_(&v_)) / sizeof(T); }
	static constexpr size_type max_size() noexcept { return PTRDIFF_MAX / sizeof(T); }

	/* Access. */
	T *data() noexcept { return static_cast<T *>(v_.beg_); }
	const T *data() const noexcept { return static_cast<const T *>(v_.beg_); }
	iterator begin() noexcept { return data(); }
	iterator end() noexcept { return static_cast<T *>(v_.end_); }
	const_iterator begin() const noexcept { return data(); }
	const_iterator end() const noexcept { return static_cast<const T *>(v_.end_); }
	const_iterator cbegin() const noexcept { return begin(); }
	const_iterator cend() const noexcept { return end(); }
	reverse_iterator rbegin() noexcept { return reverse_iterator(end()); }
	reverse_iterator rend() noexcept { return reverse_iterator(begin()); }
	const_reverse_iterator rbegin() const noexcept { return const_reverse_iterator(end()); }
	const_reverse_iterator rend() const noexcept { return const_reverse_iterator(begin()); }
	const_reverse_iterator crbegin() const noexcept { return rbegin(); }
	const_reverse_iterator crend() const noexcept { return rend(); }
	T &operator[](size_type i) noexcept { return *slot(i); }
	const T &operator[](size_type i) const noexcept { return *slot(i); }
	T &at(size_type i) noexcept { return *slot(i); }
	const T &at(size_type i) const noexcept { return *slot(i); }
	T &front() noexcept { return *slot(0); }
	const T &front() const noexcept { return *slot(0); }
	T &back() noexcept { return *slot(size() - 1); }
	const T &back() const noexcept { return *slot(size() - 1); }

	/* Calls that cannot fail. */
	void clear() noexcept { paged_vec_truncate_(&v_, &type, 0); }
	void truncate(size_type n) noexcept { paged_vec_truncate_(&v_, &type, n); }
	void pop_back() noexcept { slot(size() - 1); truncate(size() - 1); }
	/* Remove [first, last); like std::vector, it returns where the next element is now. */
	iterator erase(const_iterator first, const_iterator last) noexcept
	{
		size_type i = index(first), beyond = index(last);

		if (__builtin_expect(i > beyond || beyond > size(), 0))
			pages_die_range_("pages::vec::erase", beyond, size());
		if (i == beyond)
			return begin() + i;
		void *to = begin() + i;
		std::memmove(to, last, (size() - beyond) * sizeof(T));
		truncate(size() - (beyond - i));
		return begin() + i;
	}
	iterator erase(const_iterator at) noexcept { return erase(at, at + 1); }

	/* Calls that can fail.  See paged_vec.h for open, save, load, and clear_decommit. */
	void reserve(size_type n, error_code &ec) noexcept
		{ detail::report(paged_vec_reserve_(&v_, &type, n > size() ? n - size() : 0), ec); }
	void shrink_to_fit(error_code &ec) noexcept
		{ detail::report(paged_vec_shrink_(&v_, &type, 0), ec); }
	void push_back(T x, error_code &ec) noexcept
		{ detail::report(push(x), ec); }
	void append(const T *from, size_type n, error_code &ec) noexcept
		{ detail::report(paged_vec_insert_n_(&v_, &type, size(), from, n), ec); }
	/* Insert before at, and return where: one, n times x, or a range.  On failure: end() */
	iterator insert(const_iterator at, T x, error_code &ec) noexcept
		{ return insert(at, 1, x, ec); }
	iterator insert(const_iterator at, size_type n, T x, error_code &ec) noexcept
	{
		size_type i = index(at);

		detail::report(put(i, n, x), ec);
		return at_or_end(ec.value(), i);
	}
	template <class It, class = category<It>>
	iterator insert(const_iterator at, It first, It last, error_code &ec)
	{
		size_type i = index(at);

		detail::report(put_range(i, first, last), ec);
		return at_or_end(ec.value(), i);
	}
	void resize(size_type n, error_code &ec) noexcept
		{ detail::report(set_size(n, T()), ec); }
	void resize(size_type n, T x, error_code &ec) noexcept
		{ detail::report(set_size(n, x), ec); }
	void open(const paged_vec_options &options, error_code &ec) noexcept
		{ detail::report(paged_vec_open_(&v_, &type, &options), ec); }
	void prefault(size_type n, error_code &ec) noexcept
		{ detail::report(paged_vec_prefault_(&v_, &type, n), ec); }
	void clear_decommit(error_code &ec) noexcept
		{ detail::report(paged_vec_clear_decommit_(&v_, &type), ec); }
	void advise(pages_hint hint, error_code &ec) noexcept
		{ detail::report(paged_vec_advise_(&v_, hint), ec); }
	void save(int fd, error_code &ec) const noexcept
		{ detail::report(paged_vec_save_(&v_, fd), ec); }
	void load(int fd, error_code &ec) noexcept
		{ detail::report(paged_vec_load_(&v_, &type, fd), ec); }
	[[nodiscard]] vec clone(error_code &ec) const noexcept
	{
		vec to;

		detail::report(paged_vec_clone_(&v_, &type, &to.v_), ec);
		return to;
	}
	/* Read-only pages with the elements, which the vector no longer has; n is their number. */
	[[nodiscard]] ro freeze(size_type &n, error_code &ec) noexcept
	{
		ro to;

		detail::report(paged_vec_freeze_(&v_, &type, to.handle(), &n), ec);
		return to;
	}
#ifdef __cpp_exceptions
	void reserve(size_type n)
		{ detail::check(paged_vec_reserve_(&v_, &type, n > size() ? n - size() : 0), "pages::vec::reserve"); }
	void shrink_to_fit()
		{ detail::check(paged_vec_shrink_(&v_, &type, 0), "pages::vec::shrink_to_fit"); }
	void push_back(T x)
		{ detail::check(push(x), "pages::vec::push_back"); }
	void append(const T *from, size_type n)
		{ detail::check(paged_vec_insert_n_(&v_, &type, size(), from, n), "pages::vec::append"); }
	iterator insert(const_iterator at, T x) { return insert(at, 1, x); }
	iterator insert(const_iterator at, size_type n, T x)
	{
		size_type i = index(at);

		detail::check(put(i, n, x), "pages::vec::insert");
		return begin() + i;
	}
	template <class It, class = category<It>>
	iterator insert(const_iterator at, It first, It last)
	{
		size_type i = index(at);

		detail::check(put_range(i, first, last), "pages::vec::insert");
		return begin() + i;
	}
	iterator insert(const_iterator at, std::initializer_list<T> all)
		{ return insert(at, all.begin(), all.end()); }
	template <class... Arguments> iterator emplace(const_iterator at, Arguments &&...arguments)
		{ return insert(at, 1, T(std::forward<Arguments>(arguments)...)); }
	void assign(size_type n, T x)
	{
		size_type before = size();

		insert(end(), n, x);
		erase(begin(), begin() + before);
	}
	template <class It, class = category<It>> void assign(It first, It last)
	{
		size_type before = size();

		insert(end(), first, last);
		erase(begin(), begin() + before);
	}
	void assign(std::initializer_list<T> all) { assign(all.begin(), all.end()); }
	explicit vec(size_type n) { resize(n); }
	vec(size_type n, T x) { resize(n, x); }
	template <class It, class = category<It>> vec(It first, It last) : vec()
		{ assign(first, last); }
	vec(std::initializer_list<T> all) : vec(all.begin(), all.end()) {}
	void resize(size_type n)
		{ detail::check(set_size(n, T()), "pages::vec::resize"); }
	void resize(size_type n, T x)
		{ detail::check(set_size(n, x), "pages::vec::resize"); }
	void open(const paged_vec_options &options)
		{ detail::check(paged_vec_open_(&v_, &type, &options), "pages::vec::open"); }
	void prefault(size_type n)
		{ detail::check(paged_vec_prefault_(&v_, &type, n), "pages::vec::prefault"); }
	void clear_decommit()
		{ detail::check(paged_vec_clear_decommit_(&v_, &type), "pages::vec::clear_decommit"); }
	void advise(pages_hint hint)
		{ detail::check(paged_vec_advise_(&v_, hint), "pages::vec::advise"); }
	void save(int fd) const
		{ detail::check(paged_vec_save_(&v_, fd), "pages::vec::save"); }
	void load(int fd)
		{ detail::check(paged_vec_load_(&v_, &type, fd), "pages::vec::load"); }
	template <class... Arguments> T &emplace_back(Arguments &&...arguments)
	{
		push_back(T(std::forward<Arguments>(arguments)...));
		return back();
	}
	[[nodiscard]] vec clone() const
	{
		vec to;

		detail::check(paged_vec_clone_(&v_, &type, &to.v_), "pages::vec::clone");
		return to;
	}
	[[nodiscard]] ro freeze(size_type &n)
	{
		ro to;

		detail::check(paged_vec_freeze_(&v_, &type, to.handle(), &n), "pages::vec::freeze");
		return to;
	}
#endif
};

/* Equal if sizes and elements are. */
template <class T> bool
operator==(const vec<T> &a, const vec<T> &b)
{
	if (a.size() != b.size())
		return false;
	for (std::size_t i = 0; i < a.size(); i++)
		if (!(a.data()[i] == b.data()[i]))
			return false;
	return true;
}
template <class T> bool operator!=(const vec<T> &a, const vec<T> &b) { return !(a == b); }
template <class T> bool
operator<(const vec<T> &a, const vec<T> &b)
{
	return std::lexicographical_compare(a.begin(), a.end(), b.begin(), b.end());
}
template <class T> bool operator>(const vec<T> &a, const vec<T> &b) { return b < a; }
template <class T> bool operator<=(const vec<T> &a, const vec<T> &b) { return !(b < a); }
template <class T> bool operator>=(const vec<T> &a, const vec<T> &b) { return !(a < b); }

/* std::erase_if() and std::erase(): how many were removed */
template <class T, class Test> std::size_t
erase_if(vec<T> &v, Test test)
{
	std::size_t n = v.size();

	v.erase(std::remove_if(v.begin(), v.end(), test), v.end());
	return n - v.size();
}
template <class T> std::size_t
erase(vec<T> &v, const T &x)
{
	return erase_if(v, [value = x](const T &y) { return y == value; });
}

} // namespace pages

#endif /* PAGES_VEC_HPP */
