# shellcheck shell=bash
# SPDX-License-Identifier: MIT
# The tests beside this, on another kernel than 6.1: as many as kvm/series.tsv says, all of them in a soak.  Sourced.
#
#	on_kernel amd|intel SERIES SUITE
#
# They print one plan; a case has the name of its test before its own.

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd) || exit 1
top=$(dirname "$(dirname "$here")")

# What a word of the column `tested` means; emulated Intel takes ten times as long, so that it is counts alone.
forms_of() {
	case $1:$2:${EXITSTAT_SOAK:-0} in
	*:1) echo counts linux stock hostile host times torture ;;
	amd:full:*) echo counts linux stock hostile host times torture ;;
	amd:short:*) echo counts linux stock hostile ;;
	*) echo counts ;;
	esac
}

# column_of SERIES SUITE COLUMN
column_of() { awk -F'\t' -v series="$1" -v suite="$2" -v column="$3" '
	$1 == "series" { for (i = 1; i <= NF; i++) if ($i == column) c = i }
	$1 == series && $4 == suite { print $c }' "$top/kvm/series.tsv"; }

# The tests for it: of the patched KVM by their own name, of the attached module as attached-NAME where there is one.
tests_of() {
	local machine=$1 series=$2 suite=$3 form

	for form in $(forms_of "$machine" "$(column_of "$series" "$suite" tested)"); do
		[ "$(column_of "$series" "$suite" patched)" != yes ] || echo "$form"
		[ "$(column_of "$series" "$suite" attached)" != yes ] || [ ! -f "$here/$machine-attached-$form.sh" ] ||
			echo "attached-$form"
	done
}

# verdicts_of FORM: its cases, and one more if it did not end well although no case failed
verdicts_of() {
	sed -nE "s/^(ok|not ok) [0-9]+ (- )?/\1 $1: /p; s/^#/#/p; /^Bail out/p" "$out/$1"
	[ "$(<"$out/$1.status")" = 0 ] || grep -q '^not ok' "$out/$1" || {
		echo "not ok $1: it ends well"
		tail -n 20 "$out/$1" | sed 's/^/# /'
	}
	[ "$(sed -n 's/^1\.\.//p' "$out/$1")" = "$(grep -cE '^(not )?ok ' "$out/$1")" ] || echo "not ok $1: it says all that it plans"
}

on_kernel() {
	local machine=$1 series=$2 suite=$3 form

	out=$(mktemp -d)
	trap 'rm -rf "$out"' EXIT
	for form in $(tests_of "$@"); do
		EXITSTAT_KERNEL="$series $suite" "$here/$machine-$form.sh" >"$out/$form" 2>&1 </dev/null
		echo $? >"$out/$form.status"
		verdicts_of "$form" >>"$out/all"
	done
	echo "KTAP version 1"
	echo "1..$(grep -cE '^(not )?ok ' "$out/all")"
	awk '/^ok / { sub(/^ok /, "ok " ++n " ") } /^not ok / { sub(/^not ok /, "not ok " ++n " ") } { print }' "$out/all"
	! grep -q '^not ok ' "$out/all"
	exit
}
