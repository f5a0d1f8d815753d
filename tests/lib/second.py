#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Print a recording of a VM whose hypervisor implements revision 2 of the ABI: second.py [late] [approximate] [huge] [moves]

Ten seconds, in eleven frames, of a VM that makes 100 port accesses per second. late: counting began 125 s before the first frame.
huge: its counters are close to 2^64. moves: in the sixth frame, it is on an Intel host with a stock KVM.
"""
import sys

TSC_KHZ = 1_000_000
LATE, APPROXIMATE = 0x10, 0x8
words = sys.argv[1:]
base = 2 ** 64 - 2 ** 20 if "huge" in words else 0


def halves(value):
    return f"{value & 0xffffffff:08x} {value >> 32 & 0xffffffff:08x}"


def time(value):
    return f"00000000 {value >> 32:08x} {value & 0xffffffff:08x} 00000000"


def answer(leaf, ecx, registers):
    print(f"{leaf:08x} {ecx:08x} -> {registers}")


def counters(second):
    exits = [(0x72, 50, 50 * 1000, 0, 0), (0x7b, base + 1000 + 100 * second, (1000 + 100 * second) * 30000, second * 2000, 100)]
    answer(0x4ffffff7, 0, time(second * 10 ** 9))
    first = 0
    for number, count, cycles, vmm, waiting in exits:
        answer(0x4ffffff8, first, f"{number:08x} {count >> 32:08x} {count & 0xffffffff:08x} 00000000")
        answer(0x4ffffff3, number, f"{halves(count)} {halves(cycles)}")
        answer(0x4ffffff2, number, f"{halves(vmm)} {halves(waiting)}")
        first = number + 1
    answer(0x4ffffff8, first, "00000000 00000000 00000000 ffffffff")


def discovery():
    features = 3 | (LATE if "late" in words else 0) | (APPROXIMATE if "approximate" in words else 0)
    answer(1, 0, "00800f12 00000800 80000000 00000000")
    answer(0x4fffff00, 0, "4fffffff 74697845 74617453 4d564b73")
    answer(0x4fffff01, 0, f"00000002 00000002 {features:08x} {TSC_KHZ:08x}")
    answer(0x4fffff02, 0, "00000001 00000000 0000004d 00000000")
    if "late" in words:
        answer(0x4fffff04, 0, time(125 * TSC_KHZ * 1000))


print("exitstat-recording 1")
for second in range(11):
    print(f"frame {second}.000000000 free")
    if "moves" in words and second == 5:
        for leaf in (0x4fffff00, 0x4fffff01, 0x4fffff02, 0x4ffffff7, 0x4ffffff8):
            answer(leaf, 0, "07280202 00000000 00000000 00000603")
        answer(0x40000000, 0, "40000001 4b4d564b 564b4d56 0000004d")
        print("end")
        break
    if not second:
        discovery()
    counters(second)
    print("end")
