#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Print a recording of a VM whose host counts details, as `exitstat record --details` would write it:
detailed.py [intel] [frames=N] [without] [restart] [note KEY VALUE]...

What happens before the first frame, and from each frame to the next, is WORK, on the VM's two vCPUs. Each question
of the recorder is an exit on vCPU 0. without: the details are not recorded. restart: the counters start anew before
the last frame. between: there is no work but before the first frame, and port accesses between its two halves.
"""
import sys

TSC_KHZ = 1_000_000
OWN, REST, WRITE, IN, MMIO = 0x4fffff00, 2 ** 64 - 1, 1 << 32, 1 << 16, 1 << 63
words = sys.argv[1:]
intel = "intel" in words
frames = next((int(word[7:]) for word in words if word.startswith("frames=")), 3)
IO, RDMSR, WRMSR, CPUID, HLT, PAGE = (30, 31, 32, 10, 12, 49) if intel else (0x7b, 0x7c, 0x7c, 0x72, 0x78, 0x400)
# vCPU, exit number, detail (None: the number has none), exits, cycles of one, of which in the VMM
WORK = [(0, IO, 0x3f8, 1009, 50000, 40000), (1, IO, 0x3f8, 13, 50000, 40000), (0, IO, 0x3fd | IN, 211, 30000, 20000),
        (0, IO, 0xc012, 17, 20000, 10000), (0, IO, REST, 7, 20000, 10000),
        (0, WRMSR, 0x6e0 | WRITE, 503, 2000, 0), (1, RDMSR, 0x1b, 3, 1000, 0), (0, WRMSR, 0x12345 | WRITE, 1, 2000, 0),
        (0, CPUID, 1, 35, 1500, 0), (1, CPUID, 0xd, 70, 1500, 0), (0, HLT, None, 29, 900, 0),
        (0, PAGE, MMIO | 0xfebc3004, 41, 60000, 50000), (1, PAGE, MMIO | 0xfebff0c0, 9, 60000, 50000),
        (0, PAGE, MMIO | 0xfee000b0, 19, 4000, 0), (0, PAGE, 2, 23, 8000, 0)]
WORK += [(0, IO, port, 1, 20000, 10000) for port in range(0x700, 0x70c)]


class Vm:
    def __init__(self, epoch):
        self.epoch = epoch
        self.rows = {}      # (vCPU, row): [number, detail, count, cycles]
        self.counts = {}    # number: [count, cycles, VMM's cycles]

    def exits(self, vcpu, number, detail, count, cycles, vmm):
        of = self.counts.setdefault(number, [0, 0, 0])
        of[0] += count
        of[1] += count * cycles
        of[2] += count * vmm
        if detail is None:
            return
        # Where a hash would put it: anywhere.
        row = next((place[1] for place, row in self.rows.items() if place[0] == vcpu and row[:2] == [number, detail]), None)
        if row is None:
            row = (detail * 7 + number) % 251
            while (vcpu, row) in self.rows:
                row = (row + 1) % 256
            self.rows[vcpu, row] = [number, detail, 0, 0]
        self.rows[vcpu, row][2] += count
        self.rows[vcpu, row][3] += count * cycles

    def answer(self, leaf, ecx):
        undefined = (0, 0, 0, 0xffffffff)
        if leaf == 1:
            return 0x800f12, 0x800, 0x80000000, 0x178bfbff
        if leaf == 0x4fffff00:
            return 0x4fffffff, 0x74697845, 0x74617453, 0x4d564b73
        if leaf == 0x4fffff01:
            return 2, 1 if intel else 2, 0x23, TSC_KHZ
        if leaf == 0x4fffff02:
            return 2, 0, self.epoch, 0
        if leaf == 0x4ffffff7:
            return time(10 ** 9)
        if leaf == 0x4ffffff8:
            number = min((n for n in self.counts if n >= ecx and self.counts[n][0]), default=None)
            return undefined if number is None else (number, self.counts[number][0] >> 32, self.counts[number][0] & 0xffffffff, 0)
        if leaf in (0x4ffffff3, 0x4ffffff2):
            count, cycles, vmm = self.counts.get(ecx, [0, 0, 0])
            a, b = (count, cycles) if leaf == 0x4ffffff3 else (vmm, 0)
            return a & 0xffffffff, a >> 32, b & 0xffffffff, b >> 32
        if leaf == 0x4ffffff6:
            place = min((p for p in self.rows if p[0] << 16 | p[1] >= ecx), default=None)
            if place is None:
                return undefined
            number, detail = self.rows[place][:2]
            return number, detail >> 32, detail & 0xffffffff, place[0] << 16 | place[1]
        row = self.rows.get((ecx >> 16, ecx & 0xffff))
        if not row:
            return undefined
        return (row[2] & 0xffffffff, row[2] >> 32, 0, 0) if leaf == 0x4ffffff5 else time(row[3])


def time(value):
    return 0, value >> 32, value & 0xffffffff, 0


class Recorder:
    def __init__(self):
        self.asked = 0
        self.known = {}

    def ask(self, leaf, ecx=0):
        self.asked += 1
        vm.exits(0, CPUID, OWN, 1, 0, 0)
        registers = vm.answer(leaf, ecx)
        vm.counts[CPUID][1] += 1500
        next(row for row in vm.rows.values() if row[:2] == [CPUID, OWN])[3] += 1500
        self.frame[leaf, ecx] = registers
        return registers

    def describe(self):
        for leaf in (1, 0x4fffff00, 0x4fffff01, 0x4fffff02):
            self.ask(leaf)

    def snapshot(self):
        self.ask(0x4fffff02)
        self.ask(0x4ffffff7)
        number, first = 0, 0
        while True:
            number, _, _, end = self.ask(0x4ffffff8, first)
            if end:
                break
            self.ask(0x4ffffff3, number)
            self.ask(0x4ffffff2, number)
            first = number + 1

    def details(self):
        places, first = [], 0
        while True:
            number, high, low, place = self.ask(0x4ffffff6, first)
            if place == 0xffffffff:
                break
            places.append((place, number == CPUID and high << 32 | low == OWN))
            first = place + 1
        self.ask(0x4fffff02)
        for wanted in (True, False):
            for place, own in places:
                if own == wanted:
                    self.ask(0x4ffffff5, place)
        for place, _ in places:
            self.ask(0x4ffffff4, place)
        self.ask(0x4fffff02)

    def write(self, seconds):
        self.frame = {}
        asked = self.asked
        if not seconds or vm.epoch != epoch:
            self.describe()
        self.snapshot()
        if "between" in words and not seconds:
            vm.exits(0, IO, 0x3f8, 5, 50000, 40000)
        if "without" not in words:
            self.details()
        print(f"frame {seconds}.000000000 asked {asked}")
        for question, registers in self.frame.items():
            if self.known.get(question) != registers:
                print("%08x %08x -> %08x %08x %08x %08x" % (question + registers))
        self.known.update(self.frame)
        print("end")


def work():
    for what in WORK:
        vm.exits(*what)


epoch = 7
vm = Vm(epoch)
recorder = Recorder()
print("exitstat-recording 1")
if "without" not in words:
    print("note details yes")
for i, word in enumerate(words):
    if word == "note":
        print("note", words[i + 1], words[i + 2])
for moment in range(frames):
    if "restart" in words and moment == frames - 1:
        vm = Vm(epoch + 1)
    if "between" not in words or not moment:
        work()
    recorder.write(moment)
