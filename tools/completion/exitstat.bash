# shellcheck shell=bash
# SPDX-License-Identifier: MIT
# Completion of exitstat, exitstat-export and exitstat-kvm for bash, from their --help.

_exitstat_options() {
	"$@" --help 2>/dev/null | grep -oE -- '^ +(-[A-Za-z], )?--[a-z-]+' | grep -oE -- '--[a-z-]+$'
}

_exitstat_verbs() { "$1" --help 2>/dev/null | sed -nE '/^verbs/,/^$/s/^  ([a-z]+) .*/\1/p; s/^  (attach|build|detach|load|status|unload) .*/\1/p'; }

# Names and classes of exits.
_exitstat_reasons() { exitstat names --csv --no-header 2>/dev/null | awk -F, '{ print $3; print $4 }' | sort -u; }

# PID and name of each VM.
_exitstat_vms() {
	exitstat host --total --csv --no-header 2>/dev/null |
		sed -nE 's/^total(,[^,]*){4},([0-9]+),[0-9]*,"(.*)",[^"]*$/\2\n\3/; T; s/""/"/g; p' | sort -u
}

# _exitstat_long PROGRAM HOST VERB OPTION: its long name, if it takes a value; the letters are the verb's
_exitstat_long() {
	[[ $4 == -?* ]] || return 1
	{
		"$1" ${3:+"$3"} --help
		[ -z "$2" ] || "$1" host --help
	} 2>/dev/null | sed -nE "s/^ +((-[A-Za-z]), )?(--[a-z-]+) [^ ].*/\\2 \\3/p" | awk -v option="$4" '$1 == option || $NF == option { print $NF; exit }'
}

# _exitstat_values PROGRAM HOST VERB OPTION WORD: the values that OPTION takes; fails if it takes none
_exitstat_values() {
	local word=$5 list=''

	case $(_exitstat_long "${@:1:4}") in
	--sort | --vendor) "$1" "$(_exitstat_long "${@:1:4}")" '' 2>&1 | sed -nE '/ takes /{s/.* takes (.*), not .*/\1/; s/, | or /\n/gp}' ;;
	--vcpu) printf '%s\n' all /sys/devices/system/cpu/cpu[0-9]* | sed 's|.*/cpu||' ;;
	--vm) _exitstat_vms ;;
	--pid) _exitstat_vms | grep -x '[0-9]*' ;;
	--debugfs | --textfile | --from) compgen -d -- "$word" ;;
	--source | --output | --html | --qmp) compgen -f -- "$word" ;;
	--exit)
		[[ $word != *,* ]] || list=${word%,*},
		_exitstat_reasons | sed "s|^|$list|"
		;;
	--?*) ;;
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
	*:host:*) _exitstat_options "$program" "$verb" | grep -vx -e --source; printf -- '--%s\n' debugfs pid qmp vm ;;
	*) _exitstat_options "$program" ${verb:+"$verb"} ;;
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
	if ! candidates=$(_exitstat_values "$program" "$host" "$verb" "$before" "$word"); then
		case $program:$verb:$word in
		*:-*) candidates=$(_exitstat_choice "$program" "$host" "$verb" | sort -u) ;;
		exitstat::*) candidates=$(_exitstat_verbs exitstat | grep -vx "${host:+host\|export\|profile\|diff}") ;;
		exitstat-kvm::*) candidates=$(_exitstat_verbs exitstat-kvm) ;;
		exitstat-kvm:build:*) candidates=$(cd /lib/modules 2>/dev/null && compgen -d) ;;
		*:report:* | *:diff:*) candidates=$(compgen -f -- "$word") ;;
		*:help:*) candidates=$(_exitstat_verbs exitstat) ;;
		*:why:*) candidates=$(_exitstat_reasons) ;;
		esac
	fi
	COMPREPLY=()
	# Not compgen -W, which would expand a VM's name.  A comma needs no quotes.
	while IFS= read -r i; do
		[[ -n $i && $i == "$word"* ]] || continue
		i=$(printf %q "$i")
		COMPREPLY+=("${i//\\,/,}")
	done <<<"$candidates"
}

complete -F _exitstat exitstat exitstat-export exitstat-kvm
