# shellcheck shell=bash disable=SC2154 # $out, $machine and $release are of those who source this
# SPDX-License-Identifier: MIT
# Tables and JSON from the output of measure, growth and reader. Sourced.

# A row per kind and a column per way: first the values, then what each way adds to stock KVM.
print_costs() {
	awk -F'\t' '
	function column(w, text) { printf "%" (length(way[w]) < 11 ? 12 : length(way[w]) + 2) "s", text }
	function line(text, row, base,   w) {
		printf "%-12s", text
		for (w = 1; w <= ways; w++) column(w, row == "" ? way[w] : cost[way[w], row] - base)
		print ""
	}
	$2 == "sustained" || $2 == "bytes" || $2 == "kvm_vcpu" { next }
	!($1 in seen) { seen[$1] = 1; way[++ways] = $1 }
	!($2 in known) { known[$2] = 1; kind[++kinds] = $2 }
	{ cost[$1, $2] = $4 }
	END {
		print "Instructions per exit, from the guest and back:\n"
		line("", "", 0)
		for (k = 1; k <= kinds; k++) line(kind[k], kind[k], 0)
		print "\nMore than stock KVM:\n"
		line("", "", 0)
		for (k = 1; k <= kinds; k++) line(kind[k], kind[k], cost["plain", kind[k]])
		print "\nThe same, as a multiple of what exitstat adds (on):\n"
		line("", "", 0)
		for (k = 1; k <= kinds; k++) {
			base = cost["plain", kind[k]]
			printf "%-12s", kind[k]
			for (w = 1; w <= ways; w++)
				column(w, sprintf("%.1f", (cost[way[w], kind[k]] - base) / (cost["on", kind[k]] - base)))
			print ""
		}
	}' "$@"
}

print_sustained() {
	awk -F'\t' '
	$2 == "sustained" { way[++ways] = $1; n = $3; mean[$1] = $5 }
	$2 == "bytes" { bytes[$1] = $4 / $3 }
	END {
		printf "%d CPUID exits in a row, including all that the machine does meanwhile (timer ticks, perf writing):\n\n", n
		printf "%-20s%12s%12s%12s\n", "", "mean", "added", "bytes kept"
		for (w = 1; w <= ways; w++)
			printf "%-20s%12.1f%12.1f%12s\n", way[w], mean[way[w]],
				mean[way[w]] - mean["plain"], way[w] in bytes ? sprintf("%.1f", bytes[way[w]]) : "-"
	}' "$@"
}

print_reader() {
	echo "Reading in a Linux guest: CPUID exits and instructions (median of 21), exits included:"
	echo
	awk -F'\t' '
	{ name = $1 }
	name == "command" { name = ++commands == 1 ? "exitstat -- true" : "true, without exitstat" }
	{ printf "%-26s%12d%12d\n", name, $2, $3 }' "$@"
}

print_growth() {
	awk -F'\t' '
	$2 == "kvm_vcpu" { bytes[$1] = $4; share[$1] = $5; next }
	NF != 3 { next }
	$1 == "histograms" { bytes[$1] = $3; next }
	!($1 in seen) { seen[$1] = 1; what[++questions] = $1 }
	!($2 in known) { known[$2] = 1; vcpus[++columns] = $2 }
	{ cost[$1, $2] = $3 }
	END {
		print "Instructions per query, by the number of vCPUs (-all: all of them ask at once, in a loop):\n"
		printf "%-14s", "vCPUs"
		for (c = 1; c <= columns; c++) printf "%12s", vcpus[c]
		print ""
		for (w = 1; w <= questions; w++) {
			printf "%-14s", what[w]
			for (c = 1; c <= columns; c++)
				printf "%12s", (what[w], vcpus[c]) in cost ? cost[what[w], vcpus[c]] : "-"
			print ""
		}
		printf "\nBytes per vCPU: struct %d, in stock KVM %d, so %d more; share of a slab %d, in stock KVM %d;\n",
			bytes["off"], bytes["plain"], bytes["off"] - bytes["plain"], share["off"], share["plain"]
		printf "histograms: %d more (by free memory, with 255 vCPUs)\n", bytes["histograms"]
	}' "$@"
}

