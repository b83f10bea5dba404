/* SPDX-License-Identifier: MIT */
/*
 * typed.h - the type checks behind the macros of pages.h; included by it, not for direct use
 *
 * Each handle type is a struct with one member, a struct pages_raw_.  So one implementation
 * serves all types, and strict aliasing holds.  A call selects the raw struct from the
 * handle types that it accepts, by _Generic in C and by overloads in C++; for any other type
 * the selection fails, and the call does not compile.  Which call accepts which types is
 * written down once, in the lists below.
 *
 * Raw structs are passed to the library by value.  If the address of a handle left the
 * caller, the optimiser could no longer know its contents, and the compile-time check for
 * use after a transition would be lost.
 */
#ifndef PAGES_TYPED_H
#define PAGES_TYPED_H

#ifndef PAGES_PAGES_H
#error include <pages/pages.h>
#endif

#ifdef PAGES_ENABLE_WX
#ifndef PAGES_ENABLE_EXEC
#define PAGES_ENABLE_EXEC
#endif
#endif

/* The types. -------------------------------------------------------------- */

#ifdef __cplusplus
#define PAGES_EMPTY_ {}			/* a handle without an initialiser is empty, too */
#define PAGES_CAST_(type, value) static_cast<type>(value)
#define PAGES_NULL_ nullptr
#else
#define PAGES_EMPTY_
#define PAGES_CAST_(type, value) ((type)(value))
#define PAGES_NULL_ NULL
#endif
struct pages_raw_ {
	void *base_ PAGES_EMPTY_;
	size_t len_ PAGES_EMPTY_;
	uintptr_t info_ PAGES_EMPTY_;	/* see src/core/region.h; 0 for plain pages */
	uintptr_t serial_ PAGES_EMPTY_;	/* see src/core/serial.h */
};

struct pages_none { struct pages_raw_ p_; };
struct pages_ro { struct pages_raw_ p_; };
struct pages_rw { struct pages_raw_ p_; };
struct pages_sealed { struct pages_raw_ p_; };
struct pages_frozen { struct pages_raw_ p_; };
#ifdef PAGES_ENABLE_EXEC
struct pages_rx { struct pages_raw_ p_; };
#define PAGES_IF_RX_(...) __VA_ARGS__
#else
#define PAGES_IF_RX_(...)
#endif
#ifdef PAGES_ENABLE_WX
struct pages_rwx { struct pages_raw_ p_; };
#define PAGES_IF_WX_(...) __VA_ARGS__
#else
#define PAGES_IF_WX_(...)
#endif

enum {
	PAGES_P_NONE_ = 0, PAGES_P_RO_ = 1, PAGES_P_RW_ = 3, PAGES_P_RX_ = 5, PAGES_P_RWX_ = 7,
	PAGES_P_BITS_ = 3
};

/* Which calls accept which types: X(type, p) for each type. ----------------- */

#define PAGES_WRITABLE_TYPES_(X, p) X(pages_rw, p) PAGES_IF_WX_(X(pages_rwx, p))
#define PAGES_EXECUTABLE_TYPES_(X, p)                                              \
	PAGES_IF_RX_(X(pages_rx, p)) PAGES_IF_WX_(X(pages_rwx, p))
/* pages_lock() and pages_unlock(): readable types, without those that never change. */
#define PAGES_LOCKABLE_TYPES_(X, p)                                                \
	X(pages_ro, p) X(pages_rw, p) PAGES_EXECUTABLE_TYPES_(X, p)
/* Transitions, hints, placement and labels. */
#define PAGES_HANDLE_TYPES_(X, p) X(pages_none, p) PAGES_LOCKABLE_TYPES_(X, p)
#define PAGES_CLOSABLE_TYPES_(X, p) X(pages_frozen, p) PAGES_HANDLE_TYPES_(X, p)
#define PAGES_FREEZABLE_TYPES_(X, p) X(pages_ro, p) X(pages_rw, p)
#define PAGES_FROZEN_TYPES_(X, p) X(pages_frozen, p)
#define PAGES_READABLE_TYPES_(X, p)                                                \
	X(pages_sealed, p) X(pages_frozen, p) PAGES_LOCKABLE_TYPES_(X, p)
