#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# What bash offers after pages-run: every option of its --help, every key of PAGES_CONF, and
# then what it would offer for the command.  After pages-stat: its options, and processes.
srcdir=${srcdir:-.}
run=$PWD/preload/pages-run
stat=$PWD/preload/pages-stat
library=/usr/share/bash-completion/bash_completion
[ -x "$run" ] || { echo "not built"; exit 99; }
[ -f $library ] || { echo "bash-completion is not installed"; exit 77; }
# shellcheck disable=SC1090
. $library
# shellcheck source-path=SCRIPTDIR source=../../preload/pages-run.bash
. "$srcdir/preload/pages-run.bash"
# shellcheck source-path=SCRIPTDIR source=../../preload/pages-stat.bash
. "$srcdir/preload/pages-stat.bash"
command=pages-run
bad=0

# offers WORD...: what it offers for the last of them; words are split at colons and equals signs
offers() {
	COMP_LINE="$command $*"
	COMP_POINT=${#COMP_LINE}
	COMP_WORDS=("$command")
	local word rest
	for word; do
		while [[ $word =~ ^([^:=]*)([:=])(.*)$ ]]; do
			rest=${BASH_REMATCH[3]}
			[ -z "${BASH_REMATCH[1]}" ] || COMP_WORDS+=("${BASH_REMATCH[1]}")
			COMP_WORDS+=("${BASH_REMATCH[2]}")
			word=$rest
			[ -n "$word" ] || break
		done
		[[ -z $word && $rest == "" && $# -gt 0 && ${COMP_WORDS[-1]} == [:=] ]] || COMP_WORDS+=("$word")
	done
	COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
	COMPREPLY=()
	"_${command/-/_}" "$command" "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}"
	printf '%s\n' "${COMPREPLY[@]}" | sort
}

same() {
	if [ "$2" = "$3" ]; then
		echo "ok - $1"
	else
		echo "not ok - $1: '$2' instead of '$3'"
		bad=1
	fi
}

# options PROGRAM: those of its --help
options() { "$1" --help | grep -oE '(^|[ ,;])--?[a-zA-Z][a-z-]*' | tr -d ' ,;' | sort -u; }
offered() { offers - | sed 's/=$//' | grep -vx -- -- | sort -u; }
same "every option is offered" "$(offered)" "$(options "$run")"
# But for the key that pages-run sets itself.
keys=$(sed -n 's/^\tif (is(key, "\(.*\)"))$/\1:/p' "$srcdir/preload/conf.c" | grep -v '^record:' | sort)
same "every key is offered" "$(offers -c '')" "$keys"
same "keys start as typed" "$(offers -c th | tr '\n' ' ')" "thp: threshold: "
same "values are those of the key" "$(offers -c thp:o | tr '\n' ' ')" "off on "
same "a second setting" "$(offers -c thp:on,dump:l)" live
same "after --conf=" "$(offers --conf=ba)" background:
cd "$srcdir/src/lib" || exit 99
same "a file for the report" "$(offers --report=libpages.m)" libpages.map
same "a file for the samples" "$(offers --record=libpages.m)" libpages.map
same "what a dry run is for" "$(offers --dry-run=sy)" systemd
same "an allocator" "$(offers --small=je) $(offers --small mi)" "jemalloc mimalloc"
same "a library as the allocator" "$(offers --small=libpages.m)" libpages.map
same "the command's arguments" "$(offers -t 1M cat libpages.m)" libpages.map
same "after --" "$(offers -q -- cat libpages.m)" libpages.map

command=pages-stat
same "every option of pages-stat" "$(offered)" "$(options "$stat")"
same "a file to plot" "$(offers --plot=libpages.m)" libpages.map
same "seconds" "$(offers --watch=1 | tr '\n' ' ')" "1 10 "
same "without the sign they are a process" "$(offers --watch 0. | tr -d '\n')" ""
split=mine
offers - >/dev/null
same "it changes no variable" "$split" mine
same "its pid" "$(offers $$ | grep -x $$)" $$
same "its name" "$(offers "$(cat /proc/$$/comm)" | head -n 1)" "$(cat /proc/$$/comm)"
exit $bad
