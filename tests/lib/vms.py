# SPDX-License-Identifier: MIT
"""Write VMs, with vCPUs and exit reasons, for an exporter to a directory like KVM's in debugfs.

python3 tests/lib/vms.py DIR VMS [--vcpus N] [--reasons N] [--histograms] [--details]

VM i is 5000000+i-11; its j-th reason has 1000 i + j + 1 exits on each vCPU, each of which took 2000
cycles of 2 GHz, half of them the VMM's, and waited as long.
"""
import argparse

import hosttree

REASONS = [0x7b, 0x7c, 0x60, 0x400, 0x72, 0x64, 0x14, 0x65, 0x0, 0x78, 0x10, 0x4, 0x89, 0x30,
           0x73, 0x81, 0x40, 0x4e, 0x61, 0x77]
GUEST_CYCLES = 5 * 1000 * hosttree.TSC_KHZ


def row(number, count):
    buckets = [0] * hosttree.BUCKETS
    buckets[hosttree.bucket_of(2000)] = count
    return number, "x", [count, 1000 * count, 1000 * count, 2000 * count], buckets


def write_vm(directory, vm, i, reasons, vcpus, **more):
    """vm is PID-FD."""
    rows = [row(number, 1000 * i + j + 1)
            for j, number in sorted(enumerate(REASONS[:reasons]), key=lambda r: r[1])]
    hosttree.write_tables(f"{directory}/{vm}", "svm", [(rows, GUEST_CYCLES)] * vcpus, **more)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("directory")
    parser.add_argument("vms", type=int)
    parser.add_argument("--vcpus", type=int, default=2)
    parser.add_argument("--reasons", type=int, default=14)
    parser.add_argument("--histograms", action="store_true")
    parser.add_argument("--details", action="store_true")
    options = parser.parse_args()
    for i in range(options.vms):
        write_vm(options.directory, f"{5000000 + i}-11", i, options.reasons, options.vcpus,
                 epoch=i + 1, histograms=options.histograms, details=options.details)


if __name__ == "__main__":
    main()
