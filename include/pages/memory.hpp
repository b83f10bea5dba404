/* SPDX-License-Identifier: MIT */
/*
 * memory.hpp - the large-object allocator for containers; included by pages.hpp
 *
 *	std::vector<double, pages::allocator<double>> v;
 *
 *	pages::memory_resource large;
 *	std::pmr::vector<double> w(&large);
 *
 * Blocks of PAGES_THRESHOLD bytes and more come from <pages/malloc.h>, smaller ones from
 * malloc(3).  Containers copy their elements when they grow all the same; pages::vec does not.
 * Without memory they throw std::bad_alloc; under -fno-exceptions they abort.
 */
#ifndef PAGES_MEMORY_HPP
#define PAGES_MEMORY_HPP

#ifndef PAGES_PAGES_HPP
#error include <pages/pages.hpp>
#endif

namespace pages {
namespace detail {

inline void *
allocate(std::size_t bytes, std::size_t align)
{
	void *p = align <= alignof(std::max_align_t) ? pages_malloc(bytes)
						     : pages_aligned_alloc(align, bytes);

	if (__builtin_expect(p == nullptr, 0))
		out_of_memory();
	return p;
}

} // namespace detail

template <class T> class allocator {
public:
	using value_type = T;
	using is_always_equal = std::true_type;
	using propagate_on_container_move_assignment = std::true_type;

	allocator() noexcept = default;
	template <class U> allocator(const allocator<U> &) noexcept {}

	[[nodiscard]] T *allocate(std::size_t n)
	{
		std::size_t bytes;

		if (__builtin_mul_overflow(n, sizeof(T), &bytes))
			detail::out_of_memory();
		return static_cast<T *>(detail::allocate(bytes, alignof(T)));
	}
	void deallocate(T *p, std::size_t) noexcept { pages_free(p); }

	template <class U> bool operator==(const allocator<U> &) const noexcept { return true; }
	template <class U> bool operator!=(const allocator<U> &) const noexcept { return false; }
};

/*
 * A std::pmr::memory_resource.  It has no state and must outlive the containers that use it.
 * Two objects are not equal, because that could not be seen without RTTI: containers that
 * shall exchange their memory need the same one.
 */
class memory_resource final : public std::pmr::memory_resource {
	void *do_allocate(std::size_t bytes, std::size_t align) override
		{ return detail::allocate(bytes, align); }
	void do_deallocate(void *p, std::size_t, std::size_t) override { pages_free(p); }
	bool do_is_equal(const std::pmr::memory_resource &other) const noexcept override
		{ return this == &other; }
};

} // namespace pages

#endif /* PAGES_MEMORY_HPP */
