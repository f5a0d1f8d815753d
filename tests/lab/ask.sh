# shellcheck shell=dash
# SPDX-License-Identifier: MIT
# Ask the small VMM, and take its answers one by one.  Sourced, in a machine of the lab.
#
#	ask WORDS...		run vmm; any failure of its own ends the test
#	answers_from FD		take the answers of a vmm that is already running
#	next_answer [N]		the next answer, or the Nth next: leaf ecx rax rbx rcx rdx are set
#	count, cycles		what the registers of the answer say
# shellcheck disable=SC2034 # for those who source this

# The module that counts, and its parameters.
counter=kvm
[ ! -d /sys/module/exitstat_attach ] || counter=exitstat_attach
parameters=/sys/module/$counter/parameters

leaf='' ecx='' rax='' rbx='' rcx='' rdx=''
numbers=$(vmm --list numbers | cut -d ' ' -f 1 | tr '\n' ' ')
if grep -qw svm /proc/cpuinfo; then
	numbering=2
	interrupt=interrupt
	last_small=$((0x420))
else
	numbering=1
	interrupt=EXTERNAL_INTERRUPT
	last_small=150
fi

# The number of a kind of vmm, or of an exit by its name.
number_of() {
	{ vmm --list kinds; vmm --list numbers | sed 's/\(.*\) \(.*\)/\2 \1/'; } | sed -n "s/^$1 //p" | head -n 1
}

interrupt_number=$(number_of $interrupt)

is_number() {
	[ "$1" != 0xffffff00 ] || return 0
	case " $numbers" in
	*" $1 "*) return 0 ;;
	esac
	return 1
}

ask() {
	vmm "$@" </dev/null >answers 2>&1 || {
		cat answers
		echo "ask: vmm failed, with: $*"
		exit 1
	}
	exec 5<answers
}

answers_from() {
	eval "cat <&$1 >answers"
	eval "exec $1<&-"
	exec 5<answers
}

next_answer() {
	local n=${1:-1} line word

	while [ "$n" -gt 0 ]; do
		read -r line <&5 || return 1
		n=$((n - 1))
	done
	for word in $line; do
		case $word in
		leaf=* | ecx=* | rax=* | rbx=* | rcx=* | rdx=*) eval "$word" ;;
		esac
	done
}

count() {
	echo $((rbx << 32 | rax))
}

cycles() {
	echo $((rbx << 32 | rcx))
}

# The four bytes of a register, as text; other than letters and digits are dots.
text() {
	local value=$(($1)) shown='' byte

	for _ in 1 2 3 4; do
		byte=$((value & 255))
		value=$((value >> 8))
		if [ $byte -ge 48 ] && [ $byte -le 122 ]; then
			# shellcheck disable=SC2059 # the format is the byte
			shown=$shown$(printf "\\$(printf %o $byte)")
		else
			shown=$shown.
		fi
	done
	echo "$shown"
}
