#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Write what KVM's debugfs shows (docs/host.md) for VMs that do not exist.

hosttree.py DIR [--vms N] [--tick T] ... writes N VMs as of moment T: the counts of a row are T times
those at moment 1, so what happens from one tick to the next is known. A file is replaced atomically,
as a reader of debugfs would see it.
"""
import argparse
import os

VERSION = "exit_stats 1"
COLUMNS = ["number", "name", "count", "kernel_cycles", "vmm_cycles", "waiting_cycles"]
BUCKETS = 24
TSC_KHZ = 2_000_000

# number, name, exits per tick, cycles of one in KVM, in the VMM, waiting
ROWS = {
    "svm": [(0x60, "interrupt", 7, 2000, 0, 0), (0x72, "cpuid", 11, 1000, 0, 0),
            (0x78, "hlt", 5, 500, 0, 90_000), (0x7b, "io", 3, 3000, 20_000, 100),
            (0xffffffff, "invalid_guest_state", 1, 100, 0, 0)],
    "vmx": [(1, "EXTERNAL_INTERRUPT", 7, 2000, 0, 0), (10, "CPUID", 11, 1000, 0, 0),
            (12, "HLT", 5, 500, 0, 90_000), (30, "IO_INSTRUCTION", 3, 3000, 20_000, 100)],
}
GUEST_CYCLES = 1_000_000

# For the numbers that have details: detail, exits per tick. The last one of a list may be the rest.
REST = 2 ** 64 - 1
DETAILS = {
    "svm": {0x72: [(1, 6), (0xd, 5)], 0x7b: [(0x3f8, 2), (REST, 1)]},
    "vmx": {1: [(0xec, 7)], 10: [(1, 6), (0xd, 5)], 30: [(0x3f8, 2), (REST, 1)]},
}


def bucket_of(cycles):
    return min(max(cycles.bit_length() - 9, 0), BUCKETS - 1)


def rows_of(numbering, factor):
    """Rows: number, name, a list of values, and the 24 buckets."""
    rows = []
    for number, name, count, kernel, vmm, waiting in ROWS[numbering]:
        count *= factor
        buckets = [0] * BUCKETS
        buckets[bucket_of(kernel + vmm)] = count
        rows.append((number, name, [count, count * kernel, count * vmm, count * waiting], buckets))
    return rows


def add_rows(sum_rows, rows):
    return [(a[0], a[1], [x + y for x, y in zip(a[2], b[2])], [x + y for x, y in zip(a[3], b[3])])
            for a, b in zip(sum_rows, rows)]


def table(numbering, scope, rows, guest_cycles, epoch=0x1c5e6f0a9b3d7e21, tsc_khz=TSC_KHZ,
          histograms=False, keys=(), columns=()):
    """The text of a table; keys are more lines for the head, columns are names of more columns, with the value 1."""
    names = COLUMNS + (["h%d" % i for i in range(BUCKETS)] if histograms else []) + list(columns)
    lines = [VERSION, "numbering " + numbering, "tsc_khz %d" % tsc_khz, scope,
             "epoch 0x%016x" % epoch, "guest_cycles %d" % guest_cycles, *keys, "",
             " ".join("%-20s" % name for name in names).rstrip()]
    for number, name, values, buckets in rows:
        if not values[0]:
            continue
        cells = ["0x%x" % number if numbering == "svm" else "%d" % number, name]
        cells += ["%d" % value for value in values]
        cells += ["%d" % value for value in buckets] if histograms else []
        cells += ["1"] * len(columns)
        lines.append(" ".join("%-20s" % cell for cell in cells).rstrip())
    return "\n".join(lines) + "\n"


def details_of(numbering, vcpu, rows):
    """Lines of a vCPU's details, in the proportions of DETAILS, for the same tick as its rows."""
    lines, row = [], 3
    for number, name, values, _ in rows:
        parts = DETAILS[numbering].get(number, [])
        count_left, cycles_left = values[0], values[1] + values[2]
        for i, (detail, count) in enumerate(parts):
            of_all = count / sum(c for _, c in parts)
            last = i + 1 == len(parts)
            count = count_left if last else int(values[0] * of_all)
            cycles = cycles_left if last else int((values[1] + values[2]) * of_all)
            count_left, cycles_left = count_left - count, cycles_left - cycles
            cells = [vcpu, 256 + row if detail == REST else row, "0x%x" % number if numbering == "svm" else number, name,
                     "0x%x" % detail, count, cycles]
            lines.append(" ".join("%-10s" % cell for cell in cells).rstrip())
            row += 2
    return sorted(lines, key=lambda line: int(line.split()[1]))


