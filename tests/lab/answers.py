# SPDX-License-Identifier: MIT
"""Read what vmm printed, and between it the host's tracepoint; count faults."""
import re
import sys

MAX_FAULTS = 20
MAX_LOST_PPM = 100  # of which none has ever been seen
NUMBER = re.compile(r"=(0x[0-9a-f]+|[0-9]+)$")


def value(word):
    return int(word.split("=")[1], 0)


def fields(line):
    """The numbers in a line, by name."""
    return {word.split("=")[0]: value(word) for word in line.split() if NUMBER.search(word)}


class Vcpu:
    """What one vCPU printed: its stops in order, and each mix."""

    def __init__(self):
        self.stops, self.mixes, self.histograms, self.details = [], [], [], []


class Run:
    def __init__(self, path):
        self.traces, self.dropped, self.numbers, self.vcpus = [], [], {}, {}
        self.traced_before = {}  # the first stop
        self.said = open(path).read()
        for line in self.said.splitlines():
            self.take(line)

    def take(self, line):
        words = line.split()
        if line.startswith("stop "):
            self.traces.append({})
            self.dropped.append(0)
        elif line.startswith("trace dropped=") and self.traces:
            self.dropped[-1] = value(words[1])
        elif line.startswith("trace number="):
            got = fields(line)
            if self.traces:
                self.traces[-1][got["number"]] = got["count"] - self.traced_before.get(got["number"], 0)
            else:
                self.traced_before[got["number"]] = got["count"]
        elif line.startswith("number "):
            self.numbers[words[1]] = int(words[2], 0)
        elif line.startswith("vcpu="):
            self.take_vcpu(words[1], fields(line))

    def take_vcpu(self, what, got):
        vcpu = self.vcpus.setdefault(got["vcpu"], Vcpu())
        if what == "snapshot":
            vcpu.stops.append(dict(got, rows={}))
        elif what == "row":
            vcpu.stops[-1]["rows"][got["number"]] = got
        elif what == "read" and vcpu.stops:
            vcpu.stops[-1]["next_count"] = got["rax"] | got["rbx"] << 32
        elif what == "mix":
            vcpu.mixes.append(got)
        elif what == "histogram":
            vcpu.histograms.append(got)
        elif what == "details":
            vcpu.details.append(got)

    def stops(self):
        for index, vcpu in self.vcpus.items():
            for stop, snapshot in enumerate(vcpu.stops):
                yield f"vcpu={index} stop={stop}", snapshot


def residual_cycles(before, now):
    """What of the cycles between two snapshots is in no place."""
    waiting = [sum(row["waiting"] for row in s["rows"].values()) for s in (before, now)]
    told = now["guest"] - before["guest"] + now["time"] - before["time"] + waiting[1] - waiting[0]
    return now["tsc"] - before["tsc"] - told


def residual_ppm(before, now):
    return residual_cycles(before, now) * 1e6 / (now["tsc"] - before["tsc"])


def lost_ppm(before, now):
    """What is in no place, or in two.

    A snapshot reads the TSC a little after its times were current. On a busy machine that can be any time; but how much
    it can be at most, the snapshot knows: its slack."""
    residual = residual_cycles(before, now)
    return max(residual - now["slack"], -residual - before["slack"], 0) * 1e6 / (now["tsc"] - before["tsc"])


def tell(faults):
    """Say the faults, and end with 1 if there are some."""
    faults = list(faults)
    print("\n".join(faults[:MAX_FAULTS]))
    sys.exit(1 if faults else 0)
