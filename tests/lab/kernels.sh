# shellcheck shell=bash disable=SC2154 # $built, $modules and $attach are of build.sh
# SPDX-License-Identifier: MIT
# The tests in this directory, on one kernel: as many as kvm/series.tsv says, all of them in a soak.  Sourced.
#
#	on_kernel amd|intel SERIES SUITE [PART...]	these parts, in one machine, and nothing else
#
# They print one plan; a case has the name of its test before its own.

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd) || exit 1
top=$(dirname "$(dirname "$here")")
# shellcheck source=machine.sh
. "$here/machine.sh"
# shellcheck source=hostile.sh
. "$here/hostile.sh"
# shellcheck source=exitstat_kvm.sh
. "$here/exitstat_kvm.sh"

# column_of SERIES SUITE COLUMN
column_of() { awk -F'\t' -v series="$1" -v suite="$2" -v column="$3" '
	$1 == "series" { for (i = 1; i <= NF; i++) if ($i == column) c = i }
	$1 == series && $4 == suite { print $c }' "$top/kvm/series.tsv"; }

# has patched|attached: and, outside of a soak, it is tested; of some kernels, for time, the attached module alone
has() {
	[ "$(column_of "$series" "$suite" "$1")" = yes ] &&
		{ [ "$1" = attached ] || [ "${EXITSTAT_SOAK:-0}" = 1 ] || [ "$(column_of "$series" "$suite" tested)" != attached ]; }
}

# What one machine runs, one after the other, and what has a machine of its own: files beside this, less the vendor. Linux
# guests and hostile ones take long on emulated Intel: there, they run only in the soak.
short_parts() {
	local form forms="counts linux hostile" each

	[ "$machine" = amd ] || forms=counts
	! has patched || [ "$machine" != amd ] || echo stock-linux
	for each in patched attached; do
		! has "$each" || for form in $forms; do echo "$each-$form"; done
	done
	! has attached || echo attach-brief
}

# In a soak of all kernels, every kernel runs the long ones.
files_of() {
	local form forms=''

	[ "$(column_of "$series" "$suite" tested):$machine" != full:amd ] || forms="host times torture"
	[ "${EXITSTAT_SOAK:-0}" != 1 ] || forms="counts linux stock hostile host times torture"
	for form in $forms; do
		! has patched || echo "$form"
		! has attached || [ ! -f "$here/$machine-attached-$form.sh" ] || [ "${EXITSTAT_SOAK:-0}" != 1 ] || echo "attached-$form"
	done
}

# verdicts_of NAME: its cases, and one more if it did not end well although no case failed
verdicts_of() {
	sed -nE "s/^(ok|not ok) [0-9]+ (- )?/\1 $1: /p; s/^#/#/p; /^Bail out/p" "$out/$1"
	[ "$(<"$out/$1.status")" = 0 ] || grep -q '^not ok' "$out/$1" || {
		echo "not ok $1: it ends well"
		tail -n 20 "$out/$1" | sed 's/^/# /'
	}
	[ "$(sed -n 's/^1\.\.//p' "$out/$1")" = "$(grep -cE '^(not )?ok ' "$out/$1")" ] || echo "not ok $1: it says all that it plans"
}

# The oracle runs on this side: treat the part as the output of a machine of its own.
hostile_part() {
	said=$1
	carrier=$2
	plan "$([ "$carrier" = attached ] && echo 12 || echo 8)"
	hostile_verdicts
	finish
}

# take_part PART: what it printed, and its status
take_part() {
	echo lost >"$out/$1.status"
	awk -v part="$1" -v status="$out/$1.status" '
		$1 == "part" { on = $2 == part; next }
		on && $1 == "ended" { print $2 >status; next }
		on' "$out/machine" >"$out/$1"
}

in_one_machine() {
	local parts=("$@") adds=() file id=- attached_id=- part scripts=(ask details samples cases series_inside hostile_inside log)

	# These need QEMU in the machine.
	[[ ${parts[*]} != *linux* ]] || scripts+=(guest linux freeze stock)

	if has patched; then
		carrier=patched build_for ""
		id=$(build_id "$modules/kvm.ko")
		adds=(--add "$modules/kvm.ko" --add "$modules/kvm-$machine.ko")
	fi
	if has attached; then
		carrier=attached build_for ""
		attached_id=$(build_id "$attach")
		adds+=(--add "$attach")
	fi
	[[ ${parts[*]} != *attach-brief* ]] || {
		scripts+=(attach_inside)
		add_exitstat_kvm
	}
	for file in "${scripts[@]/%/.sh}"; do adds+=(--add "$here/$file"); done
	for file in "$top/tests/lib/ktap.sh" "$built/freeze" "$built/oracle:/bin/oracle"; do
		adds+=(--add "$file")
	done
	"$top/lab/run" --machine "$machine" --kernel "$release" --stock --timeout 1500 "${adds[@]}" \
		-- sh /root/series_inside.sh "kvm-$machine" 1009 200 "$id" "$attached_id" "${parts[@]}" >"$out/machine" 2>&1 ||
		{ echo "not ok the machine runs to its end"; tail -n 30 "$out/machine" | sed 's/^/# /'; } >>"$out/all"
	tr -d '\r' <"$out/machine" >"$out/machine.text" && mv "$out/machine.text" "$out/machine"
	[ -z "${EXITSTAT_KEEP:-}" ] || cp "$out/machine" "$EXITSTAT_KEEP"
	for part in "${parts[@]}"; do
		take_part "$part"
		[[ $part != *-hostile ]] || {
			mv "$out/$part" "$out/said"
			(hostile_part "$out/said" "${part%-*}") >"$out/$part"
			echo $? >"$out/$part.status"
		}
		verdicts_of "$part" >>"$out/all"
	done
}

on_kernel() {
	local machine=$1 series=$2 suite=$3 file parts files=''

	export EXITSTAT_KERNEL="$series $suite"
	out=$(mktemp -d)
	trap 'rm -rf "$out"' EXIT
	if [ $# -gt 3 ]; then
		in_one_machine "${@:4}"
	else
		mapfile -t parts < <(short_parts)
		[ "${EXITSTAT_SOAK:-0}" = 1 ] || in_one_machine "${parts[@]}"
		files=$(files_of)
	fi
	for file in $files; do
		"$here/$machine-$file.sh" >"$out/$file" 2>&1 </dev/null
		echo $? >"$out/$file.status"
		verdicts_of "$file" >>"$out/all"
	done
	echo "KTAP version 1"
	echo "1..$(grep -cE '^(not )?ok ' "$out/all")"
	awk '/^ok / { sub(/^ok /, "ok " ++n " ") } /^not ok / { sub(/^not ok /, "not ok " ++n " ") } { print }' "$out/all"
	! grep -q '^not ok ' "$out/all"
	exit
}
