/* SPDX-License-Identifier: MIT */
/*
 * cxx_pmr.cc - containers of the standard library on large blocks, in C++
 */
#include <pages/pages.hpp>

#include <iostream>
#include <vector>

int
main()
{
	pages::memory_resource large;
	std::pmr::monotonic_buffer_resource pool(8 << 20, &large);	/* blocks of 8 MiB */
	std::pmr::vector<std::pmr::vector<int>> rows(&pool);
	std::vector<double, pages::allocator<double>> sums;
	double total = 0;

	for (int i = 0; i < 1000; i++)
		rows.emplace_back(std::size_t{1000}, i);
	for (const auto &row : rows) {
		double sum = 0;
		for (int x : row)
			sum += x;
		sums.push_back(sum);
	}
	for (double sum : sums)
		total += sum;
	std::cout << "total " << total << (pages_owns(rows[0].data()) ? ", in large blocks\n" : "\n");
	return total == 499500e3 ? 0 : 1;
}