#define PAGES_ANY_TYPES_(X, p) X(pages_none, p) PAGES_READABLE_TYPES_(X, p)

/* The names of these macros appear in the compilers' error messages. */
#ifdef __cplusplus
#define PAGES_ACCEPT_(type, who)                                                   \
	PAGES_INLINE_ pages_raw_ *who(type *p) { return &p->p_; }
#define PAGES_ACCEPT_CONST_(type, who)                                             \
	PAGES_INLINE_ const pages_raw_ *who(const type *p) { return &p->p_; }
#define PAGES_NEEDS_WRITABLE(p) pages_writable_type_(p)
#define PAGES_NEEDS_LOCKABLE(p) pages_lockable_type_(p)
#define PAGES_NEEDS_HANDLE(p) pages_handle_type_(p)
#define PAGES_NEEDS_CLOSABLE(p) pages_closable_type_(p)
#define PAGES_NEEDS_FREEZABLE(p) pages_freezable_type_(p)
#define PAGES_NEEDS_FROZEN(p) pages_frozen_type_(p)
#define PAGES_NEEDS_READABLE(p) pages_readable_type_(p)
#define PAGES_NEEDS_EXECUTABLE(p) pages_executable_type_(p)
#define PAGES_NEEDS_ANY(p) pages_any_type_(p)
#define PAGES_NEEDS_EXACTLY(type, p) pages_exactly_<type>(p)
#define PAGES_NEEDS_POINTER(type, p) pages_pointer_<type>(p)
#define PAGES_NEEDS_CONST_POINTER(type, p) pages_pointer_<const type>(p)
#define PAGES_NEEDS_STRING(s) (s)
#define PAGES_NEEDS_INTEGER(type, n) pages_integer_<type>((n) | 0)
#define PAGES_NEEDS_LENGTH(n) PAGES_NEEDS_INTEGER(size_t, n)
#define PAGES_NEEDS_INDEX(n) PAGES_NEEDS_INTEGER(size_t, n)
#define PAGES_ELEMENT_(type, p, slot) (*static_cast<decltype(pages_as_<type>(p))>(slot))
#define PAGES_CODE_(address, ...) pages_code_<__VA_ARGS__>(address)
#define PAGES_PROT_OF_(p) static_cast<unsigned>(sizeof(pages_prot_of_(p)) - 1)
#else
/* What a wrong argument selects: of types that are defined nowhere, for their names. */
extern struct pages_put_an_ampersand_before_it_ pages_no_address_;
extern struct pages_a_string_is_not_a_number_ pages_no_number_;
#define PAGES_NO_ADDRESS_(type, p) struct type: &pages_no_address_,
/* Each entry of a list ends in a comma, so one more association has to follow. */
#define PAGES_ONE_OF_(types, assoc, p)                                             \
	(&_Generic((p), PAGES_ANY_TYPES_(PAGES_NO_ADDRESS_, p)                     \
		types(assoc, p) struct pages_no_such_ *: (p))->p_)
#define PAGES_ASSOC_(type, p) struct type *: (p),
#define PAGES_ASSOC_CONST_(type, p) struct type *: (p), const struct type *: (p),
#define PAGES_NEEDS_WRITABLE(p) PAGES_ONE_OF_(PAGES_WRITABLE_TYPES_, PAGES_ASSOC_, p)
#define PAGES_NEEDS_LOCKABLE(p) PAGES_ONE_OF_(PAGES_LOCKABLE_TYPES_, PAGES_ASSOC_, p)
#define PAGES_NEEDS_HANDLE(p) PAGES_ONE_OF_(PAGES_HANDLE_TYPES_, PAGES_ASSOC_, p)
#define PAGES_NEEDS_CLOSABLE(p) PAGES_ONE_OF_(PAGES_CLOSABLE_TYPES_, PAGES_ASSOC_, p)
#define PAGES_NEEDS_FREEZABLE(p) PAGES_ONE_OF_(PAGES_FREEZABLE_TYPES_, PAGES_ASSOC_, p)
#define PAGES_NEEDS_FROZEN(p) PAGES_ONE_OF_(PAGES_FROZEN_TYPES_, PAGES_ASSOC_CONST_, p)
#define PAGES_NEEDS_READABLE(p) PAGES_ONE_OF_(PAGES_READABLE_TYPES_, PAGES_ASSOC_CONST_, p)
#define PAGES_NEEDS_EXECUTABLE(p)                                                  \
	PAGES_ONE_OF_(PAGES_EXECUTABLE_TYPES_, PAGES_ASSOC_CONST_, p)
