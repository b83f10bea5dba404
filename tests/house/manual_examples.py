#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Do the examples in the manual pages compile and run?

All displays but those of a synopsis: C by gcc and clang, C++, Python, and commands.  Drawings,
messages and files for other programs are left alone; what was not tried is said.
"""
import concurrent.futures
import os
import sys

sys.path.insert(0, os.path.join(os.environ.get("srcdir", "."), "tests/support"))
import commands  # noqa: E402
import mdoc  # noqa: E402
import snippets  # noqa: E402


def examples():
    for page in mdoc.pages():
        prelude = "\n".join(page.defines + [f"#include <{name}>" for name in page.includes])
        for display in page.displays:
            if display.section != "SYNOPSIS":
                yield snippets.Snippet(page.path, display.line, display.text, prelude)


def main():
    if not os.path.exists(".libs/libpages.so"):
        print("not built: .libs/libpages.so")
        return 99
    shop = snippets.Workshop()
    directory = commands.Directory(shop.tmp)
    results = []
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for example in examples():
            lines = commands.commands_of(example.text)
            for line in lines:          # one after the other: some use what others have written
                why = directory.why_not(line)
                if why:
                    shop.skip(example, f"{why}: {line.strip()}")
                else:
                    results.append((example, directory.tried(line)))
            if not lines and snippets.language(example):
                results.append((example, pool.submit(shop.tried, example)))
            elif not lines:
                shop.skip(example, "no program: " + example.text.splitlines()[0].strip())
    bad = 0
    for example, wrong in results:
        wrong = wrong.result() if isinstance(wrong, concurrent.futures.Future) else wrong
        if wrong:
            bad += 1
            print(f"FAIL: {example.path}:{example.line}: {wrong}")
    print("\n".join(["not tried:"] + shop.skipped))
    print(f"{len(results)} examples, {bad} bad")
    shop.close()
    return 1 if bad or not results else 0


if __name__ == "__main__":
    sys.exit(main())
