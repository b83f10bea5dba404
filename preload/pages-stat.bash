# SPDX-License-Identifier: MIT
# bash completion for pages-stat(1): its options, and the processes of this machine by name or pid.

_pages_stat()
{
	local cur prev words cword split
	_init_completion -s || return
	# Its argument may be left out, so it needs the equals sign: the next word is a process.
	[[ $prev != --watch || ${split-} == true ]] || prev=

	case $prev,$cur in
	--record,* | --plot,*)
		compopt -o filenames 2>/dev/null
		mapfile -t COMPREPLY < <(compgen -f -- "$cur")
		;;
	--watch,* | --interval,*) mapfile -t COMPREPLY < <(compgen -W "0.2 1 2 10" -- "$cur") ;;
	*,-*)
		mapfile -t COMPREPLY < <(compgen -W "--all --watch --watch= --map --json --prometheus
			--record= --interval= --plot= --help --version -a -w -m -j -p -h -V" -- "$cur")
		[[ ${COMPREPLY[0]-} != *= ]] || compopt -o nospace 2>/dev/null
		;;
	*,[0-9]*) mapfile -t COMPREPLY < <(cd /proc && compgen -G "$cur*") ;;
	# A process may have any name, and compgen expands words: only harmless ones.
	*)
		mapfile -t COMPREPLY < <(compgen -W "$(grep -hxE '[A-Za-z0-9._+-]+' \
			/proc/[0-9]*/comm 2>/dev/null | sort -u)" -- "$cur")
		;;
	esac
}
complete -F _pages_stat pages-stat