#define PAGES_NEEDS_ANY(p) PAGES_ONE_OF_(PAGES_ANY_TYPES_, PAGES_ASSOC_CONST_, p)
#define PAGES_NEEDS_EXACTLY(type, p)                                               \
	(&_Generic((p), PAGES_ANY_TYPES_(PAGES_NO_ADDRESS_, p) struct type *: (p))->p_)
/* C compilers only warn of a pointer of another type; _Generic makes it an error. */
#define PAGES_NEEDS_POINTER(type, p)                                               \
	_Generic((p), type *: (p), type: pages_no_address_)
#define PAGES_NEEDS_CONST_POINTER(type, p)                                         \
	_Generic((p), type *: (p), const type *: (p), type: pages_no_address_)
/* With NULL the ?: has type const char *, with any other void * it has const void *. */
#define PAGES_NEEDS_STRING(s)                                                      \
	_Generic((s), char *: (s), const char *: (s),                              \
		void *: _Generic(1 ? (s) : (const char *)0, const char *: (s)))
/* The | refuses pointers and fractions; the cast avoids warnings about signedness. */
#define PAGES_NEEDS_INTEGER(type, n)                                               \
	((type)(_Generic((n), char *: pages_no_number_, const char *: pages_no_number_, \
			 default: (n)) | 0))
/*
 * Also refuses constants of which no call can make sense.  Only what is one for the parser:
 * what the optimiser finds may be a path that is not taken, or whose error is handled.
 */
#define PAGES_REFUSE_(condition, n, refused)                                       \
	(__builtin_choose_expr(__builtin_constant_p(n), (condition), 0) ? refused() : (void)0)
#define PAGES_NEEDS_LENGTH(n)                                                      \
	(PAGES_REFUSE_(PAGES_NEEDS_INTEGER(size_t, n) - 1 >= PTRDIFF_MAX, n,       \
		       pages_no_length_),                                          \
	 PAGES_NEEDS_INTEGER(size_t, n))
#define PAGES_NEEDS_INDEX(n)                                                       \
	(PAGES_REFUSE_((PAGES_NEEDS_INTEGER(size_t, n) & ~(SIZE_MAX >> 1)) != 0, n,  \
		       pages_no_index_),                                           \
	 PAGES_NEEDS_INTEGER(size_t, n))
#define PAGES_AS_(type, p)                                                         \
	_Generic((p), struct pages_rw *: (__typeof__(type) *)0,                    \
		PAGES_IF_WX_(struct pages_rwx *: (__typeof__(type) *)0,)           \
		default: (const __typeof__(type) *)0)
#define PAGES_ELEMENT_(type, p, slot) (*(__typeof__(PAGES_AS_(type, p)))(slot))
/*
 * Accepts function types only: *p of a pointer to a function decays to that pointer type
 * again, and for no other type does it.  ISO C converts a data pointer to a function pointer
 * only by way of an integer.
 */
#define PAGES_CODE_(address, ...)                                                  \
	_Generic(*(__typeof__(__VA_ARGS__) *)0, __typeof__(__VA_ARGS__) *:         \
		(__typeof__(__VA_ARGS__) *)(void (*)(void))(uintptr_t)(address))
#define PAGES_PROT_OF_(p)                                                          \
	((unsigned)_Generic((p), struct pages_none *: PAGES_P_NONE_,               \
		const struct pages_none *: PAGES_P_NONE_,                          \
		struct pages_rw *: PAGES_P_RW_, const struct pages_rw *: PAGES_P_RW_, \
		PAGES_IF_RX_(struct pages_rx *: PAGES_P_RX_,                       \
			     const struct pages_rx *: PAGES_P_RX_,)                \
		PAGES_IF_WX_(struct pages_rwx *: PAGES_P_RWX_,                     \
			     const struct pages_rwx *: PAGES_P_RWX_,)              \
		default: PAGES_P_RO_))
