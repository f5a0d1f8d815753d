#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Help texts, man pages and completions have exactly the options of the table in tools/command/options.c, and examples work.
set -u
top=$(cd "$(dirname "$0")/../.." && pwd)
# shellcheck source=tests/lib/unit.sh
. "$top/tests/lib/unit.sh"

make -s -C "$top/tools" || exit 1
PATH=$top/build:$top/tools/swap:$PATH
table=$top/tools/command/options.c

# What the table has for VERB..., without that for every verb.
options() { python3 "$top/tests/lib/options.py" "$table" "$@"; }
specific() { options "$@" | sort -u; }
# The same as names.
names() { grep -oE -- '--[a-z-]+' | sort -u; }

# What a --help lists, and a man page, in the form of options().
of_help() { "$@" --help | grep -oE -- '^ +(-[A-Za-z], )?--[a-z-]+( [^ ]+)?' | sed -E 's/^ +//; s/(--[a-z-]+) .*/\1 VALUE/' | sort -u; }
of_page() { sed -nE 's/^\.It Fl ([A-Za-z]) , Fl \\&-([a-z-]+)( (Ar|Cm) .*)?$/-\1, --\2\3/p; s/^\.It Fl \\&-([a-z-]+)( (Ar|Cm) .*)?$/--\1\2/p' "$top/man/$1" | sed 's/ .r .*\| Cm .*/ VALUE/; s/,--/, --/' | sort -u; }

# same WHAT GOT WANTED: a case of its own for each text or page
same() { is "$1 has the options of the table" "$(sort -u <<<"$2")" "$(sort -u <<<"$3")"; }

# offer WORD...: what bash offers for the last one
offer() {
	bash -c '
		. "$0"
		[ ! -e "$1" ] || . "$1"
		COMP_WORDS=("${@:2}") COMP_CWORD=$(($# - 2))
		_exitstat "$2" "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}"
		printf "%s\n" "${COMPREPLY[@]}"
	' "$top/tools/completion/exitstat.bash" "$work/stub" "$@"
}

# What zsh has for PROGRAM HOST VERB; its completion system is not there to ask.
zsh_choice() {
	zsh -f -c 'eval "$(sed "/^local dashes/,\$d" "$0")"; _exitstat_choice "$@"' "$top/tools/completion/_exitstat" "$@" 2>>"$work/zsh"
}

# contexts: a line each: program, host, verb, its FOR_ in the table, what all take but this one not
contexts='exitstat - - show,run,interval none
exitstat - check check none
exitstat - diff diff none
exitstat - leaf leaf none
exitstat - names names none
exitstat - profile profile none
exitstat - record record none
exitstat - report report none
exitstat - show show,run,interval none
exitstat - top top none
exitstat - why why none
exitstat - export export none
exitstat host - guests,host,show,run,interval --source
exitstat host top top,host --source
exitstat host record record,host --source
exitstat host why why,host --source
exitstat-export - - export none'

plan 64
is "no line of a help text has more than 80 columns" "$(
	for verb in '' check diff host leaf names profile record report show top why export; do exitstat $verb --help; done | grep -E '.{81}'
	exitstat-kvm --help | grep -E '.{81}')" ""
cp "${table%c}h" "$work"
sed '/"by-reason"/,/"with/d; s/"all", .a./"all", '"'z'"'/' "$table" >"$work/other.c"
is "an option more, and another letter, are seen" \
	"$(diff <(of_help exitstat | sort) <(python3 "$top/tests/lib/options.py" "$work/other.c" show run interval | sort) | grep '^[<>]')" \
	"< -a, --all
< -b, --by-reason
> -z, --all"

is "no verb has a letter twice" "$(options twice)" ""
is "which would be seen" "$(sed 's/"by-reason", .b./"by-reason", '"'a'/" "$table" >"$work/other.c"; python3 "$top/tests/lib/options.py" "$work/other.c" twice)" \
	"FOR_INTERVAL: -a is all and by-reason"
is "help VERB is VERB --help" "$(for verb in check diff host leaf names profile record report top why export; do cmp <(exitstat help $verb) <(exitstat $verb --help); done; cmp <(exitstat help) <(exitstat --help))" ""
is "of no verb there is no help" "$(exitstat help nonsense 2>&1)" "exitstat: there is no verb 'nonsense'; see exitstat --help"
# shellcheck disable=SC2086 # words
is "what is no option, or lacks its value, leads to the help of its verb" \
	"$(for words in --frob 'names --frob' 'names -X' 'top --sort' 'host --frob' 'host top --frob' 'export --listen'; do exitstat $words 2>&1; done)" \
	"exitstat: there is no option '--frob'; see exitstat --help
exitstat: there is no option '--frob'; see exitstat names --help
exitstat: there is no option '-X'; see exitstat names --help
exitstat: '--sort' needs a value; see exitstat top --help
exitstat: there is no option '--frob'; see exitstat host --help
exitstat: there is no option '--frob'; see exitstat host top --help
exitstat: '--listen' needs a value; see exitstat export --help"
# Each example, but with --help.
is "every verb has examples, and the options in them are its own" "$(
	for verb in '' check diff host leaf names profile record report top why export; do
		exitstat $verb --help | sed -n '/^examples:/,$s/^  \(exitstat .*\)/\1/p' >"$work/examples"
		[ -s "$work/examples" ] || echo "$verb has none"
		sed -E 's/  +.*//; s/ [>|] ?.*//; s/ -- .*//; s/^exitstat/& --help/' "$work/examples" | while read -r line; do
			eval "$line" >/dev/null || echo "$line"
		done
	done)" ""
