# SPDX-License-Identifier: MIT
"""Compare what the host reads with what the guest read: host.py FILE CARRIER.  Say each fault; the status is 1 if there is one.
The attached carrier leaves KVM's statistics as they were.

The guest took a snapshot, then its VMM read its statistics and debugfs (the step `vmm stats`).  In between, only exits by
CPUID (the snapshot), I/O (the way to the VMM) and of the host's own making could happen: those may have grown.
"""
import sys

from answers import Run, fields, tell

COLUMNS = ["count", "kernel_cycles", "vmm_cycles", "waiting_cycles"]
TYPES = {  # flags as the interface defines them: type, unit << 4, base << 8
    "exit_numbering": 0x001, "exit_tsc_khz": 0x001, "exit_epoch": 0x001, "exit_number": 0x001, "exit_late": 0x001,
    "exit_count": 0x000, "exit_guest_cycles": 0x030,
    "exit_kernel_cycles": 0x030, "exit_vmm_cycles": 0x030, "exit_waiting_cycles": 0x030,
}
HISTOGRAM = 0x134


class Table:
    """One file of debugfs."""

    def __init__(self):
        self.keys, self.columns, self.rows = {}, None, {}

    def take(self, words):
        if self.columns is not None:
            self.rows[int(words[0], 0)] = dict(zip(self.columns, words))
        elif words and words[0] == "number":
            self.columns = words
        elif words:
            self.keys[words[0]] = words[1]

    def values(self, number):
        return [int(self.rows[number][column]) for column in COLUMNS]


class Host:
    def __init__(self, said):
        self.stats, self.tables = {}, {}
        for line in said.splitlines():
            words = line.split()
            if line.startswith("stat "):
                self.take_stat(words)
            elif line.startswith("table "):
                self.take_table(words[1], words[2:])

    def take_table(self, whose, words):
        """Each vCPU prints the VM's: the last one counts."""
        if words[:1] == ["exit_stats"]:
            self.tables[whose] = Table()
        self.tables[whose].take(words)

    def take_stat(self, words):
        of = dict(word.split("=") for word in words[1:])
        of["values"] = [int(v) for v in of["values"].split(",")]
        self.stats.setdefault(int(of["vcpu"]), {})[of["name"]] = of


def check_types(host):
    for vcpu, stats in host.stats.items():
        for name, flags in TYPES.items():
            if name not in stats:
                yield f"vcpu={vcpu}: there is no {name}"
            elif int(stats[name]["flags"], 16) != flags:
                yield f"vcpu={vcpu}: {name} has flags {stats[name]['flags']}, not {flags:#x}"


def check_same(host, of_vm):
    """debugfs and the statistics, read one after the other while their vCPU stood still."""
    for vcpu, stats in host.stats.items():
        table = host.tables[f"vcpu={vcpu}"]
        rows = zip(stats["exit_number"]["values"], *(stats[f"exit_{column}"]["values"] for column in COLUMNS))
        live = {number: list(values) for number, *values in rows if values[0]}
        if live != {number: table.values(number) for number in table.rows}:
            yield f"vcpu={vcpu}: statistics {live} are not the table {table.rows}"
        for key in "tsc_khz", "epoch", "guest_cycles":
            if stats[f"exit_{key}"]["values"] != [int(table.keys[key], 0)]:
                yield f"vcpu={vcpu}: {key} differs"
    if len(of_vm.rows) < 3:
        yield "the VM's table has not even three rows"


def check_guest(run, host):
    """The last snapshot of each vCPU, and what the host read after it."""
    moving = [run.numbers[name] for name in ("cpuid", "pio_vmm", "interrupt")]
    for vcpu, seen in run.vcpus.items():
        table, snapshot = host.tables[f"vcpu={vcpu}"], seen.stops[-1]
        for number, row in snapshot["rows"].items():
            told = [row["count"], row["time"] - row["vmm"], row["vmm"], row["waiting"]]
            got = table.values(number)
            if number in moving and any(g < t for g, t in zip(got, told)) or number not in moving and got != told:
                yield f"vcpu={vcpu} number={number:#x}: the host reads {got}, the guest {told}"
        if int(table.keys["guest_cycles"]) < snapshot["guest"]:
            yield f"vcpu={vcpu}: guest_cycles fell"


def check_sum(run, host, of_vm):
    """What stood still on all vCPUs adds up to the VM's."""
    for kind in "hypercall", "wrmsr":
        number = run.numbers[kind]
        total = [sum(column) for column in zip(*(t.values(number) for whose, t in host.tables.items() if whose != "vm"))]
        if of_vm.values(number) != total:
            yield f"{kind}: the VM has {of_vm.values(number)}, its vCPUs {total}"
    if int(of_vm.keys["vcpus"]) != len(run.vcpus):
        yield f"the VM has {of_vm.keys['vcpus']} vCPUs"


def check_histograms(run, host):
    wanted = "section histograms" in run.said
    for vcpu, stats in host.stats.items():
        histograms = {name: of for name, of in stats.items() if name.startswith("exit_time_")}
        if bool(histograms) != wanted:
            yield f"vcpu={vcpu}: {len(histograms)} histograms"
        table, counted = host.tables[f"vcpu={vcpu}"], 0
        for name, of in histograms.items():
            if int(of["flags"], 16) != HISTOGRAM or of["exponent"] != "9" or len(of["values"]) != 24:
                yield f"vcpu={vcpu}: {name} is not of the right type"
            for row in table.rows.values():
                if f"exit_time_{row['name']}" == name:
                    counted += 1
                    buckets = [int(row[f"h{i}"]) for i in range(24)]
                    # The exit that is being processed has no time yet.
                    if buckets != of["values"] or not 0 <= int(row["count"]) - sum(buckets) <= 1:
                        yield f"vcpu={vcpu}: {name} is {of['values']}, in the table {buckets} of {row['count']}"
        if wanted and counted != len(table.rows):
            yield f"vcpu={vcpu}: {counted} of {len(table.rows)} rows have a histogram"


def check_statistics(host, of_vm):
    yield from check_types(host)
    yield from check_same(host, of_vm)


def check_no_statistics(host):
    for vcpu, stats in host.stats.items():
        yield from (f"vcpu={vcpu}: KVM has {name}" for name in stats if name.startswith("exit_"))


def check(path, carrier):
    run = Run(path)
    host = Host(run.said)
    if not host.stats:
        yield "the VMM printed no statistics"
        return
    of_vm = host.tables["vm"]
    yield from check_no_statistics(host) if carrier == "attached" else check_statistics(host, of_vm)
    yield from check_guest(run, host)
    yield from check_sum(run, host, of_vm)
    if carrier != "attached":
        yield from check_histograms(run, host)


if __name__ == "__main__":
    tell(check(*sys.argv[1:]))
