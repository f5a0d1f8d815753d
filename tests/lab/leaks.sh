# shellcheck shell=dash
# SPDX-License-Identifier: MIT
# In a machine of the lab: what is left behind by what ought to leave nothing.  Sourced.
#
#	leaks TIMES COMMAND...	run the command, that does something so often, twice; say what the second time left behind
#	leaks_of CACHES OBJECTS KIB COMMAND...	the same, of the caches whose name the expression fits, and of all memory

# slabs FILE: write the objects of each cache, and how many a slab of it holds. A slab that a CPU keeps at hand counts as if all of it were in
# use (SLUB keeps up to four a CPU of large objects), so that the CPUs give theirs back first: mm/slub.c, shrink_store(). No process is
# made in between, which would allocate.
slabs() {
	local cache name active slab _

	for cache in /sys/kernel/slab/*/shrink; do echo 1 >"$cache"; done
	while read -r name active _ _ slab _; do echo "$name $active $slab"; done </proc/slabinfo >"$1"
}

mapped_kib() { awk '$1 == "VmallocUsed:" { print $2 }' /proc/meminfo; }
used_kib() { awk '$1 ~ /^(MemFree|Buffers|Cached|SReclaimable):/ { n += $2 } END { print -n }' /proc/meminfo; }

# grown BEFORE AFTER CACHES OBJECTS: the caches that grew by as many, and by more than a slab: one may be at hand again. Of ranges of
# addresses that are free again, newer kernels keep a lot for a while: VmallocUsed tells whether they are.
grown() { join "$1" "$2" 2>/dev/null | awk -v of="$3" -v n="$4" '$1 != "vmap_area" && $1 ~ of && $3 - $2 >= n && $3 - $2 > $4 { print $1, $2, "to", $3 }'; }
join() { awk 'NR == FNR { before[$1] = $2; next } $1 in before { print $1, before[$1], $2, $3 }' "$1" "$2"; }

# Less than a page for each time is no page that was lost each time.
leaks() {
	local times=$1

	shift
	leaks_of . $((times / 2)) $((times * 4)) "$@"
}

leaks_of() {
	local caches=$1 objects=$2 kib=$3 before after mapped

	shift 3
	"$@" >/dev/null || { echo "$* failed"; return; }
	sleep 1
	slabs before
	before=$(used_kib)
	mapped=$(mapped_kib)
	"$@" >/dev/null || { echo "$* failed"; return; }
	sleep 1
	slabs after
	after=$(used_kib)
	grown before after "$caches" "$objects"
	[ $((after - before)) -lt "$kib" ] || echo "memory: $((after - before)) KiB"
	mapped=$(($(mapped_kib) - mapped))
	[ "$mapped" -lt "$kib" ] || echo "VmallocUsed: $mapped KiB"
}
