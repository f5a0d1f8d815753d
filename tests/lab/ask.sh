# shellcheck shell=dash
# SPDX-License-Identifier: MIT
# Ask the small VMM, and take its answers one by one.  Sourced, in a machine of the lab.
#
#	ask WORDS...		run vmm; any failure of its own ends the test
#	start_vm WORDS...	run vmm, as $vmm_pid, in the background until it waits
#	go_on			let it continue until it waits again
#	end_vm			let it run to its end, and take its answers
#	next_answer [N]		the next answer, or the Nth next: leaf ecx rax rbx rcx rdx are set, and what they say: $count,
#				$cycles, and $second, the other value where two are answered
#
# Under emulation, a process costs as much as a hundred exits: one process turns all answers into variables at once.
# shellcheck disable=SC2034 # for those who source this

# The module that counts, and its parameters.
counter=kvm
[ ! -d /sys/module/exitstat_attach ] || counter=exitstat_attach
parameters=/sys/module/$counter/parameters

leaf='' ecx='' rax='' rbx='' rcx='' rdx='' count='' cycles='' second='' line=0 last_line=0 vmm_pid=''
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
	take_answers
}

start_vm() {
	mkfifo vm.in vm.out
	vmm "$@" <vm.in >vm.out 2>&1 &
	vmm_pid=$!
	exec 6>vm.in 7<vm.out
	read -r _ <&7
}

go_on() {
	echo >&6
	read -r _ <&7
}

end_vm() {
	echo >&6
	exec 6>&-
	cat <&7 >answers
	exec 7<&-
	wait
	rm vm.in vm.out
	take_answers
}

# What each line assigns, as $line_N.
take_answers() {
	awk '
		!sub(/.* leaf=/, "leaf=") && !sub(/.* tsc /, "") { $0 = "" }
		{ print "line_" NR "=\047" $0 "\047" }
		END { print "line=0 last_line=" NR }' answers >lines
	# shellcheck source=/dev/null
	. ./lines
}

next_answer() {
	line=$((line + ${1:-1}))
	[ $line -le "$last_line" ] || return
	eval eval "\$line_$line"
	count=$((rbx << 32 | rax)) cycles=$((rbx << 32 | rcx)) second=$((rdx << 32 | rcx))
}

# The four bytes of a register as text; anything but letters and digits becomes a dot.
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
