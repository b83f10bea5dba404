/* misuse: trivially copyable */
/* c++ */
/* SPDX-License-Identifier: MIT */
#define PAGES_ENABLE_EXEC
#include <pages/pages.hpp>

void use();
void
use()
{
#ifdef MISUSE
	pages::vec<std::pmr::polymorphic_allocator<int>> v; pages::vec<std::unique_ptr<int>> u;
#else
	pages::vec<int *> v;
#endif
}
