# SPDX-License-Identifier: MIT
"""Check what torture_inside.sh printed: torture.py CHECK FILE.  Say each fault; the status is 1 if there is one."""
import sys

from answers import MAX_LOST_PPM, Run, lost_ppm, residual_ppm, tell

MAX_DROPPED = 100 # of some 100 000 exits


def check_complete(run):
    """Every vCPU got to every stop, and read an undisturbed snapshot there."""
    if len(run.vcpus) != 8:
        yield f"{len(run.vcpus)} vCPUs in place of 8"
    for index, vcpu in run.vcpus.items():
        if len(vcpu.stops) != len(run.traces):
            yield f"vcpu={index} was at {len(vcpu.stops)} of {len(run.traces)} stops"
    for where, stop in run.stops():
        if not stop["count"]:
            yield f"{where} found no moment without other exits"


def check_sum(run):
    for where, stop in run.stops():
        total = sum(row["count"] for row in stop["rows"].values())
        if total != stop["count"]:
            yield f"{where} the numbers have {total} exits, the total is {stop['count']}"


def check_times(run):
    for where, stop in run.stops():
        total = sum(row["time"] for row in stop["rows"].values())
        if not stop["time-before"] <= total <= stop["time"]:
            yield f"{where} the numbers have {total} cycles, the total went from {stop['time-before']} to {stop['time']}"
        for row in stop["rows"].values():
            if row["vmm"] > row["time"]:
                yield f"{where} more time in the VMM than in all: {row}"


def check_trace(run):
    """The host was read between the last query of the snapshot and the next one, which lies two exits on: the I/O
    that led to the host, and itself. What is above that are interrupts, before or after the host was read.

    The tracepoint's histogram drops an exit, and says so, if another CPU is in the middle of adding its number: hardly one,
    where all numbers have been added before. What was dropped must be missing there, and nothing else."""
    for stop, trace in enumerate(run.traces):
        dropped = run.dropped[stop]
        if dropped > MAX_DROPPED:
            yield f"stop={stop}: the tracepoint's histogram dropped {dropped} exits"
        at = [vcpu.stops[stop] for vcpu in run.vcpus.values()]
        late = sum(s["next_count"] - s["count"] - 2 for s in at)
        ours = {run.numbers["pio_vmm"]: len(at)}
        for snapshot in at:
            for number, row in snapshot["rows"].items():
                ours[number] = ours.get(number, 0) + row["count"]
        for number in sorted(ours.keys() | trace.keys()):
            more = trace.get(number, 0) - ours.get(number, 0)
            if not -dropped <= more <= late:
                yield (f"stop={stop} number={number:#x}: the tracepoint has {more:+d}"
                       f" (at most {late} may be late, {dropped} were dropped)")
            late -= max(more, 0)
            dropped -= max(-more, 0)


def check_conservation(run):
    for index, vcpu in run.vcpus.items():
        for stop in range(1, len(vcpu.stops)):
            ppm = lost_ppm(*vcpu.stops[stop - 1 : stop + 1])
            if ppm > MAX_LOST_PPM:
                yield f"vcpu={index} stop={stop} {ppm:.1f} ppm of the elapsed cycles are in no place, or in two"


def check_monotonic(run):
    for index, vcpu in run.vcpus.items():
        if not any(mix["watched"] for mix in vcpu.mixes):
            yield f"vcpu={index} saw no answer"
        for mix in vcpu.mixes:
            if mix["fallen"]:
                yield f"vcpu={index} {mix}"


def check_histograms(run):
    """All exits are in a bucket but the one that asks; of the number that asks itself the queries come in between."""
    own = run.numbers["cpuid"]
    if not any(vcpu.histograms for vcpu in run.vcpus.values()):
        yield "no vCPU has a histogram"
    for index, vcpu in run.vcpus.items():
        for got in vcpu.histograms:
            least, most = got["before"], got["after"] - (got["number"] == own)
            if not least <= got["buckets"] <= most:
                yield f"vcpu={index} {got}"


def check_details(run):
    """Of a number with details, they are all that it is. Our own questions take time while they are counted."""
    own = run.numbers["cpuid"]
    if not all(any(got["sum"] for got in vcpu.details) for vcpu in run.vcpus.values()):
        yield "a vCPU has no details"
    for index, vcpu in run.vcpus.items():
        for got in (got for got in vcpu.details if got["sum"]):
            times = got["time-before"] <= got["time-sum"] <= got["time-after"]
            if not got["before"] <= got["sum"] <= got["after"] or not times and got["number"] != own:
                yield f"vcpu={index} {got}"


def summary(run):
    """For the log."""
    pairs = [v.stops[s - 1 : s + 1] for v in run.vcpus.values() for s in range(1, len(v.stops))]
    ppm, lost = [residual_ppm(*pair) for pair in pairs], max(lost_ppm(*pair) for pair in pairs)
    exits = sum(v.stops[-1]["count"] for v in run.vcpus.values())
    watched = sum(m["watched"] for v in run.vcpus.values() for m in v.mixes)
    print(f"{exits} exits, residual {min(ppm):.1f} to {max(ppm):.1f} ppm, {lost:.1f} lost, {watched} answers watched")


if sys.argv[1] == "summary":
    summary(Run(sys.argv[2]))
else:
    tell(globals()["check_" + sys.argv[1]](Run(sys.argv[2])))
