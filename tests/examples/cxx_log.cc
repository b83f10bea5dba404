/* SPDX-License-Identifier: MIT */
/*
 * cxx_log.cc - load a log in one piece and index its lines: pages::vec<T>, in C++
 *
 *	cxx_log [FILE]			without a file it makes one up
 */
#include <pages/pages.hpp>

#include <cstdio>
#include <iostream>
#include <string_view>

/* Begin and length of a line in the text */
struct line {
	std::size_t begin, len;
};

static pages::vec<line>
index_of(const pages::vec<char> &text)
{
	pages::vec<line> lines;
	std::size_t begin = 0, at = 0;

	for (char c : text) {
		at++;
		if (c == '\n') {
			lines.push_back({begin, at - 1 - begin});
			begin = at;
		}
	}
	return lines;
}

int
main(int argc, char **argv)
{
	std::FILE *f = argc > 1 ? std::fopen(argv[1], "r") : std::tmpfile();

	if (f == nullptr)
		return std::perror("cxx_log"), 1;
	for (int i = 0; argc == 1 && i < 100000; i++)
		std::fprintf(f, "%d %s\n", i, i % 1000 == 0 ? "error" : "fine");
	std::fflush(f);
	std::rewind(f);
	try {
		pages::vec<char> text;
		std::size_t errors = 0;

		text.load(fileno(f));		/* maps the file if it can */
		const pages::vec<line> lines = index_of(text);
		for (const line &l : lines) {
			std::string_view s(text.data() + l.begin, l.len);
			errors += s.find("error") != s.npos;
		}
		std::cout << lines.size() << " lines, " << errors << " errors\n";
		std::fclose(f);
		return argc > 1 || (lines.size() == 100000 && errors == 100) ? 0 : 1;
	} catch (const std::exception &e) {
		std::cerr << e.what() << '\n';
		return 1;
	}
}
