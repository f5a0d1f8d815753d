#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# exitstat-kvm on simulated hosts of all kinds: what it refuses, in which order it swaps, and that a
# swap that fails at any step leaves the kernel's own KVM as it was.
# The script is the real one, with its paths moved into a directory; the programs that would affect a
# kernel are small ones of ours that change files there and record how they were called.
# shellcheck disable=SC2317 # functions are run through is and check
set -u
top=$(cd "$(dirname "$0")/../.." && pwd)
# shellcheck source-path=SCRIPTDIR source=../lib/ktap.sh
. "$top/tests/lib/ktap.sh"

tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
host=$tmp/host
release=$(uname -r)
kvm_parameters=$host/sys/module/kvm/parameters
stock=$host/lib/modules/$release/kernel/arch/x86/kvm
attach=$host/lib/modules/$release/updates/dkms/exitstat_attach.ko
built=$host/var/lib/dkms/exitstat-kvm/0.1/$release/$(uname -m)/module
mkdir "$tmp/bin"
export PATH=$tmp/bin:$PATH host

program() { cat >"$tmp/bin/$1" && chmod 755 "$tmp/bin/$1"; }

# A module is a file of lines `field: value`, as modinfo prints them.
program modinfo <<'END'
#!/bin/sh
case $1 in
-k)
	file=$host/lib/modules/$2/updates/dkms/$4.ko
	[ -e "$file" ] && echo "$file"
	;;
*) sed -n "s/^$2: *//p" "$3" ;;
esac
END
program insmod <<'END'
#!/bin/sh
echo "insmod $*" | sed "s|$host||" >>"$host/steps"
file=$1
shift
! grep -q broken "$file" || exit 1
module=$host/sys/module/$(sed -n 's/^name: //p' "$file")
mkdir -p "$module/parameters"
echo live >"$module/initstate"
echo 0 >"$module/refcnt"
case $module in
*/exitstat_attach)
	mkdir -p "$host/sys/module/kvm/holders/exitstat_attach"
	echo 2 >"$host/sys/module/kvm/refcnt"
	;;
*_*) echo 1 >"$host/sys/module/kvm/refcnt" ;;
esac
for field in version srcversion; do sed -n "s/^$field: //p" "$file" >"$module/$field"; done
[ -s "$module/version" ] || rm "$module/version" "$module/srcversion"
sed -n 's/^parm: \([a-z_]*\):.*(\(.*\)=\(.*\))/\1 \2 \3/p' "$file" | while read -r name mode value; do
	echo "$value" >"$module/parameters/$name"
	chmod "$mode" "$module/parameters/$name"
done
for word; do echo "${word#*=}" | dd of="$module/parameters/${word%%=*}" status=none 2>/dev/null || :; done
[ ! -e "$host/signal" ] || kill -TERM $PPID
END
program rmmod <<'END'
#!/bin/sh
echo "rmmod $1" >>"$host/steps"
[ ! -e "$host/busy" ] && [ "$(cat "$host/pinned" 2>/dev/null)" != "$1" ] || exit 1
rm -rf "$host/sys/module/$1"
[ "$1" != exitstat_attach ] || { rm -r "$host/sys/module/kvm/holders"; echo 1 >"$host/sys/module/kvm/refcnt"; }
[ ! -e "$host/signal" ] || kill -TERM $PPID
END
program modprobe <<'END'
#!/bin/sh
echo "modprobe $1" >>"$host/steps"
[ "$1" != ccp ] || { mkdir "$host/sys/module/ccp"; exit; }
for module in kvm kvm-amd; do
	[ -d "$host/sys/module/$(echo $module | tr - _)" ] || insmod "$host/lib/modules/$(uname -r)/kernel/arch/x86/kvm/$module.ko"
done
END
program id <<'END'
#!/bin/sh
echo "${user:-0}"
END

