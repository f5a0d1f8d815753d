#!/bin/sh
# SPDX-License-Identifier: MIT
# In a guest of the study: do some work of each kind and count its exits, by what they were about: work.sh small | disk
#
# small prints the results, on a machine without a disk; disk writes them to files and records the same work.
idle() { sleep 5; }
compute() { awk 'BEGIN { for (i = 0; i < 1000000; i++) x += i % 7 }'; }
processes() { for _ in $(seq 100); do /bin/true; done; }
memory() { dd if=/dev/zero of=/dev/null bs=64M count=1 2>/dev/null; }
timers() { for _ in $(seq 100); do sleep 0.01; done; }
console() { head -c 2000 /dev/zero | tr '\0' . >/dev/ttyS0; }
write_disk() { dd if=/dev/zero of=/var/tmp/file bs=1M count=16 conv=fsync 2>/dev/null; }
read_disk() { echo 3 >/proc/sys/vm/drop_caches; cat /var/tmp/file >/dev/null; }

case $1 in
[a-z]*_disk | idle | compute | processes | memory | timers | console)
	"$1"
	;;
small)
	echo "boot $(exitstat -d --json)"
	exitstat
	for kind in idle compute processes memory timers console; do
		exitstat -d --json -o /tmp/one -- sh "$0" $kind
		echo "$kind $(cat /tmp/one)"
	done
	;;
disk)
	kinds="idle compute processes memory timers console write_disk read_disk"
	for kind in $kinds; do
		exitstat -d --json -o "work-$kind.json" -- sh "$0" "$kind"
	done
	exitstat record -i 0.25 -o work.rec -- sh -c "for kind in $kinds; do sh $0 \$kind; sleep 3; done"
	;;
esac
