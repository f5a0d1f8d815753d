#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Write a recording of a host's VM: day.py INTERVALS, of one second each, with different exits in each."""
import sys

NUMBERS = [0x10, 0x60, 0x64, 0x72, 0x78, 0x7b, 0x7c, 0x400]


def answer(leaf, ecx, *regs):
    print("%08x %08x -> %08x %08x %08x %08x" % (leaf, ecx, *regs))


def time(leaf, ecx, cycles):
    answer(leaf, ecx, 0, cycles >> 32, cycles & 0xffffffff, 0)


def begin(vcpus=2):
    answer(1, 0, 0, 0, 0x80000000, 0)
    answer(0x4fffff00, 0, 0x4fffffff, 0x74697845, 0x74617453, 0x4d564b73)
    answer(0x4fffff01, 0, 1, 2, 3, 2_000_000)
    answer(0x4fffff02, 0, vcpus, 0, 1, 0)


print("exitstat-recording 1\nnote started 2026-11-23T00:00:00Z\nnote vm web1 (1234)")
counts = [1000 + i for i in range(len(NUMBERS))]
guest = 0
for second in range(int(sys.argv[1]) + 1):
    print("frame %d.000000000 free" % second)
    if not second:
        begin()
    time(0x4ffffff7, 0, guest)
    first = 0
    for i, number in enumerate(NUMBERS):
        answer(0x4ffffff8, first, number, 0, counts[i], 0)
        time(0x4fffffff, number, counts[i] * 2000)
        time(0x4ffffffb, number, counts[i] * 500)
        time(0x4ffffffa, number, counts[i] * 100)
        counts[i] += 1 + (second * (i + 3) + (second // 3600) * 7) % (40 + 10 * i)
        first = number + 1
    if not second:
        answer(0x4ffffff8, first, 0, 0, 0, 0xffffffff)
    guest += 1_500_000_000
    print("end")
