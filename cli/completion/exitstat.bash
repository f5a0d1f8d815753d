# shellcheck shell=bash
# SPDX-License-Identifier: MIT
# Completion of exitstat for bash.

_exitstat() {
	local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]} verb='' i
	local cpus

	COMPREPLY=()
	for ((i = 1; i < COMP_CWORD; i++)); do
		case ${COMP_WORDS[i]} in
		--)
			_command_offset $((i + 1))
			return
			;;
		check | leaf | names | record | report | top) verb=${verb:-${COMP_WORDS[i]}} ;;
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
	-S | --source | -o | --output | -H | --html)
		mapfile -t COMPREPLY < <(compgen -f -- "$word")
		return
		;;
	-i | --interval | -r | --repeat) return ;;
	esac
	case $verb:$word in
	:-*) mapfile -t COMPREPLY < <(compgen -W '-- --all --by-reason --csv --help --json --no-header --output --repeat --sort --source --vcpu --version' -- "$word") ;;
	:*) mapfile -t COMPREPLY < <(compgen -W 'check leaf names record report top' -- "$word") ;;
	names:*) mapfile -t COMPREPLY < <(compgen -W '--help --vendor' -- "$word") ;;
	record:*) mapfile -t COMPREPLY < <(compgen -W '-- --help --interval --output' -- "$word") ;;
	report:-*) mapfile -t COMPREPLY < <(compgen -W '--help --html --json --sort' -- "$word") ;;
	report:*) mapfile -t COMPREPLY < <(compgen -f -- "$word") ;;
	top:*) mapfile -t COMPREPLY < <(compgen -W '--help --interval --sort' -- "$word") ;;
	*) mapfile -t COMPREPLY < <(compgen -W '--help --source' -- "$word") ;;
	esac
}

complete -F _exitstat exitstat
