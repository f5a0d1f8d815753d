# shellcheck shell=bash
# SPDX-License-Identifier: MIT
# Completion of exitstat, exitstat-export and exitstat-kvm for bash, from their --help.

_exitstat_options() {
	"$@" --help 2>/dev/null | grep -oE -- '(^ +(-[A-Za-z], )?|; -[A-Za-z], )--[a-z-]+' | grep -oE -- '--[a-z-]+$'
}

_exitstat_verbs() { "$1" --help 2>/dev/null | sed -nE 's/^  ([a-z]+) .*/\1/p'; }

# _exitstat_values PROGRAM OPTION WORD: the values that OPTION takes; fails if it takes none
_exitstat_values() {
	case $2 in
	-s | --sort | -w | --vendor) "$1" "$2" '' 2>&1 | sed -nE '/ takes /{s/.* takes (.*), not .*/\1/; s/, | or /\n/gp}' ;;
	-v | --vcpu) printf '%s\n' all /sys/devices/system/cpu/cpu[0-9]* | sed 's|.*/cpu||' ;;
	-m | --vm)
		exitstat host --total --csv --no-header 2>/dev/null |
			sed -nE 's/^([0-9]+),[0-9]*,"(.*)",[^"]*$/\1\n\2/; T; s/""/"/g; p' | sort -u
		;;
	-D | --debugfs | -t | --textfile | --from) compgen -d -- "$3" ;;
	-S | --source | -o | --output | -H | --html | -q | --qmp) compgen -f -- "$3" ;;
	-e | --exit) exitstat names 2>/dev/null | awk '{ print $3 }' ;;
	-i | --interval | -l | --listen | -P | --period | -r | --repeat) ;;
	*) return 1 ;;
	esac
}

# _exitstat_choice PROGRAM HOST VERB: the options that fit; HOST and VERB may be empty
_exitstat_choice() {
	local program=$1 host=$2 verb=$3

	case $program:$host:$verb in
	exitstat-kvm::*) "$program" --help | grep -E "^.{7}exitstat-kvm $verb" | grep -oE -- '--[a-z-]+' ;;
	exitstat-export:* | *:export) _exitstat_options "$program" ${verb:+export} ;;
	*:host:) _exitstat_options "$program" | grep -vx -e --source; _exitstat_options "$program" host ;;
	*:host:*) _exitstat_options "$program" "$verb"; printf -- '--%s\n' debugfs qmp vm ;;
	*) _exitstat_options "$program" ${verb:+"$verb"}; [[ $verb == @(names|report) ]] || echo --source ;;
	esac
	echo --help
}

_exitstat() {
	local program=${1##*/} word=$2 before=$3 host='' verb='' verbs candidates i

	verbs=" $(_exitstat_verbs "$program" | paste -sd ' ') "
	for ((i = 1; i < COMP_CWORD; i++)); do
		case ${COMP_WORDS[i]} in
		--) _command_offset $((i + 1)); return ;;
		host) [ -n "$verb" ] || host=host ;;
		*) [[ $verb || $verbs != *" ${COMP_WORDS[i]} "* ]] || verb=${COMP_WORDS[i]} ;;
		esac
	done
	if ! candidates=$(_exitstat_values "$program" "$before" "$word"); then
		case $program:$verb:$word in
		*:-*) candidates=$(_exitstat_choice "$program" "$host" "$verb" | sort -u) ;;
		exitstat::*) candidates=$(_exitstat_verbs exitstat | grep -vx "${host:+host\|export\|profile}") ;;
		exitstat-kvm::*) candidates=$(_exitstat_verbs exitstat-kvm) ;;
		exitstat-kvm:build:*) candidates=$(cd /lib/modules 2>/dev/null && compgen -d) ;;
		*:report:*) candidates=$(compgen -f -- "$word") ;;
		*:why:*) candidates=$(exitstat names | awk '{ print $2 }') ;;
		esac
	fi
	COMPREPLY=()
	# Not compgen -W, which would expand a VM's name.
	while IFS= read -r i; do
		[[ -z $i || $i != "$word"* ]] || COMPREPLY+=("$(printf %q "$i")")
	done <<<"$candidates"
}

complete -F _exitstat exitstat exitstat-export exitstat-kvm