# make_module FILE NAME VERSION PARAMETER...: parameters as NAME:(MODE=DEFAULT)
make_module() {
	local file=$1 name=$2 version=$3

	shift 3
	mkdir -p "${file%/*}"
	{
		echo "name: $name"
		echo "vermagic: $release SMP"
		echo "depends: $([ "$name" = kvm ] || echo kvm)"
		[ -z "$version" ] || printf 'version: %s\nsrcversion: %s1\n' "$version" "$version"
		[ $# = 0 ] || printf 'parm: %s\n' "$@"
	} >"$file"
}

# A host with stock KVM loaded, with non-default parameters, and with ours built.
new_host() {
	rm -rf "$host"
	mkdir -p "$host"/{sys/kernel/security,proc/1/fd,proc/sys/kernel,programs,dev,run}
	echo "flags : fpu svm" >"$host/proc/cpuinfo"
	echo "[none] integrity confidentiality" >"$host/sys/kernel/security/lockdown"
	: >"$host/proc/keys"
	echo 0 >"$host/proc/sys/kernel/modules_disabled"
	make_module "$stock/kvm.ko" kvm "" "halt_poll_ns:(644=200000)" "enable_pmu:(444=Y)"
	make_module "$stock/kvm-amd.ko" kvm_amd "" "nested:(444=1)"
	make_module "$built/kvm.ko" kvm "exitstat 0.1" "halt_poll_ns:(644=200000)" "enable_pmu:(444=Y)" \
		"guest_exit_stats:(644=2)"
	make_module "$built/kvm-amd.ko" kvm_amd "" "nested:(444=1)"
	make_module "$attach" exitstat_attach "exitstat 0.1" "guest_exit_stats:(644=2)" "layout:(444=holds)"
	printf '#!/bin/sh\necho kvm-probe >>%s/steps; grep -qs exitstat %s/sys/module/*/version\n' "$host" "$host" >"$host/programs/kvm-probe"
	chmod 755 "$host/programs/kvm-probe"
	insmod "$stock/kvm.ko" enable_pmu=N halt_poll_ns=7
	insmod "$stock/kvm-amd.ko" nested=0
	rm "$host/steps"
	sed -e "s|/usr/lib/exitstat|$host/programs|g" \
		-e "s#\([\" =<>]\)/\(sys\|proc\|lib/modules\|var/lib\|run\)/#\1$host/\2/#g" \
		"$top/tools/swap/exitstat-kvm" >"$tmp/exitstat-kvm"
	chmod 755 "$tmp/exitstat-kvm"
}

swap() { "$tmp/exitstat-kvm" "$@"; }
steps() { cat "$host/steps" 2>/dev/null; }
loaded() {
	local parameters=$host/sys/module/kvm/parameters

	echo "$(cat "$host/sys/module/kvm/version" 2>/dev/null || echo stock)" \
		"$(cat "$parameters/enable_pmu" "$parameters/halt_poll_ns")" \
		"$(cat "$host/sys/module/kvm_amd/parameters/nested")" | paste -sd ' '
}
as_before="stock N 7 0"

# refuses NAME STATUS WORDS COMMAND...: with that sentence, and without a step
refuses() {
	local name=$1 wanted=$2 words=$3 said status

	shift 3
	said=$(swap "$@" 2>&1 >/dev/null)
	status=$?
	if [ $status = "$wanted" ] && [[ $said == *"$words"* ]] && [ -z "$(steps)" ]; then
		pass "$name"
	else
		fail "$name" "it exits with $status and says: $said
steps: $(steps)"
	fi
}

# goes_back NAME: load fails, and what was loaded before is loaded again
goes_back() {
	local said status

	said=$(swap load 2>&1)
	status=$?
	if [ $status = 1 ] && [ "$(loaded)" = "$as_before" ] && [[ $said == *"is loaded again, with its former"* ]]; then
		pass "$1"
	else
		fail "$1" "it exits with $status, loaded is $(loaded), and it says: $said"
	fi
}

plan 80
new_host
check "no program touches this machine: all paths are moved" \
	sh -c "! grep -nE '(^|[ \"=<])/(sys|proc|run|usr/lib/exitstat|var/lib/dkms/exitstat-kvm)/' $tmp/exitstat-kvm"

# --- what is refused
refuses "an unknown verb" 2 "'swap' is none of them" swap
refuses "no verb" 2 "exitstat-kvm: choose one of status, attach, detach, load, unload, build; see: exitstat-kvm --help"
refuses "an unknown option" 2 "'--force' is neither" load --force
refuses "a parameter that kvm.ko does not have" 2 "no parameter 'banana'" load banana=1
echo "flags : fpu" >"$host/proc/cpuinfo"
refuses "a CPU without virtualization" 77 "has no KVM" load
new_host
mkdir -p "$host/proc/123/fd"
ln -s anon_inode:kvm-vm "$host/proc/123/fd/9"
echo qemu-system-x86 >"$host/proc/123/comm"
printf '%s\0' qemu -name guest=web1,debug-threads=on >"$host/proc/123/cmdline"
refuses "a VM is running: load names it" 1 "VMs are running: 123 qemu-system-x86 (web1)" load
printf 'q\033[31mx' >"$host/proc/123/comm"
printf '%s\0' qemu -name $'guest=w\e[2Jé日\n,,\xc2\x9b\xff\xe2\x80\xae\\033[1m\\c,x' >"$host/proc/123/cmdline"
refuses "whose text controls no terminal" 1 'VMs are running: 123 q?[31mx (w?[2Jé日?,???\033[1m\c);' load
is "nor in status" "$(swap status | grep '^VMs')" 'VMs         123 q?[31mx (w?[2Jé日?,???\033[1m\c)'
refuses "nor does what was typed" 2 "'?[31m?' is neither" load $'\e[31m\xff'
new_host
mkdir -p "$host/proc/77/fd"
ln -s /dev/kvm "$host/proc/77/fd/3"
echo 1 >"$host/sys/module/kvm_amd/refcnt"
refuses "no VM, but a process that has /dev/kvm open" 1 "in use by process 77" load
new_host
echo 2 >"$host/sys/module/kvm/refcnt"
refuses "kvm.ko alone is held, by what cannot be seen" 1 "in use by something that cannot be seen from here" load
mkdir -p "$host"/proc/{78,79}/fd
ln -s 'anon_inode:[perf_event]' "$host/proc/78/fd/3"
echo perf >"$host/proc/78/comm"
ln -s /sys/kernel/debug/kvm/exits "$host/proc/79/fd/0"
echo less >"$host/proc/79/comm"
refuses "kvm.ko alone is held, perhaps by a perf event, and by a file of debugfs" 1 \
	"in use by perhaps process 78 perf (perf events), process 79 less (a file of debugfs)" load
is "status says so, too" "$(swap status | grep -c '^load .*process 79 less')" 1
echo 1 >"$host/sys/module/kvm/refcnt"
check "a perf event that does not hold kvm.ko is in nobody's way" swap load --dry-run
new_host
echo 1 >"$host/proc/sys/kernel/modules_disabled"
refuses "a kernel that takes no more modules" 1 "kernel.modules_disabled is 1" load
refuses "and gives none up" 1 "kernel.modules_disabled is 1" unload
new_host
sed -i "s/^vermagic: .*/vermagic: 6.1.0-1-amd64 SMP/" "$built/kvm.ko"
refuses "modules for another kernel" 1 "is for kernel '6.1.0-1-amd64'" load
new_host
rm "$stock/kvm-amd.ko"
refuses "no way back, as the kernel's own modules are gone" 1 "there is no way back" load
new_host
rm "$host/sys/module/kvm/initstate"
refuses "KVM that is no module" 1 "KVM is built into this kernel" load
new_host
rm -r "$built"
refuses "nothing built and nothing to build with" 1 "apt-get install exitstat-kvm-dkms" load
new_host
echo "none [integrity] confidentiality" >"$host/sys/kernel/security/lockdown"
refuses "unsigned modules on a kernel that is locked down" 1 "kvm.ko is not signed" load
echo "signer: DKMS module signing key" | tee -a "$built/kvm.ko" >>"$built/kvm-amd.ko"
refuses "modules signed with a key that the kernel does not know" 1 "mokutil --import" load
echo "1 I------ 1 perm 1f030000 0 0 asymmetri DKMS module signing key: X509.rsa 1 []" >"$host/proc/keys"
check "modules signed with a key that the kernel knows are loaded" swap load
new_host
mkdir -p "$host/sys/module/module/parameters"
echo Y >"$host/sys/module/module/parameters/sig_enforce"
refuses "unsigned modules on a kernel that was told to take none" 1 "module.sig_enforce), and" load
new_host
user=1000 refuses "whoever is not root" 1 "only root can load modules; type: sudo exitstat-kvm load" load
printf '#!/bin/sh\necho "kvm-build $*"\n' >"$host/programs/kvm-build"
chmod 755 "$host/programs/kvm-build"
is "build is for the kernels that are named, or for all" "$(swap build 6.1.0-1-amd64; swap build)" "kvm-build 6.1.0-1-amd64
kvm-build --all"

# --- the swap
new_host
check "a dry run" swap load --dry-run
is "a dry run takes no step" "$(steps)" ""
is "a dry run prints the steps" "$(swap load --dry-run | sed -n "s|^  ||;s|$host||p" | sed -n '/insmod/p')" \
	"insmod ${built#"$host"}/kvm.ko enable_pmu=N
insmod ${built#"$host"}/kvm-amd.ko nested=0"
check "load" swap load
is "load inserts once, with the read-only parameters as they were: no VM can start without them" "$(steps)" \
	"rmmod kvm_amd
rmmod kvm
insmod ${built#"$host"}/kvm.ko enable_pmu=N
insmod ${built#"$host"}/kvm-amd.ko nested=0
kvm-probe"
is "load keeps the parameters, the read-only and the writable" "$(loaded)" "exitstat 0.1 N 7 0"
rm "$host/steps"
swap load 2>/dev/null
is "a second load does nothing" "$(steps)" ""
swap unload >/dev/null 2>&1
is "unload brings back what was there, with its parameters" "$(loaded)" "$as_before"
new_host
swap load enable_pmu=N >/dev/null 2>&1
is "a read-only parameter that is given comes once" "$(steps | grep "insmod.*/kvm.ko")" \
	"insmod ${built#"$host"}/kvm.ko enable_pmu=N"
new_host
swap load guest_exit_stats=1 halt_poll_ns=5 >/dev/null 2>&1
is "parameters that are given win" "$(cat "$kvm_parameters/guest_exit_stats" "$kvm_parameters/halt_poll_ns")" "1
5"

# parameter NAME DEFAULT VALUE: a read-only one of both kvm.ko
parameter() {
	echo "parm: $1:(444=$2)" | tee -a "$stock/kvm.ko" >>"$built/kvm.ko"
	echo "$3" >"$host/sys/module/kvm/parameters/$1"
	chmod 444 "$host/sys/module/kvm/parameters/$1"
}
inserted() { swap load --dry-run 2>/dev/null | sed -n 's|.*insmod.*/kvm.ko *||p'; }
new_host
parameter force_flush N N
parameter text "" ""
parameter words "" "two words"
is "no parameter is given that taints the kernel, nor one that cannot be given" "$(inserted)" enable_pmu=N
new_host
parameter force_flush N Y
is "what taints the kernel is given again if somebody wanted it" "$(inserted)" "enable_pmu=N force_flush=Y"
new_host
sed -i 's/^depends: .*/depends: ccp,kvm/' "$built/kvm-amd.ko"
swap load >/dev/null 2>&1
is "modules that the vendor's needs come before it" "$(steps | sed -n '/modprobe/,/insmod/p')" "modprobe ccp
insmod ${built#"$host"}/kvm-amd.ko nested=0"
rm "$host/steps"
swap unload >/dev/null 2>&1
is "but not those that are there" "$(steps | grep -c modprobe)" 0
for compressed in gz xz zst; do
	new_host
	mv "$built/kvm.ko" "$built/kvm.ko.$compressed"
	[ -z "${odd:=$(swap load --dry-run 2>/dev/null | grep -c "insmod.*/kvm.ko.$compressed " | grep -vx 1)}" ] || odd+=" of $compressed"
done
is "modules may be compressed" "$odd" ""

new_host
rm "$host/sys/module/kvm_amd/initstate"
echo coming >"$host/sys/module/kvm_amd/initstate"
echo 1 >"$host/sys/module/kvm_amd/parameters/nested.early"
mv -f "$host/sys/module/kvm_amd/parameters/nested"{,.late}
mv "$host/sys/module/kvm_amd/parameters/nested"{.early,}
{ sleep 0.5; mv -f "$host/sys/module/kvm_amd/parameters/nested"{.late,}; echo live >"$host/sys/module/kvm_amd/initstate"; } &
swap load >/dev/null 2>&1
wait
is "load awaits a module that the kernel is still initialising, and its parameters" "$(loaded)" "exitstat 0.1 N 7 0"

# --- failures half way
new_host
touch "$host/signal"
swap load >/dev/null 2>&1
is "a signal does not end load half way" "$(loaded)" "exitstat 0.1 N 7 0"
swap unload >/dev/null 2>&1
is "nor unload" "$(loaded)" "$as_before"
new_host
echo kvm >"$host/pinned"
said=$(swap load 2>&1)
is "kvm.ko gets held meanwhile: the vendor's module returns, with its parameters" "$(loaded) $(tail -n 1 <<<"$said")" \
	"$as_before exitstat-kvm: KVM came into use meanwhile; nothing was changed"
rm "$host/pinned"
swap load >/dev/null 2>&1
echo kvm >"$host/pinned"
rm -r "$built"
said=$(swap unload 2>&1)
is "and so does ours, though what it was loaded from is gone" "$(loaded) $(tail -n 1 <<<"$said")" \
	"exitstat 0.1 N 7 0 exitstat-kvm: KVM came into use meanwhile; type the same command again"
rm "$host/pinned"
swap unload >/dev/null 2>&1
is "then the same command brings back what was there, with its parameters" "$(loaded)" "$as_before"
is "and keeps no file" "$(ls "$host/run")" ""
new_host
printf '#!/bin/sh\necho kvm >%s/pinned; exit 1\n' "$host" >"$host/programs/kvm-probe"
said=$(swap load 2>&1)
is "ours does not prove itself and gets held: it stays whole, and that is said" "$(loaded) $(tail -n 1 <<<"$said")" \
	"exitstat 0.1 N 7 0 exitstat-kvm: exitstat's KVM was loaded but failed its self-test, and it stays loaded because it is now in use; once it is free, type: exitstat-kvm unload"
new_host
touch "$host/busy"
said=$(swap load 2>&1)
is "a VM that starts meanwhile keeps its KVM" "$(loaded) $(tail -n 1 <<<"$said")" \
	"$as_before exitstat-kvm: KVM came into use meanwhile; nothing was changed"
new_host
echo broken >>"$built/kvm.ko"
goes_back "our kvm.ko does not load: back to the kernel's own"
new_host
echo broken >>"$built/kvm-amd.ko"
goes_back "our kvm-amd.ko does not load: back to the kernel's own"
new_host
printf '#!/bin/sh\nexit 1\n' >"$host/programs/kvm-probe"
goes_back "the throw-away VM gets no answer: back to the kernel's own"
new_host
sed -i '/^version/d' "$built/kvm.ko"
goes_back "what was loaded is not ours: back to the kernel's own"

# --- attach and detach
run_vm() {
	mkdir -p "$host/proc/123/fd"
	ln -s anon_inode:kvm-vm "$host/proc/123/fd/9"
	echo qemu-system-x86 >"$host/proc/123/comm"
	printf '%s\0' qemu -name guest=web1,debug-threads=on >"$host/proc/123/cmdline"
	echo 3 >"$host/sys/module/kvm_amd/refcnt"
}
attached() { cat "$host/sys/module/exitstat_attach/version" 2>/dev/null || echo none; }
# refuses_attach NAME WORDS VERB...: the same as refuses, with status 1
refuses_attach() {
	local name=$1 words=$2

	shift 2
	refuses "attach: $name" 1 "$words" "$@"
}

new_host
run_vm
refuses "while a VM runs, load says that attach does not mind it" 1 "attach works without stopping any of them" load
is "status says what the kernel's own KVM offers, and that attach would work" "$(swap status | grep '^loaded\|^attach')" \
	"loaded KVM  the kernel's own: guests cannot ask for their exits
attachable  exitstat 0.1, in $attach
attach      would work"
swap attach --dry-run >"$tmp/said" 2>&1
is "attach: a dry run prints the steps and takes none" "$(steps)$(sed -n 's/^  //p' "$tmp/said")" "insmod $attach
$host/programs/kvm-probe"
swap attach guest_exit_stats=1 >/dev/null 2>&1
is "attach inserts one module, and asks in a VM of its own, while another runs" "$(steps)" "insmod ${attach#"$host"} guest_exit_stats=1
kvm-probe"
is "KVM itself stays as it is" "$(loaded)" "$as_before"
is "status says what is offered now" "$(swap status | grep '^loaded\|^attach ')" \
	"loaded KVM  the kernel's own, and exitstat 0.1 attached: guest_exit_stats=1, guests' kernels may ask; counts exact, times approximate
attach      done"
before=$(steps)
swap attach guest_exit_stats=2 >/dev/null 2>&1
is "a second attach changes parameters, and takes no counter away" \
	"$(steps) $(cat "$host/sys/module/exitstat_attach/parameters/guest_exit_stats")" "$before 2"
rm "$host/steps"
rm -r "$host/proc/123"
echo 0 >"$host/sys/module/kvm_amd/refcnt"
refuses_attach "load wants it gone first" "type: exitstat-kvm detach" load
run_vm
check "detach, while a VM runs" swap detach
is "it removes that module, and nothing else" "$(steps) $(attached) $(loaded)" "rmmod exitstat_attach none $as_before"
rm "$host/steps"
swap detach >/dev/null 2>&1
is "a second detach does nothing" "$(steps)" ""

new_host
printf '#!/bin/sh\nexit 1\n' >"$host/programs/kvm-probe"
said=$(swap attach 2>&1)
is "attach: a module that does not prove itself is taken out again" "$(attached) $(tail -n 1 <<<"$said")" \
	"none exitstat-kvm: exitstat was attached but failed its self-test; it was removed again, and guests see the kernel's own KVM as before; see: dmesg"
check "and what it found out about KVM is printed" grep -q "layout of this kernel's KVM, according to exitstat_attach: holds" <<<"$said"
new_host
printf '#!/bin/sh\nexit 1\n' >"$host/programs/kvm-probe"
touch "$host/signal"
swap attach >/dev/null 2>&1
is "attach: so is one that a signal comes behind" "$(attached)" none
new_host
echo broken >>"$attach"
said=$(swap attach 2>&1)
is "attach: a module that the kernel refuses changes nothing" "$(attached) $(loaded) $(tail -n 1 <<<"$said")" \
	"none $as_before exitstat-kvm: exitstat_attach could not be loaded; nothing was changed; see: dmesg"
new_host
swap load >/dev/null 2>&1
rm "$host/steps"
refuses_attach "exitstat's own KVM needs nothing attached" "its guests can already ask" attach
new_host
sed -i "s/^vermagic: .*/vermagic: 6.1.0-1-amd64 SMP/" "$attach"
refuses_attach "a module for another kernel" "type: dkms autoinstall -k $release" attach
refuses_attach "a directory without it" "holds no exitstat_attach.ko" attach --from "$tmp/bin"
rm "$attach"
refuses_attach "no module, and no headers" "apt-get install exitstat-dkms linux-headers-$release" attach
mkdir -p "$host/lib/modules/$release/build"
refuses_attach "no module, and no package" "type: apt-get install exitstat-dkms" attach
new_host
echo 1 >"$host/proc/sys/kernel/modules_disabled"
refuses_attach "a kernel that takes no more modules" "for the next boot: systemctl enable exitstat-attach" attach
new_host
echo "none [integrity] confidentiality" >"$host/sys/kernel/security/lockdown"
refuses_attach "an unsigned module on a kernel that is locked down" "install openssl and type: dkms autoinstall" attach
new_host
refuses "attach: a parameter that it does not have" 2 "exitstat_attach.ko has no parameter 'banana'" attach banana=1
swap attach >/dev/null 2>&1
rm "$host/steps"
mkdir -p "$host/proc/78/fd"
ln -s /sys/kernel/debug/kvm/77-9/exit_stats "$host/proc/78/fd/3"
echo 1 >"$host/sys/module/exitstat_attach/refcnt"
refuses_attach "detach names who reads its tables" "in use by process 78; end that first" detach
new_host
rm -r "$host/sys/module"/kvm*
swap attach >/dev/null 2>&1
is "attach: a KVM that is not loaded is loaded first, as modprobe does" "$(steps | sed -n '1p;$p') $(attached)" "modprobe kvm_amd
kvm-probe exitstat 0.1"
finish
