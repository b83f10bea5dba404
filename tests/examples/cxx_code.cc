/* SPDX-License-Identifier: MIT */
/*
 * cxx_code.cc - a function that is made at run time, in C++
 */
#define PAGES_ENABLE_EXEC
#include <pages/pages.hpp>

#include <iostream>

/* Where x is multiplied by a number that is known at run time only. */
static pages::function<int(int)>
multiplier(unsigned char by)
{
#if defined(__x86_64__)
	const unsigned char bytes[] = { 0x6b, 0xc7, by, 0xc3 };	/* imul $by, %edi, %eax; ret */
#else
	const unsigned char bytes[] = { by };
#endif
	pages::rw w(sizeof(bytes));

	std::memcpy(w.data(), bytes, sizeof(bytes));
	return {std::move(w).to_rx(), 0};	/* it keeps the pages */
}

int
main()
{
#if !defined(__x86_64__)
	(void)multiplier;
	return 77;
#else
	try {
		pages::function<int(int)> by7 = multiplier(7), by11 = multiplier(11);

		std::cout << by7(6) << ' ' << by11(6) << '\n';
		return by7(6) == 42 && by11(6) == 66 ? 0 : 1;
	} catch (const std::system_error &e) {
		std::cerr << e.what() << '\n';	/* a security policy may forbid it */
		return e.code() == std::errc::permission_denied ? 77 : 1;
	}
#endif
}
