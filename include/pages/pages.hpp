/* SPDX-License-Identifier: MIT */
/*
 * pages.hpp - pages, vectors and large blocks for C++17 and later
 *
 *	pages::rw, ro, ...		owners of pages; the type says what may be done: region.hpp
 *	pages::vec<T>			a vector that never copies: vec.hpp
 *	pages::allocator<T>		large blocks for containers, and
 *	pages::memory_resource		the same for std::pmr: memory.hpp
 *	pages::jit, function<R(...)>	code, with PAGES_ENABLE_EXEC: code.hpp
 *
 * A thin layer over pages.h, paged_vec.h and malloc.h, which describe errors, threads and
 * costs; errors are reported as error.hpp says.  Works with -fno-exceptions and -fno-rtti.
 * Everything is inline: programs link libpages, which has no C++ in it.
 */
#ifndef PAGES_PAGES_HPP
#define PAGES_PAGES_HPP

#if !defined(__cplusplus) || __cplusplus < 201703L
#error <pages/pages.hpp> needs C++17
#endif

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <initializer_list>
#include <iterator>
#include <memory>
#include <memory_resource>
#include <type_traits>
#include <utility>
#if __cplusplus >= 202002L
#include <span>
#endif

#include <pages/malloc.h>
#include <pages/paged_vec.h>
#include <pages/pages.h>

#include <pages/error.hpp>
#include <pages/memory.hpp>
#include <pages/region.hpp>
#include <pages/vec.hpp>
#ifdef PAGES_ENABLE_EXEC
#include <pages/code.hpp>
#endif

#endif /* PAGES_PAGES_HPP */
