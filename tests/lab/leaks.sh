# shellcheck shell=dash
# SPDX-License-Identifier: MIT
# In a machine of the lab: what is left behind by what ought to leave nothing.  Sourced.
#
#	leaks TIMES COMMAND...	run the command, which does something that often, twice; say what the second run left behind
#	leaks_of CACHES OBJECTS KIB COMMAND...	the same, of the caches whose name the expression fits, and of all memory

# slabs FILE: write the objects of each cache, and how many a slab of it holds. A slab that a CPU keeps at hand counts as if all of it were in
# use (SLUB keeps up to four per CPU of large objects), so the CPUs give theirs back first: mm/slub.c, shrink_store(). No process is
# made in between, which would allocate.
slabs() {
	local cache name active slab _

	for cache in /sys/kernel/slab/*/shrink; do echo 1 >"$cache"; done
	while read -r name active _ _ slab _; do echo "$name $active $slab"; done </proc/slabinfo >"$1"
}

mapped_kib() { awk '$1 == "VmallocUsed:" { print $2 }' /proc/meminfo; }
# Without what programs have, and what each CPU keeps of free pages (MemFree lacks them; mm/vmstat.c, zoneinfo_show_print()).
used_kib() {
	awk '$1 ~ /^(MemFree|Buffers|Cached|SReclaimable|AnonPages):/ { n += $2 } $1 == "count:" { n += 4 * $2 } END { print -n }' \
		/proc/meminfo /proc/zoneinfo
}

# grown BEFORE AFTER CACHES OBJECTS: the caches that grew by as many, and by more than a slab: one may be at hand again. Of ranges of
# addresses that are free again, newer kernels keep many for a while: VmallocUsed tells whether they are free.
grown() { join "$1" "$2" 2>/dev/null | awk -v of="$3" -v n="$4" '$1 != "vmap_area" && $1 ~ of && $3 - $2 >= n && $3 - $2 > $4 { print $1, $2, "to", $3 }'; }
join() { awk 'NR == FNR { before[$1] = $2; next } $1 in before { print $1, before[$1], $2, $3 }' "$1" "$2"; }

# Less than a page per run means that no page is lost in each run, where there are 128 or more; but a kernel thread more, of which each has 26 KiB, is no loss.
leaks() {
	local times=$1 kib=$(($1 * 4))

	[ "$kib" -ge 512 ] || kib=512
	shift
	leaks_of . $((times / 2)) $kib "$@"
}

# What RCU frees is freed within seconds (kernel/rcu/tree.c, kfree_rcu_monitor()), or some more on a busy machine: what is there
# for longer is lost.
leaks_of() {
	local caches=$1 objects=$2 kib=$3 left tries=60

	shift 3
	"$@" >/dev/null || { echo "$* failed"; return; }
	sleep 2
	slabs before
	used_before=$(used_kib)
	mapped_before=$(mapped_kib)
	"$@" >/dev/null || { echo "$* failed"; return; }
	while [ $tries -gt 0 ]; do
		tries=$((tries - 1))
		sleep 1
		left=$(left_since "$caches" "$objects" "$kib")
		[ -n "$left" ] || return 0
	done
	echo "$left"
}

left_since() {
	local used mapped

	slabs after
	used=$(($(used_kib) - used_before))
	mapped=$(($(mapped_kib) - mapped_before))
	grown before after "$1" "$2"
	[ $used -lt "$3" ] || echo "memory: $used KiB"
	[ $mapped -lt "$3" ] || echo "VmallocUsed: $mapped KiB"
}
