/* SPDX-License-Identifier: MIT */
/*
 * region.hpp - owners of pages; included by pages.hpp
 *
 *	pages::rw w(1 << 20);
 *	w.at<long>(7) = 42;
 *	pages::ro r = std::move(w).to_ro();	(now r owns the pages, w is empty)
 *	use(r.at<long>(7));
 *
 * none, ro, rw, sealed, frozen and, with PAGES_ENABLE_EXEC, rx own the handle of the same name
 * in pages.h, where the calls, their errors and costs are described.  An owner closes its
 * pages when it is destroyed; the pages of a sealed one live as long as the process.  It can
 * be moved, and is empty then, but not copied.
 *
 * Transitions consume: they are called on an rvalue, std::move(w), and leave it empty.  If
 * one fails it returns an empty owner or throws, and w still owns the pages.
 * Access to the pages of an empty owner prints one line and aborts, as does an index past the
 * end.  The compiler sees it less often than with the handles of C: g++ refuses the use of an
 * owner that was never opened, or closed; clang++ neither.
 */
#ifndef PAGES_REGION_HPP
#define PAGES_REGION_HPP

#ifndef PAGES_PAGES_HPP
#error include <pages/pages.hpp>
#endif

namespace pages {

template <class Handle> class region;

using none = region<pages_none>;
using ro = region<pages_ro>;
using rw = region<pages_rw>;
using sealed = region<pages_sealed>;
using frozen = region<pages_frozen>;
#ifdef PAGES_ENABLE_EXEC
using rx = region<pages_rx>;
#endif

namespace detail {

template <class Handle, class... Others>
inline constexpr bool is_one_of = (std::is_same_v<Handle, Others> || ...);

} // namespace detail

/* The static assertions name the mistake when a call does not fit the type. */
#define PAGES_FOR_(what, ...)                                                      \
	static_assert(detail::is_one_of<Handle, __VA_ARGS__>, "pages: " what)
#define PAGES_FOR_WRITABLE_ PAGES_FOR_("only pages::rw can be written", pages_rw)
#define PAGES_FOR_CHANGEABLE_                                                      \
	static_assert(!detail::is_one_of<Handle, pages_sealed, pages_frozen>,      \
		      "pages: sealed and frozen pages cannot be changed")
#define PAGES_FOR_READABLE_                                                        \
	static_assert(!detail::is_one_of<Handle, pages_none>,                      \
		      "pages: pages::none cannot be read")

/* Inline even at -Og, so that the optimiser sees which owners are empty. */
#define PAGES_SEEN_ __attribute__((always_inline))

template <class Handle> class region {
	Handle h_;

	template <class> friend class region;

	/* A transition: consumes *this if it succeeds. */
	template <class To, class Change> PAGES_SEEN_ region<To>
	moved(Change change, error_code &ec) noexcept
	{
		region<To> to;

		detail::report(change(&h_, &to.h_), ec);
		return to;
	}
#ifdef __cpp_exceptions
	template <class To, class Change> PAGES_SEEN_ region<To>
	moved(Change change, const char *what)
	{
		region<To> to;

		detail::check(change(&h_, &to.h_), what);
		return to;
	}
#endif

public:
	using handle_type = Handle;

	region() noexcept = default;
	PAGES_SEEN_ region(region &&other) noexcept : h_(other.release()) {}
	region &operator=(region &&other) noexcept
	{
		if (this != &other) {
			close();
			h_ = other.release();
		}
		return *this;
	}
	region(const region &) = delete;
	region &operator=(const region &) = delete;
	PAGES_SEEN_ ~region() { close(); }

	/* Take over the pages of a C handle, which is empty afterwards. */
	explicit region(Handle &&handle) noexcept : h_(handle) { handle = Handle(); }
	/* Hand the pages to a C handle, whose owner closes it. */
	[[nodiscard]] PAGES_SEEN_ Handle release() noexcept
	{
		Handle h = h_;

		h_ = Handle();
		return h;
	}
	/* For the calls of pages.h.  The owner stays the owner. */
	Handle *handle() noexcept { return &h_; }
	const Handle *handle() const noexcept { return &h_; }

	/* pages_open(), pages_open_with() */
	PAGES_SEEN_ region(std::size_t len, error_code &ec) noexcept
	{
		PAGES_FOR_WRITABLE_;
		detail::report(pages_open(&h_, len), ec);
	}
	region(const pages_options &options, error_code &ec) noexcept
	{
		PAGES_FOR_WRITABLE_;
		detail::report(pages_open_with(&h_, &options), ec);
	}
#ifdef __cpp_exceptions
	PAGES_SEEN_ explicit region(std::size_t len)
	{
		PAGES_FOR_WRITABLE_;
		detail::check(pages_open(&h_, len), "pages_open");
	}
	explicit region(const pages_options &options)
	{
		PAGES_FOR_WRITABLE_;
		detail::check(pages_open_with(&h_, &options), "pages_open_with");
	}
#endif
	PAGES_SEEN_ void close() noexcept
	{
		if constexpr (!detail::is_one_of<Handle, pages_sealed>)
			pages_close(&h_);
	}

	/* Size, in bytes. */
	std::size_t size() const noexcept { return pages_len(&h_); }
	bool empty() const noexcept { return size() == 0; }
	explicit operator bool() const noexcept { return !empty(); }
	std::size_t page_size() const noexcept { return pages_page_size(&h_); }

	/* Access: to const data but for pages::rw that are not const themselves. */
	PAGES_SEEN_ auto *data() noexcept
	{
		PAGES_FOR_READABLE_;
		if constexpr (detail::is_one_of<Handle, pages_rw>)
			return pages_write(&h_);
		else
			return pages_read(&h_);
	}
	PAGES_SEEN_ const void *data() const noexcept
	{
		PAGES_FOR_READABLE_;
		return pages_read(&h_);
	}
	/* Element i of the pages, taken as an array of T */
	template <class T> PAGES_SEEN_ auto &at(std::size_t i) noexcept
	{
		PAGES_FOR_READABLE_;
		return PAGES_AT(T, &h_, i);
	}
	template <class T> PAGES_SEEN_ const T &at(std::size_t i) const noexcept
	{
		PAGES_FOR_READABLE_;
		return PAGES_AT(T, &h_, i);
	}
#ifdef __cpp_lib_span
	/* All of the pages, as an array of T */
	template <class T> auto as() & noexcept
	{
		using element = std::remove_reference_t<decltype(at<T>(0))>;

		return std::span<element>(static_cast<element *>(data()), size() / sizeof(T));
	}
	template <class T> std::span<const T> as() const & noexcept
	{
		return {static_cast<const T *>(data()), size() / sizeof(T)};
	}
	template <class T> void as() && = delete;	/* the pages would be gone */
#endif

	/* Transitions. */
	[[nodiscard]] PAGES_SEEN_ region<pages_none> to_none(error_code &ec) && noexcept
	{
		PAGES_FOR_CHANGEABLE_;
		return moved<pages_none>([](Handle *from, pages_none *to) PAGES_SEEN_ { return pages_to_none(from, to); }, ec);
	}
	[[nodiscard]] PAGES_SEEN_ region<pages_ro> to_ro(error_code &ec) && noexcept
	{
		PAGES_FOR_CHANGEABLE_;
		return moved<pages_ro>([](Handle *from, pages_ro *to) PAGES_SEEN_ { return pages_to_ro(from, to); }, ec);
	}
	[[nodiscard]] PAGES_SEEN_ region<pages_rw> to_rw(error_code &ec) && noexcept
	{
		PAGES_FOR_CHANGEABLE_;
		return moved<pages_rw>([](Handle *from, pages_rw *to) PAGES_SEEN_ { return pages_to_rw(from, to); }, ec);
	}
	[[nodiscard]] PAGES_SEEN_ region<pages_sealed> seal(error_code &ec) && noexcept
	{
		PAGES_FOR_("only pages::ro can be sealed", pages_ro);
		return moved<pages_sealed>([](Handle *from, pages_sealed *to) PAGES_SEEN_ { return pages_seal(from, to); }, ec);
	}
	[[nodiscard]] PAGES_SEEN_ region<pages_frozen> freeze(error_code &ec) && noexcept
	{
		PAGES_FOR_("only pages::ro and pages::rw can be frozen", pages_ro, pages_rw);
		return moved<pages_frozen>([](Handle *from, pages_frozen *to) PAGES_SEEN_ { return pages_freeze(from, to); }, ec);
	}
#ifdef __cpp_exceptions
	[[nodiscard]] PAGES_SEEN_ region<pages_none> to_none() &&
	{
		PAGES_FOR_CHANGEABLE_;
		return moved<pages_none>([](Handle *from, pages_none *to) PAGES_SEEN_ { return pages_to_none(from, to); }, "pages_to_none");
	}
	[[nodiscard]] PAGES_SEEN_ region<pages_ro> to_ro() &&
	{
		PAGES_FOR_CHANGEABLE_;
		return moved<pages_ro>([](Handle *from, pages_ro *to) PAGES_SEEN_ { return pages_to_ro(from, to); }, "pages_to_ro");
	}
	[[nodiscard]] PAGES_SEEN_ region<pages_rw> to_rw() &&
	{
		PAGES_FOR_CHANGEABLE_;
		return moved<pages_rw>([](Handle *from, pages_rw *to) PAGES_SEEN_ { return pages_to_rw(from, to); }, "pages_to_rw");
	}
	[[nodiscard]] PAGES_SEEN_ region<pages_sealed> seal() &&
	{
		PAGES_FOR_("only pages::ro can be sealed", pages_ro);
		return moved<pages_sealed>([](Handle *from, pages_sealed *to) PAGES_SEEN_ { return pages_seal(from, to); }, "pages_seal");
	}
	[[nodiscard]] PAGES_SEEN_ region<pages_frozen> freeze() &&
	{
		PAGES_FOR_("only pages::ro and pages::rw can be frozen", pages_ro, pages_rw);
		return moved<pages_frozen>([](Handle *from, pages_frozen *to) PAGES_SEEN_ { return pages_freeze(from, to); }, "pages_freeze");
	}
#endif
	template <class... Ec> void to_none(Ec &...) & = delete;	/* say std::move(pages) */
	template <class... Ec> void to_ro(Ec &...) & = delete;	/* say std::move(pages) */
	template <class... Ec> void to_rw(Ec &...) & = delete;	/* say std::move(pages) */
	template <class... Ec> void seal(Ec &...) & = delete;	/* say std::move(pages) */
	template <class... Ec> void freeze(Ec &...) & = delete;	/* say std::move(pages) */
#ifdef PAGES_ENABLE_EXEC
	/* Executable pages. */
	[[nodiscard]] PAGES_SEEN_ region<pages_rx> to_rx(error_code &ec) && noexcept
	{
		PAGES_FOR_CHANGEABLE_;
		return moved<pages_rx>([](Handle *from, pages_rx *to) PAGES_SEEN_ { return pages_to_rx(from, to); }, ec);
	}
#ifdef __cpp_exceptions
	[[nodiscard]] PAGES_SEEN_ region<pages_rx> to_rx() &&
	{
		PAGES_FOR_CHANGEABLE_;
		return moved<pages_rx>([](Handle *from, pages_rx *to) PAGES_SEEN_ { return pages_to_rx(from, to); }, "pages_to_rx");
	}
#endif
	template <class... Ec> void to_rx(Ec &...) & = delete;	/* say std::move(pages) */
#endif
	/* pages_clone() of frozen pages: copy-on-write */
	[[nodiscard]] rw clone(error_code &ec) const noexcept
	{
		rw to;

		PAGES_FOR_("only pages::frozen can be cloned", pages_frozen);
		detail::report(pages_clone(&h_, to.handle()), ec);
		return to;
	}
#ifdef __cpp_exceptions
	[[nodiscard]] rw clone() const
	{
		rw to;

		PAGES_FOR_("only pages::frozen can be cloned", pages_frozen);
		detail::check(pages_clone(&h_, to.handle()), "pages_clone");
		return to;
	}
#endif

	/* Memory. */
	void resize(std::size_t len, error_code &ec) noexcept
	{
		PAGES_FOR_WRITABLE_;
		detail::report(pages_resize(&h_, len), ec);
	}
	void decommit(std::size_t offset, std::size_t len, error_code &ec) noexcept
	{
		PAGES_FOR_WRITABLE_;
		detail::report(pages_decommit(&h_, offset, len), ec);
	}
	void prefault(std::size_t offset, std::size_t len, error_code &ec) noexcept
	{
		PAGES_FOR_WRITABLE_;
		detail::report(pages_prefault(&h_, offset, len), ec);
	}
	void advise(pages_hint hint, error_code &ec) noexcept
	{
		PAGES_FOR_CHANGEABLE_;
		detail::report(pages_advise(&h_, hint), ec);
	}
	void place(pages_numa numa, std::uint64_t nodes, error_code &ec) noexcept
	{
		PAGES_FOR_CHANGEABLE_;
		detail::report(pages_place(&h_, numa, nodes), ec);
	}
	void label(const char *name, error_code &ec) noexcept
	{
		PAGES_FOR_CHANGEABLE_;
		detail::report(pages_label(&h_, name), ec);
	}
	void lock(error_code &ec) noexcept
	{
		PAGES_FOR_READABLE_;
		PAGES_FOR_CHANGEABLE_;
		detail::report(pages_lock(&h_), ec);
	}
	void unlock(error_code &ec) noexcept
	{
		PAGES_FOR_READABLE_;
		PAGES_FOR_CHANGEABLE_;
		detail::report(pages_unlock(&h_), ec);
	}
#ifdef __cpp_exceptions
	void resize(std::size_t len)
	{
		PAGES_FOR_WRITABLE_;
		detail::check(pages_resize(&h_, len), "pages_resize");
	}
	void decommit(std::size_t offset, std::size_t len)
	{
		PAGES_FOR_WRITABLE_;
		detail::check(pages_decommit(&h_, offset, len), "pages_decommit");
	}
	void prefault(std::size_t offset, std::size_t len)
	{
		PAGES_FOR_WRITABLE_;
		detail::check(pages_prefault(&h_, offset, len), "pages_prefault");
	}
	void advise(pages_hint hint)
	{
		PAGES_FOR_CHANGEABLE_;
		detail::check(pages_advise(&h_, hint), "pages_advise");
	}
	void place(pages_numa numa, std::uint64_t nodes)
	{
		PAGES_FOR_CHANGEABLE_;
		detail::check(pages_place(&h_, numa, nodes), "pages_place");
	}
	void label(const char *name)
	{
		PAGES_FOR_CHANGEABLE_;
		detail::check(pages_label(&h_, name), "pages_label");
	}
	void lock()
	{
		PAGES_FOR_READABLE_;
		PAGES_FOR_CHANGEABLE_;
		detail::check(pages_lock(&h_), "pages_lock");
	}
	void unlock()
	{
		PAGES_FOR_READABLE_;
		PAGES_FOR_CHANGEABLE_;
		detail::check(pages_unlock(&h_), "pages_unlock");
	}
#endif
	/* pages_verify(): 0 if the kernel and the type agree */
	[[nodiscard]] int verify() const noexcept { return pages_verify(&h_); }
};

#undef PAGES_SEEN_
#undef PAGES_FOR_
#undef PAGES_FOR_WRITABLE_
#undef PAGES_FOR_CHANGEABLE_
#undef PAGES_FOR_READABLE_

} // namespace pages

#endif /* PAGES_REGION_HPP */
