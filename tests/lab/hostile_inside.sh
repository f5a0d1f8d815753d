# shellcheck shell=dash disable=SC2086 # lists of words are split
# SPDX-License-Identifier: MIT
# In a machine with the distribution's KVM, ours or exitstat_attach.ko beside this: ask it at random, in all modes of the
# CPU; then the same of ours, switched off in each possible way; then ours, switched on, before an oracle; and, if it can
# be removed again, the distribution's KVM once more.
#
#	hostile_inside.sh kvm-amd|kvm-intel SAME QUERIES SEED [CARRIER]	queries of each VM and way to ask; carrier: patched
cd /root || exit
# shellcheck source=log.sh
. ./log.sh
vendor_module=$1 compared=$2 queries=$3 seed=$4 vcpus=2
vendor=$(echo "$vendor_module" | tr - _)
attached=
[ "${5:-}" != attached ] || attached=1
parameters=/sys/module/kvm/parameters

# Mode and way to ask; CPL 3 last. What KVM's emulator executes, only KVM answers.
ways="long/kernel protected/kernel real/kernel"
user_ways="long/user protected-user/kernel"
emulated="long/emulated protected/emulated real/emulated"
user_emulated="long/user-emulated protected-user/emulated"
[ -n "$attached" ] || { ways="$ways $emulated"; user_ways="$user_ways $user_emulated"; }

# The emulator executes prefixed instructions only if this parameter is on; before 6.1 it can only be set at load time.
force_emulation() {
	{ echo 1 >/sys/module/kvm/parameters/force_emulation_prefix; } 2>/dev/null && return
	rmmod "$vendor" kvm && insmod /lab/kvm.ko force_emulation_prefix=1 && load-module "/lab/$vendor_module.ko"
}

begin() {
	if [ -n "$attached" ]; then
		insmod exitstat_attach.ko guest_exit_stats=0 || exit
		parameters=/sys/module/exitstat_attach/parameters
	else
		rmmod "$vendor" kvm || exit
		insmod kvm.ko guest_exit_stats=0 force_emulation_prefix=1 && load-module "$vendor_module.ko" || exit
	fi
}

query() {
	local way=$1 steps=$2

	shift 2
	vmm --mode "${way%/*}" "$@" $steps </dev/null
}

# same NAME WAYS OPTION...: the same list each time
same() {
	local name=$1 list=$2 way

	shift 2
	for way in $list; do
		query "$way" "fuzz ${way#*/} $compared 20261123" "$@"
	done >"$name"
	case " $list" in
	*" long/kernel "*) query long/kernel "sample $((10 * compared)) 20261123" "$@" >>"$name" ;;
	esac
}

same_all() {
	same "$1.kernel" "$ways"
	same "$1.user" "$user_ways"
	same "$1.without" "$ways $user_ways" --entry without
}

compare() {
	if cmp "$2" "$3" >&2; then
		echo "compared $1 same=$(wc -l <"$2")"
	else
		echo "compared $1 different: $(diff "$2" "$3" | head -n 4 | tr '\n' ' ')"
	fi
}

# before_oracle SEED [OPTION...]
before_oracle() {
	local way n=$1 list=$2

	shift 2
	for way in $list; do
		echo "way $way"
		query "$way" "fuzz ${way#*/} $queries $n" --vcpus $vcpus "$@" | oracle $vcpus
	done
}

echo "section same"
force_emulation || exit
same_all stock
[ -z "$attached" ] || same emulated.stock "$emulated $user_emulated"
begin
mark_log
same_all off
compare "off, CPL 0" stock.kernel off.kernel
compare "off, CPL 3" stock.user off.user
compare "off, an entry without the signature" stock.without off.without
echo 1 >$parameters/guest_exit_stats
same user1 "$user_ways"
compare "CPL 0 only, CPL 3" stock.user user1
echo 2 >$parameters/guest_exit_stats
same without2 "$ways $user_ways" --entry without
compare "on, an entry without the signature" stock.without without2
if [ -n "$attached" ]; then
	same emulated.on "$emulated $user_emulated"
	compare "on, by the emulator" emulated.stock emulated.on
fi

echo "section oracle"
before_oracle "$seed" "$ways $user_ways"
echo 1 >$parameters/guest_exit_stats
before_oracle $((seed + 1)) "$ways"
echo 1 >$parameters/exit_stats_histograms
echo 1 >$parameters/exit_stats_details
echo 0 >$parameters/guest_exit_stats
before_oracle $((seed + 2)) "$ways $user_ways" --entry with

if [ -n "$attached" ]; then
	rmmod exitstat_attach || exit
	echo "section detached"
	same_all detached
	compare "CPL 0" stock.kernel detached.kernel
	compare "CPL 3" stock.user detached.user
	compare "an entry without the signature" stock.without detached.without
fi

echo "section log"
logged ""
