# SPDX-License-Identifier: MIT
# bash completion for pages-run(1): its options, the keys of PAGES_CONF, then the command's own.
# Colons separate words for readline; here they do not.

_pages_run_settings()
{
	local keys="threshold: retain: thp: moves: colours: dump: background: disable: report: show: help:"
	local word=${1##*,} before="" values
	[[ $1 != *,* ]] || before=${1%,*},
	case $word in
	thp:* | colours:* | background:*) values="on off" ;;
	moves:*) values="auto on off" ;;
	dump:*) values="all live" ;;
	disable:* | show:* | help:*) values="true false" ;;
	threshold:*) values="64K 256K 1M 16M" ;;
	retain:*) values="1000 10000" ;;
	*:*) values="" ;;
	*)
		compopt -o nospace 2>/dev/null
		mapfile -t COMPREPLY < <(compgen -P "$before" -W "$keys" -- "$word")
		return
		;;
	esac
	mapfile -t COMPREPLY < <(compgen -P "$before${word%%:*}:" -W "$values" -- "${word#*:}")
}

_pages_run()
{
	local cur prev words cword i command=
	local allocators="jemalloc mimalloc tcmalloc tbbmalloc"
	_init_completion -n := || return

	# Where the command starts, as far as it is typed; beyond cword: an option has an argument.
	for ((i = 1; i < cword; i++)); do
		case ${words[i]} in
		--) command=yes; ((i++)); break ;;
		-t | -c | --threshold | --conf | --record | --small) ((i++)) ;;
		-*) ;;
		*) break ;;
		esac
	done
	if ((i < cword)) || { ((i == cword)) && [[ $command || $cur != -* ]]; }; then
		_command_offset "$i"
		return
	fi

	case $prev,$cur in
	-t,* | --threshold,*) mapfile -t COMPREPLY < <(compgen -W "64K 256K 1M 16M" -- "$cur") ;;
	--small,*)
		compopt -o filenames 2>/dev/null
		mapfile -t COMPREPLY < <(compgen -W "$allocators" -f -- "$cur")
		;;
	--record,*)
		compopt -o filenames 2>/dev/null
		mapfile -t COMPREPLY < <(compgen -f -- "$cur")
		;;
	-c,* | --conf,*) _pages_run_settings "$cur" ;;
	*,--threshold=*)
		mapfile -t COMPREPLY < <(compgen -P --threshold= -W "64K 256K 1M 16M" -- "${cur#*=}")
		;;
	*,--conf=*)
		_pages_run_settings "${cur#*=}"
		COMPREPLY=("${COMPREPLY[@]/#/--conf=}")
		;;
	*,--compare=*)
		mapfile -t COMPREPLY < <(compgen -P --compare= -W "3 5 9 15" -- "${cur#*=}")
		;;
	*,--dry-run=*)
		mapfile -t COMPREPLY < <(compgen -P --dry-run= -W "shell systemd" -- "${cur#*=}")
		;;
	*,--small=*)
		compopt -o filenames 2>/dev/null
		mapfile -t COMPREPLY < <(compgen -P --small= -W "$allocators" -f -- "${cur#*=}")
		;;
	*,--report=* | *,--record=*)
		compopt -o filenames 2>/dev/null
		mapfile -t COMPREPLY < <(compgen -P "${cur%%=*}=" -f -- "${cur#*=}")
		;;
	*)
		mapfile -t COMPREPLY < <(compgen -W "--report --report= --record= --compare --compare= --small=
			--threshold= --conf= --dry-run --dry-run= --quiet --help --version -t -c -n -q -h -V --" -- "$cur")
		[[ ${COMPREPLY[0]-} != *= ]] || compopt -o nospace 2>/dev/null
		;;
	esac
	__ltrim_colon_completions "$cur"
	[[ $cur != *=* ]] || COMPREPLY=("${COMPREPLY[@]#"${cur%%=*}="}")
}
complete -F _pages_run pages-run
