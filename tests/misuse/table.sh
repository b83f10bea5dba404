#!/bin/sh
# SPDX-License-Identifier: MIT
# Every call refuses every argument that misuse/types.txt does not list for it, and
# takes those that it lists without a warning.  All combinations are lines of one
# program for each compiler and set of gates; refused lines are those with an error.
# Another program has every call that can fail once, without a use of its result.
srcdir=${srcdir:-.}
table=$srcdir/tests/misuse/types.txt
[ -f "$table" ] || { echo "no $table"; exit 99; }
tmp=$(mktemp -d) || exit 99
trap 'rm -rf "$tmp"' EXIT
trap 'exit 99' HUP INT TERM
LC_ALL=C
export LC_ALL
strict="-Wall -Wextra -Wpedantic -Wconversion -Wcast-qual"
# What compilers say of a type; anything else is another mistake.
reason='not compatible with any|no matching function|cannot convert|cannot initialize
|invalid operands|deleted function|is ambiguous|invalid conversion|incompatible
|read-only|put_an_ampersand|a_string_is_not|not assignable|type mismatch in cond|no match for .operator'
reason=$(echo "$reason" | tr -d '\n')

# program GATES types|ignored: lines that are marked as accepted, refused, or ignored
program() {
	awk -F '\t' -v gates="$1" -v what="$2" '
	function handle(type) {
		print "extern struct pages_" type " *" type ";"
		print "extern const struct pages_" type " *const_" type ";"
		all = all " " type " const_" type " (*" type ")"
	}
	function other(type, name) {
		print "extern " type name ";"
		all = all " " name
	}
	BEGIN {
		if (gates ~ /exec/) print "#define PAGES_ENABLE_EXEC"
		if (gates ~ /wx/) print "#define PAGES_ENABLE_WX"
		print "#include <pages/pages.h>"
		n = split("none ro rw sealed frozen" (gates ~ /exec/ ? " rx jit" : "") \
			(gates ~ /wx/ ? " rwx" : "") " options mapping range", types, " ")
		for (i = 1; i <= n; i++) handle(types[i])
		other("int *", "intp"); other("unsigned *", "unsignedp"); other("int ", "number")
		other("char *", "charp"); other("const char *", "const_charp"); other("void *", "voidp")
		other("const void *", "const_voidp"); other("void **", "voidpp")
		other("char **", "charpp"); other("double ", "fraction")
		print "extern long value; extern size_t size;"
		print "#ifdef __cplusplus\n#define null nullptr\n#else\n#define null ((void *)0)\n#endif"
		all = all " null"
		print "void table(void); void table(void) {"
		n = split(all, arguments, " ")
	}
	/^#/ || ($1 != "-" && gates !~ $1) { next }
	{
		if (what == "ignored") {
			split($3, first, " ")
			if (sub(/^number = /, "", $2) && sub(/@/, first[1], $2))
				print $2 " /* ignored */"
			next
		}
		accepted = " " $3 " "
		for (i = 1; i <= n; i++) {
			argument = plain = arguments[i]
			if (accepted ~ / const /) sub(/^const_/, "", plain)
			line = $2
			sub(/@/, argument, line)
			verdict = index(accepted, " " plain " ") ? "accepted" : "refused"
			print line " /* " verdict " */"
		}
	}
	END { print "}" }' "$table"
}

# judge NAME: the lines whose fate is not what they say
judge() {
	awk -v reason="$reason" -v name="$1" '
	FNR == NR {
		sub(/^[^:]*\/table\.c/, "table.c")
		if (/^table\.c:[0-9]+:[0-9]+: (fatal )?(error|warning): /) {
			split($0, at, ":")
			said[at[2]] = said[at[2]] "\n    " $0
		}
		next
	}
	/\/\* accepted \*\/$/ { n++; if (FNR in said) bad($0) }
	/\/\* refused \*\/$/ { n++; if (said[FNR] !~ "error: .*(" reason ")") bad($0) }
	/\/\* ignored \*\/$/ { n++; if (said[FNR] !~ "unused.result") bad($0) }
	!/\/\* (accepted|refused|ignored) \*\/$/ { if (FNR in said) bad($0) }
	function bad(line) { failed++; print "FAIL " name ": " line said[FNR] }
	END { print n " lines for " name ", " failed + 0 " failed"; exit n < 20 || failed > 0 }
	' "$tmp/log" "$tmp/table.c"
}

# try COMPILER FLAGS...: both programs, with every set of gates
try() {
	command -v "$1" >/dev/null || return 0
	tmp=$tmp/$1
	mkdir "$tmp"
	bad=0
	for gates in none exec wx,exec; do
		program $gates types >"$tmp/table.c"
		"$@" -I"$srcdir/include" $strict -fsyntax-only "$tmp/table.c" >"$tmp/log" 2>&1
		judge "$1, gates $gates" || bad=1
	done
	program wx,exec ignored >"$tmp/table.c"
	"$@" -I"$srcdir/include" $strict -c "$tmp/table.c" -o "$tmp/out.o" >"$tmp/log" 2>&1
	judge "$1, ignored results" || bad=1
	return $bad
}

one_line=-ftrack-macro-expansion=0	# gcc: say where a macro is used, not defined
bad=0
try gcc $one_line -std=c11 &
(try clang -ferror-limit=0 -std=c11) || bad=1
wait $! || bad=1
try g++ $one_line -x c++ -std=c++17 &
(try clang++ -ferror-limit=0 -x c++ -std=c++17) || bad=1
wait $! || bad=1
ls "$tmp"/*/log >/dev/null 2>&1 || exit 77
exit $bad
