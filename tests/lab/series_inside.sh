#!/bin/sh
# shellcheck shell=dash
# SPDX-License-Identifier: MIT
# In a machine with the distribution's KVM, ours and exitstat_attach.ko beside this: what other tests boot a machine each
# for, one after the other.
#
#	series_inside.sh kvm-amd|kvm-intel EXITS QUERIES PATCHED-ID ATTACHED-ID PART...
#
# EXITS of each kind, QUERIES of each hostile VM and way to ask, the build IDs of the modules; a part is what has to count,
# -, and a script; or attach-brief, where exitstat-kvm attaches.
cd /root || exit
vendor_module=$1 exits=$2 queries=$3 patched_id=$4 attached_id=$5
shift 5
vendor=$(echo "$vendor_module" | tr - _)
now=stock

# become stock|patched|attached; a script may have left a KVM other than the one it began with.
become() {
	[ "$now" != "$1" ] || return 0
	rmmod exitstat_attach 2>/dev/null
	rmmod "$vendor" kvm || return
	case $1 in
	patched) insmod kvm.ko && load-module "$vendor_module.ko" ;;
	*) insmod /lab/kvm.ko && load-module "/lab/$vendor_module.ko" ;;
	esac || return
	[ "$1" != attached ] || insmod exitstat_attach.ko || return
	now=$1
}

# run CARRIER SCRIPT
run() {
	case $1-$2 in
	stock-*)
		now=unknown
		sh stock.sh "$patched_id" "$exits" "$vendor_module" "$2"
		;;
	*-hostile)
		now=unknown
		sh hostile_inside.sh "$vendor_module" "$queries" "$queries" 20261125 "$1"
		;;
	attach-*)
		now=unknown
		mkdir -p module && ln -f exitstat_attach.ko module/
		sh attach_inside.sh "$2"
		;;
	patched-counts) sh cases.sh "$patched_id" "$exits" ;;
	attached-counts) sh cases.sh "$attached_id" "$exits" ;;
	*) sh "$2.sh" ;;
	esac
}

for part; do
	echo "part $part"
	carrier=${part%-*}
	# A hostile guest asks the distribution's KVM first, and exitstat-kvm attaches to it.
	case $part in
	*-hostile | attach-*) become stock ;;
	*) become "$carrier" ;;
	esac || exit
	run "$carrier" "${part#*-}"
	echo "ended $? at $(cut -d ' ' -f 1 /proc/uptime) s"
done
exit 0 # the lines are the verdict
