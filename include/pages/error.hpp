/* SPDX-License-Identifier: MIT */
/*
 * error.hpp - how pages.hpp reports errors; included by it
 *
 * Every call that can fail exists twice.  With a std::error_code & as its last argument it is
 * noexcept and sets that; 0 is success, and the code compares with std::errc.  Without one it
 * throws std::bad_alloc where memory is short, else std::system_error; this form does not
 * exist under -fno-exceptions.
 */
#ifndef PAGES_ERROR_HPP
#define PAGES_ERROR_HPP

#include <cstdlib>
#include <new>
#include <system_error>

namespace pages {

using std::error_code;

namespace detail {

/* err is 0 or a negative errno value. */
inline void
report(int err, error_code &ec) noexcept
{
	ec.assign(-err, std::generic_category());
}

#ifdef __cpp_exceptions
[[noreturn]] __attribute__((noinline, cold)) inline void
fail(int err, const char *what)
{
	if (err == -ENOMEM)
		throw std::bad_alloc();
	throw std::system_error(-err, std::generic_category(), what);
}

/* Inline even at -Og: then the optimiser knows that a transition has succeeded. */
__attribute__((always_inline)) inline void
check(int err, const char *what)
{
	if (__builtin_expect(err != 0, 0))
		fail(err, what);
}
#endif

/* What an allocator does that has no memory and nobody to tell. */
[[noreturn]] inline void
out_of_memory()
{
#ifdef __cpp_exceptions
	throw std::bad_alloc();
#else
	std::abort();
#endif
}

} // namespace detail
} // namespace pages

#endif /* PAGES_ERROR_HPP */