is "a letter is the verb's own" "$(exitstat profile -c 0 2>&1; exitstat names -c -w amd | head -n 1)" "exitstat: --period takes a number of exits, 1 to 65535, not '0'
vendor,number,name,class,words"

same "exitstat --help" "$(of_help exitstat)" "$(options show run interval)"
for verb in check diff leaf names profile record report top why; do
	same "exitstat $verb --help" "$(of_help exitstat $verb)" "$(specific $verb)"
done
same "exitstat export --help" "$(of_help exitstat export)" "$(options export)"
same "exitstat host --help" "$(of_help exitstat host)" "$(specific guests host)"
same "exitstat.1" "$(of_page exitstat.1)" "$(options show run interval leaf names check profile record report top why guests host diff)"
same "exitstat-export.1" "$(of_page exitstat-export.1)" "$(options export)"
is "exitstat-kvm.8 has the options of exitstat-kvm --help" "$(sed -nE 's/^\.It Fl -([a-z-]+).*/--\1/p' "$top/man/exitstat-kvm.8" | sort)" \
	"$(exitstat-kvm --help | grep -oE -- '^ +--[a-z-]+' | names)"

while read -r program host verb for except; do
	IFS=, read -ra bits <<<"$for"
	wanted=$(options "${bits[@]}" | names | grep -vxE -e "$except")
	[ "$host" != - ] || host=
	[ "$verb" != - ] || verb=
	is "bash offers the options of $program${host:+ $host}${verb:+ $verb}" \
		"$(offer "$program" ${host:+"$host"} ${verb:+"$verb"} - | sort)" "$wanted"
	is "and so does zsh" "$(zsh_choice "$program" "$host" "$verb" | sed 's/\[.*//' | names | grep -vxE -e "$except")" "$wanted"
done <<<"$contexts"
is "a verb's own options of exitstat-kvm are offered by both" \
	"$(for verb in status load unload; do offer exitstat-kvm $verb - | paste -sd ' '; zsh_choice exitstat-kvm '' $verb | sed 's/\[.*//' | names | paste -sd ' '; done)" \
	"--help
--help
--dry-run --from --help
--dry-run --from --help
--dry-run --help
--dry-run --help"
is "zsh has nothing to complain of" "$(cat "$work/zsh")" ""
is "verbs are offered, and fewer on a host" "$(offer exitstat '' | paste -sd ' '; offer exitstat host '' | paste -sd ' '; offer exitstat-kvm u)" \
	"check diff export help host leaf names profile record report show top why
check help leaf names record report show top why
unload"
is "so are the keys to sort by, and vendors" "$(offer exitstat top --sort m; offer exitstat names -w '' | paste -sd ' ')" "mean
intel amd"
is "and reasons, one after the other, in the words of both vendors" "$(offer exitstat -e io,hyper; offer exitstat why memo)" "io,hypercall
memory"
cat >"$work/stub" <<-'END'
	exitstat() {
		[[ " $* " != *" --help "* ]] || { command exitstat "$@"; return; }
		cat <<-'CSV'
			total,now,1,,2,7,10,"web ""1""",,1,npf,memory,1,1,1,1
			total,now,1,,2,7,10,"web ""1""",,2,io,io,1,1,1,1
			total,now,1,,2,9,11,"$(touch owned)",,1,hlt,hlt,1,,,
		CSV
	}
END
is "and VMs by pid and name, whatever they are called" "$(cd "$work" && offer exitstat host --vm ''; ls "$work")" \
	'\$\(touch\ owned\)
7
9
web\ \"1\"
examples
options.h
other.c
stub
zsh'
finish
