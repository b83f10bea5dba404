# SPDX-License-Identifier: MIT
# checks.sh - a line in TAP's words for each check; bad is 1 once one has failed.  Sourced.
# shellcheck shell=sh disable=SC2034
bad=0

pass() { echo "ok - $1"; }
skip() { echo "ok - $1 # SKIP $2"; }
oops() { echo "not ok - $1"; shift; printf '# %s\n' "$@"; bad=1; }
# same WHAT GOT WANTED; has WHAT FILE PATTERN; hasnt WHAT FILE PATTERN
same() { if [ "$2" = "$3" ]; then pass "$1"; else oops "$1" "got $2" "want $3"; fi; }
has() { if grep -q -e "$3" "$2"; then pass "$1"; else oops "$1" "no '$3' in:" "$(cat "$2")"; fi; }
hasnt() { if grep -q -e "$3" "$2"; then oops "$1" "$(cat "$2")"; else pass "$1"; fi; }
