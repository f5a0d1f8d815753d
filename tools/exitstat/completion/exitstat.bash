# shellcheck shell=bash
# SPDX-License-Identifier: MIT
# Completion of exitstat for bash.

_exitstat() {
	local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]} verb='' host='' i
	local cpus pids

	COMPREPLY=()
	for ((i = 1; i < COMP_CWORD; i++)); do
		case ${COMP_WORDS[i]} in
		--)
			_command_offset $((i + 1))
			return
			;;
		host) [ -n "$verb" ] || host=host ;;
		check | export | leaf | names | record | report | show | top) verb=${verb:-${COMP_WORDS[i]}} ;;
		esac
	done
	case $before in
	-s | --sort)
		mapfile -t COMPREPLY < <(compgen -W 'time count mean vmm waiting name number' -- "$word")
		return
		;;
	--vendor)
		mapfile -t COMPREPLY < <(compgen -W 'intel amd' -- "$word")
		return
		;;
	-v | --vcpu)
		cpus=$(cd /sys/devices/system/cpu && echo cpu[0-9]*)
		mapfile -t COMPREPLY < <(compgen -W "all ${cpus//cpu/}" -- "$word")
		return
		;;
	-S | --source | -o | --output | -H | --html | -q | --qmp | -D | --debugfs | -t | --textfile)
		mapfile -t COMPREPLY < <(compgen -f -- "$word")
		return
		;;
	-m | --vm)
		pids=$(exitstat host --total --csv --no-header 2>/dev/null | cut -d, -f1 | uniq)
		mapfile -t COMPREPLY < <(compgen -W "$pids" -- "$word")
		return
		;;
	-i | --interval | -l | --listen | -r | --repeat) return ;;
	esac
	case $host$verb:$word in
	export:*) mapfile -t COMPREPLY < <(compgen -W '--debugfs --help --histograms --interval --listen --per-vcpu --qmp --textfile --version' -- "$word") ;;
	host:-*) mapfile -t COMPREPLY < <(compgen -W '-- --all --by-reason --csv --debugfs --help --json --no-header --output --qmp --repeat --sort --total --vcpu --vm' -- "$word") ;;
	host:*) mapfile -t COMPREPLY < <(compgen -W 'check leaf names record report show top' -- "$word") ;;
	esac
	[ "$host" ] && [ -z "$verb" ] && return
	case $verb:$word in
	:-*) mapfile -t COMPREPLY < <(compgen -W '-- --all --by-reason --csv --help --json --no-header --output --repeat --sort --source --vcpu --version' -- "$word") ;;
	:*) mapfile -t COMPREPLY < <(compgen -W 'check export host leaf names record report show top' -- "$word") ;;
	names:*) mapfile -t COMPREPLY < <(compgen -W '--help --vendor' -- "$word") ;;
	record:*) mapfile -t COMPREPLY < <(compgen -W '-- --help --interval --output' -- "$word") ;;
	report:-*) mapfile -t COMPREPLY < <(compgen -W '--help --html --json --sort' -- "$word") ;;
	report:*) mapfile -t COMPREPLY < <(compgen -f -- "$word") ;;
	top:*) mapfile -t COMPREPLY < <(compgen -W '--help --interval --sort' -- "$word") ;;
	*) mapfile -t COMPREPLY < <(compgen -W '--help --source' -- "$word") ;;
	esac
}

complete -F _exitstat exitstat