#endif

/* "name at file:line", for fatal messages and explanations of faults. */
#define PAGES_STRING2_(x) #x
#define PAGES_STRING_(x) PAGES_STRING2_(x)
#define PAGES_CALL_(name) name " at " __FILE__ ":" PAGES_STRING_(__LINE__)

#define PAGES_MOVE_(from, to, kind, prot)                                          \
	pages_move_(pages_protect_, PAGES_NEEDS_HANDLE(from),                      \
		    PAGES_NEEDS_EXACTLY(pages_##kind, to),                         \
		    (size_t)PAGES_PROT_OF_(from) << PAGES_P_BITS_ | (size_t)(prot), \
		    PAGES_CALL_("pages_to_" #kind))

/* The functions of the library, on raw structs. ----------------------------- */

struct pages_options;
struct pages_range;

PAGES_BEGIN_C

PAGES_API int pages_map_(size_t len, const char *call, struct pages_raw_ *ret);
PAGES_API int pages_map_with_(const struct pages_options *options, const char *call,
			      struct pages_raw_ *ret);
PAGES_API void pages_unmap_(struct pages_raw_ p, const char *call);

/* Changes of a region: *ret is the new state of p, set on success only. */
PAGES_API int pages_protect_(struct pages_raw_ p, size_t from_to, const char *call,
			     struct pages_raw_ *ret);
PAGES_API int pages_remap_(struct pages_raw_ p, size_t len, const char *call,
			   struct pages_raw_ *ret);
PAGES_API int pages_seal_(struct pages_raw_ p, size_t zero, const char *call,
			  struct pages_raw_ *ret);
PAGES_API int pages_lock_(struct pages_raw_ p, size_t on, const char *call,
			  struct pages_raw_ *ret);

PAGES_API PAGES_MUST_CHECK int pages_discard_(struct pages_raw_ p, size_t offset, size_t len);
PAGES_API PAGES_MUST_CHECK int pages_populate_(struct pages_raw_ p, size_t offset, size_t len);
PAGES_API PAGES_MUST_CHECK int pages_label_(struct pages_raw_ p, const char *label);
PAGES_API PAGES_MUST_CHECK int pages_verify_(struct pages_raw_ p, unsigned prot);
PAGES_API PAGES_MUST_CHECK int pages_resident_(struct pages_raw_ p, struct pages_range *range);
PAGES_API size_t pages_page_size_(struct pages_raw_ p);

PAGES_API void pages_die_empty_(const char *call) __attribute__((noreturn));
PAGES_API void pages_die_range_(const char *call, size_t i, size_t n)
	__attribute__((noreturn));

/* Defined nowhere: a call that the optimiser does not remove is a compile error. */
#if __has_attribute(error)
void pages_used_after_move_(const char *call) __attribute__((
	error("pages: this handle is empty: not opened, closed, or moved by a transition")));
void pages_no_length_(void) __attribute__((
	error("pages: no pages have this length: it is 0, negative or too large")));
void pages_no_index_(void) __attribute__((
	error("pages: no pages have this index, offset or length: it is negative or too large")));
#else				/* clang before 14 */
#define pages_used_after_move_ pages_die_empty_
#define pages_no_length_() ((void)0)
#define pages_no_index_() ((void)0)
#endif

#ifdef PAGES_ENABLE_WX
/* Only a library that was configured with --enable-wx defines this. */
PAGES_API void pages_wx_needs_a_library_configured_with_enable_wx(void);
#define PAGES_WX_BUILD_ pages_wx_needs_a_library_configured_with_enable_wx
#endif

/* Inline, so that the optimiser sees which handles are empty. ---------------- */

#define PAGES_INLINE_ static inline __attribute__((always_inline))

PAGES_INLINE_ const struct pages_raw_ *
pages_check_(const struct pages_raw_ *p, const char *call)
{
	if (__builtin_constant_p(p->base_ == PAGES_NULL_) && p->base_ == PAGES_NULL_)
		pages_used_after_move_(call);
	if (__builtin_expect(p->base_ == PAGES_NULL_, 0))
		pages_die_empty_(call);
	return p;
}

/* A function, so that the length cannot be assigned to. */
PAGES_INLINE_ size_t
pages_len_(const struct pages_raw_ *p)
{
	return p->len_;
}

PAGES_INLINE_ void *
pages_start_(const struct pages_raw_ *p, const char *call)
{
	return pages_check_(p, call)->base_;
}

PAGES_INLINE_ const void *
pages_const_start_(const struct pages_raw_ *p, const char *call)
{
	return pages_check_(p, call)->base_;
}

/*
 * Is this a handle to be filled?  In C it may have been left uninitialised.  gcc sees that in the
 * asm, but would fold the comparison away.
 */
#pragma GCC diagnostic push
#pragma GCC diagnostic error "-Wuninitialized"
PAGES_INLINE_ bool
pages_is_empty_(const struct pages_raw_ *p)
{
	void *base = p->base_;

	__asm__("" : : "g"(base));
	return base == PAGES_NULL_;
}
#pragma GCC diagnostic pop

/* Field by field: of structs that are copied whole gcc does not see what was not initialised. */
PAGES_INLINE_ struct pages_raw_
pages_copy_(const struct pages_raw_ *p)
{
	struct pages_raw_ q = { p->base_, p->len_, p->info_, p->serial_ };

	return q;
}

PAGES_INLINE_ struct pages_raw_
pages_checked_(const struct pages_raw_ *p, const char *call)
{
	return pages_copy_(pages_check_(p, call));
}

PAGES_INLINE_ void
pages_set_(struct pages_raw_ *p, const struct pages_raw_ *q)
{
	p->base_ = q->base_;
	p->len_ = q->len_;
	p->info_ = q->info_;
	p->serial_ = q->serial_;
}

/* The pages have another owner now, or are gone. */
PAGES_INLINE_ void
pages_forget_(struct pages_raw_ *p)
{
	p->base_ = PAGES_NULL_;
	p->len_ = p->info_ = p->serial_ = 0;
}

PAGES_INLINE_ PAGES_MUST_CHECK int
pages_open_(struct pages_raw_ *p, size_t len, const char *call)
{
	struct pages_raw_ q;
	int err = !pages_is_empty_(p) ? -EBUSY : pages_map_(len, call, &q);

	if (err == 0)
		pages_set_(p, &q);
	return err;
}

PAGES_INLINE_ PAGES_MUST_CHECK int
pages_open_with_(struct pages_raw_ *p, const struct pages_options *options, const char *call)
{
	struct pages_raw_ q;
	int err = !pages_is_empty_(p) ? -EBUSY : pages_map_with_(options, call, &q);

	if (err == 0)
		pages_set_(p, &q);
	return err;
}

PAGES_INLINE_ void
pages_close_(struct pages_raw_ *p, const char *call)
{
	if (p->base_ != PAGES_NULL_)
		pages_unmap_(pages_copy_(p), call);
	pages_forget_(p);
}

typedef int pages_change_(struct pages_raw_, size_t, const char *, struct pages_raw_ *);

/* Change *from, and on success move it to *to, leaving *from empty. */
PAGES_INLINE_ PAGES_MUST_CHECK int
pages_move_(pages_change_ *change, struct pages_raw_ *from, struct pages_raw_ *to,
	    size_t arg, const char *call)
{
	struct pages_raw_ q = pages_checked_(from, call);
	int err = !pages_is_empty_(to) ? -EBUSY : change(q, arg, call, &q);

	if (err == 0) {
		pages_set_(to, &q);
		pages_forget_(from);
	}
	return err;
}

PAGES_INLINE_ PAGES_MUST_CHECK int
pages_update_(pages_change_ *change, struct pages_raw_ *p, size_t arg, const char *call)
{
	struct pages_raw_ q = pages_checked_(p, call);
	int err = change(q, arg, call, &q);

	if (err == 0)
		pages_set_(p, &q);
	return err;
}

PAGES_INLINE_ void *
pages_slot_(const struct pages_raw_ *p, size_t i, size_t size, const char *call)
{
	char *base = PAGES_CAST_(char *, pages_check_(p, call)->base_);

	if (__builtin_expect(i >= p->len_ / size, 0))
		pages_die_range_(call, i, p->len_ / size);
	return base + i * size;
}

PAGES_END_C

#ifdef __cplusplus
PAGES_WRITABLE_TYPES_(PAGES_ACCEPT_, pages_writable_type_)
PAGES_LOCKABLE_TYPES_(PAGES_ACCEPT_, pages_lockable_type_)
PAGES_HANDLE_TYPES_(PAGES_ACCEPT_, pages_handle_type_)
PAGES_CLOSABLE_TYPES_(PAGES_ACCEPT_, pages_closable_type_)
PAGES_FREEZABLE_TYPES_(PAGES_ACCEPT_, pages_freezable_type_)
PAGES_FROZEN_TYPES_(PAGES_ACCEPT_CONST_, pages_frozen_type_)
PAGES_READABLE_TYPES_(PAGES_ACCEPT_CONST_, pages_readable_type_)
PAGES_EXECUTABLE_TYPES_(PAGES_ACCEPT_CONST_, pages_executable_type_)
PAGES_ANY_TYPES_(PAGES_ACCEPT_CONST_, pages_any_type_)
template <class H> PAGES_INLINE_ pages_raw_ *pages_exactly_(H *p) { return &p->p_; }
template <class T> PAGES_INLINE_ T *pages_pointer_(T *p) { return p; }
template <class T, class N> PAGES_INLINE_ T pages_integer_(N n) { return static_cast<T>(n); }
template <class T> struct pages_data_ { enum { is = 0 }; };
template <class T> struct pages_data_<const T> { enum { is = 1 }; };	/* no match for functions */
template <class F> PAGES_INLINE_ F *
pages_code_(const void *address)
{
	static_assert(!pages_data_<const F>::is,
		      "pages: code needs a function type, such as long(long, long)");
	return reinterpret_cast<F *>(reinterpret_cast<uintptr_t>(address));
}
/* NULL would convert to the handle type of a call that accepts only one: refuse it. */
#define PAGES_REFUSE_NULL_(who) void who(decltype(nullptr)) = delete;
PAGES_REFUSE_NULL_(pages_writable_type_)
PAGES_REFUSE_NULL_(pages_lockable_type_)
PAGES_REFUSE_NULL_(pages_handle_type_)
PAGES_REFUSE_NULL_(pages_closable_type_)
PAGES_REFUSE_NULL_(pages_freezable_type_)
PAGES_REFUSE_NULL_(pages_frozen_type_)
PAGES_REFUSE_NULL_(pages_readable_type_)
PAGES_REFUSE_NULL_(pages_executable_type_)
PAGES_REFUSE_NULL_(pages_any_type_)
template <class T> PAGES_REFUSE_NULL_(pages_exactly_)
template <class T> PAGES_REFUSE_NULL_(pages_pointer_)
template <class T> T *pages_as_(pages_rw *);
PAGES_IF_WX_(template <class T> T *pages_as_(pages_rwx *);)
template <class T> const T *pages_as_(const void *);
/* sizeof the result is the permissions plus one; sizeof does not evaluate its operand. */
char (&pages_prot_of_(const pages_none *))[PAGES_P_NONE_ + 1];
char (&pages_prot_of_(const pages_ro *))[PAGES_P_RO_ + 1];
char (&pages_prot_of_(const pages_sealed *))[PAGES_P_RO_ + 1];
char (&pages_prot_of_(const pages_frozen *))[PAGES_P_RO_ + 1];
char (&pages_prot_of_(const pages_rw *))[PAGES_P_RW_ + 1];
PAGES_IF_RX_(char (&pages_prot_of_(const pages_rx *))[PAGES_P_RX_ + 1];)
PAGES_IF_WX_(char (&pages_prot_of_(const pages_rwx *))[PAGES_P_RWX_ + 1];)
#endif

#endif /* PAGES_TYPED_H */
