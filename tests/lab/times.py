# SPDX-License-Identifier: MIT
"""Check what times_inside.sh printed: times.py RULE FILE.  Say each fault; the status is 1 if there is one.

A rule compares counters with each other and with what the VMM read from the same TSC around what it did. None says how
long anything takes.

The machine itself may be busy, and its CPUs stop at any point for any time, which then counts where they stopped. What the VMM
has measured is in its place all the same; and that it is in no other place, the rule says that no cycle is lost, or in two
places. Where a rule compares times that were not measured, there are five snapshots more, and it must hold between two of them.
"""
import sys

from answers import MAX_LOST_PPM, Run, fields, lost_ppm, residual_cycles, tell


class Change:
    """What moved between two snapshots of one VM, by the name of a kind."""

    def __init__(self, run, before, after):
        self.before, self.after = before, after
        self.numbers = run.numbers
        self.actions = [fields(line) for line in run.said.splitlines() if " vmm action=" in line]

    def rows(self):
        for number, row in self.after["rows"].items():
            before = self.before["rows"].get(number, {})
            yield number, {what: row[what] - before.get(what, 0) for what in ("count", "time", "vmm", "waiting")}

    def of(self, what, *names):
        numbers = [self.numbers[name] for name in names]
        return sum(row[what] for number, row in self.rows() if number in numbers)

    def all(self, what):
        return sum(row[what] for _, row in self.rows())

    def own(self):
        """The VMM's own watch."""
        return self.actions[0]["cycles"]


def must(sentence, left, right):
    """The fault, if left is less than right."""
    if left < right:
        yield f"{sentence}: {left} is less than {right}"


def rule_halt(c):
    yield from must("halting is waiting for the most part", c.of("waiting", "hlt"), c.of("time", "hlt") + 1)
    yield from must("it is under HLT", 2 * c.of("waiting", "hlt"), c.all("waiting"))
    yield from must("HLT exits", c.of("count", "hlt"), 1)


def rule_sleep(c):
    yield from must("all of the sleep is VMM time of the I/O", c.of("vmm", "pio_vmm"), c.own())
    yield from must("VMM time is processing", c.of("time", "pio_vmm"), c.of("vmm", "pio_vmm"))


def rule_kick(c):
    yield from must("the time after the signal is waiting under the interrupt", c.of("waiting", "interrupt"), c.own())


def rule_immediate(c):
    yield from must("the time after the immediate exit is waiting under the I/O", c.of("waiting", "pio_vmm"), c.own())


def rule_preempted(c):
    yield from must("the other thread's time is waiting", c.all("waiting"), 1)
    yield from must("it is under the interrupt", 2 * c.of("waiting", "interrupt"), c.all("waiting"))
    yield from must("waiting is longer than the work on the interrupts", c.of("waiting", "interrupt"), c.of("time", "interrupt"))
    yield from must("the VMM had nothing to do", 0, c.all("vmm"))


def rule_vmm_spins(c):
    yield from must("all is VMM time, also while off the CPU", c.of("vmm", "pio_vmm"), c.own())


def rule_completion(c):
    before, after = c.actions
    yield from must("100 writes are at least 100 exits", c.of("count", "mmio"), 100)
    yield from must("no second exit for the second half", 199, c.of("count", "mmio"))
    yield from must("the VMM saw both halves", after["returns"] - before["returns"], 201)
    yield from must("all its time is there", c.of("vmm", "mmio", "pio_vmm"), after["cycles"] - before["cycles"])
    yield from must("under the number of the write", c.of("vmm", "mmio"), 1)


def rule_ioctls(c):
    yield from must("all is VMM time", c.of("vmm", "pio_vmm"), c.own())
    yield from must("no ioctl is an exit", 1, c.of("count", "pio_vmm"))


def rule_spin(c):
    yield from must("most is guest mode", c.after["guest"] - c.before["guest"], c.after["time"] - c.before["time"])
    yield from must("the VMM had nothing to do", 0, c.all("vmm"))


def rule_conservation(c):
    yield from must("what is lost in ppm is small", MAX_LOST_PPM, lost_ppm(c.before, c.after))


def reads(run):
    return [fields(line) for line in run.said.splitlines() if " read " in line]


def count(answer):
    return answer["rbx"] << 32 | answer["rax"]


def cycles(answer):
    return answer["rbx"] << 32 | answer["rcx"]


def check_idle(run):
    """Three vCPUs that never ran add nothing to the VM: the scopes stay in step."""
    got = reads(run)
    if got[0]["rax"] != 4:
        yield f"{got[0]['rax']} vCPUs in place of 4"
    counts = [count(answer) for answer in got[1:4]]
    yield from must("exits of the VM, the vCPU, the VM: at most interrupts between", counts[0] + 20, counts[2])
    if not counts[0] < counts[1] < counts[2]:
        yield f"exits of the VM, the vCPU, the VM: {counts}"
    times = [cycles(answer) for answer in got[4:7]]
    if not times[0] < times[1] < times[2]:
        yield f"cycles of the VM, the vCPU, the VM: {times}"


def check_epochs(run):
    """The VMs' epochs lie in two sections of the one file."""
    epochs = {}
    for line in run.said.splitlines():
        if line.startswith("section"):
            section = line.split()[1]
        elif " leaf=0x4fffff02 " in line:
            got = fields(line)
            epochs.setdefault(section, []).append(got["rdx"] << 32 | got["rcx"])
    if any(len(set(of_vm)) != 1 or not of_vm[0] for of_vm in epochs.values()):
        yield f"more than one epoch in a VM, or 0: {epochs}"
    if len({of_vm[0] for of_vm in epochs.values()}) != len(epochs):
        yield f"two VMs with one epoch: {epochs}"


def signed(cycles):
    """As 64 bits, of which the guest's TSC, set to begin at 0, may be just below."""
    return (cycles + (1 << 63)) % (1 << 64) - (1 << 63)


def check_turned_back(run):
    """Between two snapshots the TSC lost what it was turned back by.  The counters have that, or have it not: it
    depends on how long each vCPU was in its interval."""
    back = next(fields(line)["cycles"] for line in run.said.splitlines() if line.startswith("turned-back "))
    yield from must("the TSC was turned back", back, 1)
    for index, vcpu in run.vcpus.items():
        surplus = -signed(residual_cycles(*vcpu.stops))
        slack = abs(signed(vcpu.stops[1]["tsc"] - vcpu.stops[0]["tsc"])) // 100
        yield from must(f"vcpu={index} no cycle is lost", surplus, -slack)
        yield from must(f"vcpu={index} no more cycles than the TSC was turned back by", back + slack, surplus)
        yield from must(f"vcpu={index} counters are watched", vcpu.mixes[0]["watched"], 1)
        yield from must(f"vcpu={index} counters never fall", 0, vcpu.mixes[0]["fallen"])


def check_rule(rule, run):
    """Between two snapshots, or, where there are more, between two that follow each other; no cycle may be lost anywhere."""
    stops = run.vcpus[0].stops
    if len(stops) < 2:
        return ["there are no two snapshots"]
    faults = [list(rule(Change(run, *pair))) for pair in zip(stops, stops[1:])]
    return sum(faults, []) if rule is rule_conservation else min(faults, key=len)


what, run = sys.argv[1], Run(sys.argv[2])
tell(globals()["check_" + what](run) if "check_" + what in globals() else check_rule(globals()["rule_" + what], run))