# The mean of the rounds, and half the width of its 95% confidence interval (Student's t, two-sided).
print_hardware() {
	awk -F'\t' '
	function t95(n) { return n > 30 ? 1.96 + 2.4 / n : quantile[n] }
	BEGIN {
		split("12.71 4.303 3.182 2.776 2.571 2.447 2.365 2.306 2.262 2.228 2.201 2.179 2.160 2.145 2.131 " \
			"2.120 2.110 2.101 2.093 2.086 2.080 2.074 2.069 2.064 2.060 2.056 2.052 2.048 2.045 2.042", quantile, " ")
		print "Cycles per exit on this machine: mean of the rounds, +- half of the 95% confidence interval\n"
		printf "%-12s%-12s%12s%10s%12s%10s\n", "kind", "way", "median", "+-", "mean", "+-"
	}
	$3 == "bytes" || $3 == "kvm_vcpu" { next }
	{
		key = $3 FS $2
		if (!(key in n)) order[++keys] = key
		n[key]++
		median[key] += $5; median2[key] += $5 * $5
		mean[key] += $6; mean2[key] += $6 * $6
	}
	function half(sum, squares, n,   variance) {
		variance = (squares - sum * sum / n) / (n - 1)
		return variance > 0 ? t95(n - 1) * sqrt(variance / n) : 0
	}
	END {
		for (k = 1; k <= keys; k++) {
			key = order[k]
			split(key, name, FS)
			printf "%-12s%-12s%12.1f%10.1f%12.1f%10.1f\n", name[1], name[2],
				median[key] / n[key], half(median[key], median2[key], n[key]),
				mean[key] / n[key], half(mean[key], mean2[key], n[key])
		}
	}' "$@"
}

# rows NAME...: convert the lines of standard input to objects with these keys
rows() {
	# shellcheck disable=SC2016 # jq expands it
	jq -R -n '[inputs | split("\t") | [$ARGS.positional, map(tonumber? // .)] | transpose | map({(.[0]): .[1]}) | add]' \
		--args "$@"
}

# all SUFFIX: the lines of all machines; SUFFIX is -again for the repetition
all() { cat "$out/stock$1.tsv" "$out/ours$1.tsv" "$out/attached$1.tsv" 2>/dev/null; }

json_machine() {
	jq -n --arg machine "$machine" --arg kernel "$release" \
		--arg revision "$(git -C "$top" describe --always --dirty 2>/dev/null || echo unknown)" \
		--slurpfile costs <(all '' | rows way what exits median mean) \
		--slurpfile again <(all -again | rows way what exits median mean) \
		--slurpfile reader <(rows what exits instructions <"$out/reader.tsv") \
		--slurpfile growth <(rows what vcpus value <"$out/growth.tsv") \
		'def kinds: map(select(.what | IN("sustained", "bytes", "kvm_vcpu") | not) | del(.mean));
		 def only($what): map(select(.what == $what));
		 {$machine, unit: "instructions", $kernel, $revision, costs: ($costs[0] | kinds), again: ($again[0] | kinds),
		  sustained: ($costs[0] | only("sustained") | map(del(.median, .what))),
		  files: ($costs[0] | only("bytes") | map({way, exits, bytes: .median})),
		  vcpu_bytes: ($costs[0] | only("kvm_vcpu") | map({way, object: .median, slab_share: .mean})),
		  reader: $reader[0], growth: $growth[0]}'
}

json_hardware() {
	jq -n --arg kernel "$(uname -r)" --arg cpu "$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1)" \
		--slurpfile costs <(rows round way kind exits median mean <"$out/rounds.tsv") \
		'{machine: $cpu, unit: "cycles", $kernel, costs: $costs[0]}'
}