def details_table(numbering, scope, lines, epoch=0x1c5e6f0a9b3d7e21, tsc_khz=TSC_KHZ):
    head = ["exit_details 1", scope, "numbering " + numbering, "tsc_khz %d" % tsc_khz, "epoch 0x%016x" % epoch, "late 0",
            "age_cycles 1", "", "vcpu  row  number  name  detail  count  cycles"]
    return "\n".join(head + lines) + "\n"


def replace(path, text):
    with open(path + ".new", "w", encoding="ascii") as file:
        file.write(text)
    os.rename(path + ".new", path)


def write_tables(path, numbering, vcpus, details=False, **more):
    """The tables of a VM's vCPUs, each given as rows and guest time, and of the VM, their sum."""
    vm_rows, vm_guest_cycles, vm_details = [], 0, []
    same = {key: more[key] for key in ("epoch", "tsc_khz") if key in more}
    for vcpu, (rows, guest_cycles) in enumerate(vcpus):
        vcpu_dir = os.path.join(path, "vcpu%d" % vcpu)
        os.makedirs(vcpu_dir, exist_ok=True)
        replace(os.path.join(vcpu_dir, "exit_stats"),
                table(numbering, "vcpu %d" % vcpu, rows, guest_cycles, **more))
        if details:
            lines = details_of(numbering, vcpu, rows)
            vm_details += lines
            replace(os.path.join(vcpu_dir, "exit_details"), details_table(numbering, "vcpu %d" % vcpu, lines, **same))
        vm_rows = add_rows(vm_rows, rows) if vm_rows else rows
        vm_guest_cycles += guest_cycles
    replace(os.path.join(path, "exit_stats"),
            table(numbering, "vcpus %d" % len(vcpus), vm_rows, vm_guest_cycles, **more))
    if details:
        replace(os.path.join(path, "exit_details"), details_table(numbering, "vcpus %d" % len(vcpus), vm_details, **same))


def write_vm(kvm_dir, pid, fd, numbering="svm", vcpus=2, factor=1, **more):
    """A VM whose vCPU v has v + 1 times the exits of vCPU 0, which has factor times those of ROWS."""
    path = os.path.join(kvm_dir, "%d-%d" % (pid, fd))
    factors = [factor * (vcpu + 1) for vcpu in range(vcpus)]
    write_tables(path, numbering, [(rows_of(numbering, f), GUEST_CYCLES * f) for f in factors], **more)
    return path


def main():
    parser = argparse.ArgumentParser(description="Write a debugfs of KVM for VMs that do not exist.")
    parser.add_argument("dir")
    parser.add_argument("--vms", type=int, default=2, help="VM i has i + 1 times the exits of VM 0")
    parser.add_argument("--vcpus", type=int, default=2)
    parser.add_argument("--tick", type=int, default=1)
    parser.add_argument("--pid", type=int, default=4_194_305, help="of VM 0; no process has this one")
    parser.add_argument("--same-pid", action="store_true", help="all VMs in one process")
    parser.add_argument("--numbering", choices=("svm", "vmx"), default="svm")
    parser.add_argument("--histograms", action="store_true")
    parser.add_argument("--details", action="store_true")
    args = parser.parse_args()
    for i in range(args.vms):
        write_vm(args.dir, args.pid + (0 if args.same_pid else i), 10 + (i if args.same_pid else 0),
                 args.numbering, args.vcpus, args.tick * (i + 1), histograms=args.histograms, details=args.details)


if __name__ == "__main__":
    main()
