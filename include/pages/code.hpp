/* SPDX-License-Identifier: MIT */
/*
 * code.hpp - code that is made at run time; included by pages.hpp with PAGES_ENABLE_EXEC
 *
 *	auto code = std::make_shared<pages::jit>(1 << 20);
 *
 *	code->write(0, bytes, sizeof(bytes));
 *	pages::function<long(long, long)> add(code, 0);
 *	code.reset();
 *	add(43, 34);				(add keeps the pages)
 *
 * A function shares the ownership of the pages that it lies in: they are unmapped when the
 * last function and the last std::shared_ptr to them are gone.  So it cannot outlive them.
 */
#ifndef PAGES_CODE_HPP
#define PAGES_CODE_HPP

#ifndef PAGES_PAGES_HPP
#error include <pages/pages.hpp>
#endif

namespace pages {

/* struct pages_jit of jit.h: code that can be changed while other code there runs */
class jit {
	pages_jit h_;

public:
	explicit jit(std::size_t len, error_code &ec) noexcept
		{ detail::report(pages_jit_open(&h_, len), ec); }
	/* pages_jit_open_near(): calls from this code reach the target, a function perhaps */
	template <class T> jit(std::size_t len, T *target, std::size_t within, error_code &ec) noexcept
		{ detail::report(pages_jit_open_near(&h_, len, target, within), ec); }
	~jit() { pages_jit_close(&h_); }
	jit(const jit &) = delete;		/* functions know where it is: it does not move */
	jit &operator=(const jit &) = delete;

	std::size_t size() const noexcept { return pages_jit_len(&h_); }
	bool flips() const noexcept { return pages_jit_flips(&h_); }
	pages_jit *handle() noexcept { return &h_; }
	const pages_jit *handle() const noexcept { return &h_; }

	/* Copy len bytes of code to offset and make them ready to run. */
	void write(std::size_t offset, const void *code, std::size_t len, error_code &ec) noexcept
		{ detail::report(pages_jit_write(&h_, offset, code, len), ec); }
#ifdef __cpp_exceptions
	explicit jit(std::size_t len) { detail::check(pages_jit_open(&h_, len), "pages_jit_open"); }
	template <class T> jit(std::size_t len, T *target, std::size_t within)
	{
		detail::check(pages_jit_open_near(&h_, len, target, within), "pages_jit_open_near");
	}
	void write(std::size_t offset, const void *code, std::size_t len)
		{ detail::check(pages_jit_write(&h_, offset, code, len), "pages_jit_write"); }
#endif
};

template <class Signature> class function;

/*
 * A function at an offset in executable pages.  The signature is the caller's promise.  An
 * offset past the end, empty pages, and a call of an empty function print one line and abort.
 */
template <class R, class... Arguments> class function<R(Arguments...)> {
	std::shared_ptr<const void> pages_;
	R (*call_)(Arguments...) = nullptr;

	static const rx &
	live(const std::shared_ptr<const rx> &pages)
	{
		if (pages == nullptr)
			pages_die_empty_("pages::function");
		return *pages;
	}

public:
	function() noexcept = default;
	function(std::shared_ptr<const rx> pages, std::size_t offset)
		: call_(PAGES_FN(live(pages).handle(), offset, R(Arguments...)))
	{
		pages_ = std::move(pages);
	}
	/* For pages with one function; more of them share std::make_shared<pages::rx>(...). */
	function(rx &&pages, std::size_t offset)
		: function(std::make_shared<const rx>(std::move(pages)), offset) {}
	function(std::shared_ptr<const jit> pages, std::size_t offset)
	{
		if (pages == nullptr)
			pages_die_empty_("pages::function");
		call_ = PAGES_JIT_FN(pages->handle(), offset, R(Arguments...));
		pages_ = std::move(pages);
	}

	function(const function &) = default;
	function &operator=(const function &) = default;
	function(function &&other) noexcept
		: pages_(std::move(other.pages_)), call_(std::exchange(other.call_, nullptr)) {}
	function &operator=(function &&other) noexcept
	{
		pages_ = std::move(other.pages_);
		call_ = std::exchange(other.call_, nullptr);
		return *this;
	}
	~function() = default;

	explicit operator bool() const noexcept { return call_ != nullptr; }
	R operator()(Arguments... arguments) const
	{
		if (__builtin_expect(call_ == nullptr, 0))
			pages_die_empty_("pages::function");
		return call_(static_cast<Arguments &&>(arguments)...);
	}
};

} // namespace pages

#endif /* PAGES_CODE_HPP */
