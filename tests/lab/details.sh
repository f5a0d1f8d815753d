# shellcheck shell=dash
# SPDX-License-Identifier: MIT
# What vmm's step `details` printed, compared with what it must be.  Sourced, in a machine of the lab.
#
#	detail_faults FILE [OWN [ALL]]	each number whose details do not add up; OWN is that of CPUID, which moves if ALL vCPUs ask
#	spread_faults TO FILE		what is wrong after a step `spread TO`
#	moved_places FILE		details that are not where they were in the vCPU's list before
#	why_faults			what is wrong in exitstat why --json
# shellcheck disable=SC2034 # for those who source this

if grep -qw svm /proc/cpuinfo; then
	detailed="0x72 0x7b 0x7c 0x81 0x400"
else
	detailed="0 0x1 0xa 0x12 0x1c 0x1e 0x1f 0x20 0x30 0x31 0x54 0x55"
fi

# The words of a line as awk's v["name"], for all scripts below.
# shellcheck disable=SC2016 # awk's
fields='{ for (i = 2; i <= NF; i++) { at = index($i, "="); v[substr($i, 1, at - 1)] = substr($i, at + 1) } }'

# Counts are exact; one that changes while it is read is in between. The time of our own queries always changes.
detail_faults() {
	grep ' details ' "$1" | awk -v own="${2:-}" -v all="${3:-}" -v detailed=" $detailed " "$fields"'
	function wrong(why) { print why ": " $0 }
	{ lines++; has = index(detailed, " " v["number"] " ") }
	!has && (v["sum"] != 0 || v["time-sum"] != 0) { wrong("has details"); next }
	!has || (all && v["number"] == own) { next }
	v["sum"] + 0 < v["before"] + 0 || v["sum"] + 0 > v["after"] + 0 { wrong("counts") }
	v["number"] != own && (v["time-sum"] + 0 < v["time-before"] + 0 || v["time-sum"] + 0 > v["time-after"] + 0) { wrong("times") }
	END { if (!lines) print "nothing was read" }'
}

# The primes and targets are those of lab/vmm/vmm.h.
spread_faults() {
	awk -v to="$1" "$fields"'
	BEGIN {
		split("2 3 5 7 11", primes, " ")
		first["port"] = 20480; stride["port"] = 4
		first["msr"] = 4096; stride["msr"] = 1
		first["leaf"] = 1342177280; stride["leaf"] = 1
		first["mmio"] = 805314560; stride["mmio"] = 4
		for (i = 0; i < 300; i++) {
			name = sprintf(to == "mmio" ? "0x80000000%08x" : "0x%x", first[to] + i * stride[to])
			wanted[name] = primes[i % 5 + 1]
			all += wanted[name]
		}
	}
	$2 == "detail" && v["detail"] in wanted {
		number = v["number"]
		rows++
		got += v["count"]
		if (v["count"] != wanted[v["detail"]])
			print v["detail"] " has " v["count"] " exits in place of " wanted[v["detail"]]
	}
	$2 == "detail" { of[v["number"]]++ }
	$2 == "detail" && v["detail"] == "0xffffffffffffffff" { rest[v["number"]] = v["count"] }
	END {
		if (rows < 100)
			print rows + 0 " of 300 targets have a row"
		if (of[number] > 257)
			print number " has " of[number] " rows"
		if (rest[number] != all - got)
			print "the rest has " rest[number] + 0 " exits in place of " all - got
	}' "$2"
}

moved_places() {
	awk "$fields"'
	$2 == "detail" {
		key = $1 " " v["number"] " " v["detail"]
		if (key in place && (place[key] != v["place"] || count[key] + 0 > v["count"] + 0))
			print key ": " place[key] " " count[key] ", then " v["place"] " " v["count"]
		if (!(key in place))
			news++
		else
			again++
		place[key] = v["place"]
		count[key] = v["count"]
	}
	END { if (again < 5) print again + 0 " details were seen twice" }' "$1"
}

# Of `exitstat why --json`: each reason whose details do not add up, or of which more than 1 % found no row.
why_faults() {
	tr '{' '\n' | awk '
		function text(key) { return match($0, "\"" key "\": *\"[^\"]*") ? value_of(substr($0, RSTART, RLENGTH)) : "" }
		function value_of(s) { sub(/.*: *"/, "", s); return s }
		function number(key) { return match($0, "\"" key "\": *[0-9]+") ? substr($0, RSTART + length(key) + 3, RLENGTH - length(key) - 3) + 0 : 0 }
		function end() {
			if (details && sum != count)
				print reason ": " count ", details " sum
			if (reason ~ /^(io|msr|cpuid|npf|IO_INSTRUCTION|MSR_READ|MSR_WRITE|CPUID|EPT_VIOLATION|EPT_MISCONFIG)$/) {
				asked++
				if (100 * (sum - rest) < 99 * count)
					print reason ": " count ", found no row " rest
			}
			reason = ""
			details = sum = rest = 0
		}
		/"number":/ && !/"detail":/ { end(); reason = text("name"); count = number("count") }
		/"detail":/ { details++; sum += number("count"); if (text("name") == "rest") rest = number("count") }
		END { end(); if (asked < 4) print asked + 0 " reasons" }'
}
