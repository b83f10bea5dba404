#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# What bash offers after pages-run: every option of its --help, every key of PAGES_CONF, and
# then what it would offer for the command.
srcdir=${srcdir:-.}
run=$PWD/preload/pages-run
library=/usr/share/bash-completion/bash_completion
[ -x "$run" ] || { echo "not built"; exit 99; }
[ -f $library ] || { echo "bash-completion is not installed"; exit 77; }
# shellcheck disable=SC1090
. $library
# shellcheck source-path=SCRIPTDIR source=../../preload/pages-run.bash
. "$srcdir/preload/pages-run.bash"
bad=0

# offers WORD...: what it offers for the last of them; words are split at colons and equals signs
offers() {
	COMP_LINE="pages-run $*"
	COMP_POINT=${#COMP_LINE}
	COMP_WORDS=(pages-run)
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
	_pages_run pages-run "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}"
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

options=$("$run" --help | grep -oE '(^|[ ,;])--?[a-zA-Z][a-z-]*' | tr -d ' ,;' | sort -u)
same "every option is offered" "$(offers - | sed 's/=$//' | grep -vx -- -- | sort -u)" "$options"
# But for the key that pages-run sets itself.
keys=$(sed -n 's/^\tif (is(key, "\(.*\)"))$/\1:/p' "$srcdir/preload/conf.c" | grep -v '^record:' | sort)
same "every key is offered" "$(offers -c '')" "$keys"
same "keys start as typed" "$(offers -c th | tr '\n' ' ')" "thp: threshold: "
same "values are those of the key" "$(offers -c thp:o | tr '\n' ' ')" "off on "
same "a second setting" "$(offers -c thp:on,dump:l)" live
same "after --conf=" "$(offers --conf=ba)" background:
cd "$srcdir/src/lib" || exit 99
same "a file for the report" "$(offers --report=libpages.m)" libpages.map
same "the command's arguments" "$(offers -t 1M cat libpages.m)" libpages.map
same "after --" "$(offers -q -- cat libpages.m)" libpages.map
exit $bad
