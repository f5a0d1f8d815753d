#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A QMP server that is not QEMU: qmp.py SOCKET HOW [SEED].  It prints "ready" and serves one client after another.

HOW is how it behaves: well, or in one of the ways in which a VMM may not.  In the environment, QMP_UUID is its VM's and
QMP_VCPUS how many vCPUs that has.  "wide": the vCPUs of the second half have other exits than those of the first; "same":
all of them name the same statistics.
"""
import json
import os
import random
import socket
import sys

import hosttree

EPOCH = 0xfedcba9876543210  # too large for a signed integer
UUID = os.environ.get("QMP_UUID", "00000000-0000-0000-0000-000000000000")  # QEMU's default
VCPUS = int(os.environ.get("QMP_VCPUS", "2"))
WIDE = 16  # exits of a vCPU, once each
EVENT = {"event": "NIC_RX_FILTER_CHANGED", "timestamp": {"seconds": 1, "microseconds": 0}}
GREETING = {"QMP": {"version": {"qemu": {"major": 7, "minor": 2, "micro": 22}}, "capabilities": ["oob"]}}
OWN = ["exits", "halt_exits", "halt_poll_success_hist"]
HOWS = ("well", "backwards", "histograms", "intel", "hang", "mute", "close", "garbage", "no-qmp", "flood", "endless", "old",
        "stock", "tcg", "error", "ragged", "no-vcpu", "short", "ends", "rude", "late", "pretty", "mutate", "wide", "same")


def statistics(how, vcpu, tick):
    numbering = "vmx" if how == "intel" else "svm"
    rows = hosttree.rows_of(numbering, tick * (vcpu + 1))
    if how in ("wide", "same"):
        rows = [(0x10 + i + WIDE * (vcpu >= VCPUS // 2), "x", [1] * 4, [0] * hosttree.BUCKETS) for i in range(WIDE)]
    # Numbers that nothing was counted for are in the lists too.
    rows = sorted(rows + [(0x2, "none", [0] * 4, [0] * hosttree.BUCKETS)])
    stats = [{"name": name, "value": 1} for name in OWN]
    values = {
        "exit_numbering": 1 if numbering == "vmx" else 2, "exit_tsc_khz": hosttree.TSC_KHZ, "exit_epoch": EPOCH,
        "exit_guest_cycles": hosttree.GUEST_CYCLES * tick * (vcpu + 1), "exit_number": [row[0] for row in rows],
    }
    for i, name in enumerate(("count", "kernel_cycles", "vmm_cycles", "waiting_cycles")):
        values["exit_" + name] = [row[2][i] for row in rows]
    if how == "late":
        values.update(exit_late=1, exit_age_cycles=4_000_000_000)
    if how in ("histograms", "backwards"):
        values.update(("exit_time_" + row[1], row[3]) for row in rows)
    if how == "ragged":
        values["exit_count"].pop()
    if how == "short":
        del values["exit_vmm_cycles"]
    for name, value in values.items():
        if how == "backwards" and isinstance(value, list):
            value.reverse()
        stats.append({"name": name, "value": value})
    return stats


def path_of(vcpu):
    return "/machine/unattached/device[%d]" % vcpu


def answer(how, command, arguments, tick):
    if command == "qmp_capabilities":
        return {}
    if command == "query-name":
        return {"name": "we\x1b[31mb\n\u202e1\x9b" if how == "rude" else "web, 1"}
    if command == "query-uuid":
        return {"UUID": UUID}
    if command == "query-cpus-fast":
        return [{"cpu-index": i, "qom-path": path_of(0 if how == "same" else i), "thread-id": 1, "target": "x86_64"}
                for i in range(VCPUS)]
    if command == "query-stats-schemas" and how == "tcg":
        return []
    if command == "query-stats-schemas":
        names = OWN if how == "stock" else [stat["name"] for stat in statistics(how, 0, 1)]
        return [{"provider": "kvm", "target": target, "stats": [{"name": name, "type": "cumulative", "exponent": 0}
                                                                for name in (names if target == "vcpu" else OWN)]}
                for target in ("vm", "vcpu")]
    if how == "no-vcpu":
        return []
    wanted = arguments["providers"][0]["names"]
    # The last vCPU first, as QEMU 7.2 has it.
    return [{"provider": "kvm", "qom-path": path_of(i),
             "stats": [stat for stat in statistics(how, i, tick) if stat["name"] in wanted]} for i in reversed(range(VCPUS))]


class Client:
    def __init__(self, connection, how, chance):
        self.connection, self.how, self.chance = connection, how, chance

    def send(self, message):
        text = bytearray(json.dumps(message, indent=4 if self.how == "pretty" else None).encode() + b"\r\n")
        # Not every message, or none would get to the end.
        if self.how == "mutate" and not self.chance.randrange(8):
            for _ in range(1 + self.chance.randrange(3)):
                text[self.chance.randrange(len(text))] = self.chance.choice(b'{}[]",:0193456789\n\\ x\0-')
        self.connection.sendall(text)

    def say_nothing(self):
        """Until the client has had enough."""
        while self.connection.recv(4096):
            pass

    def serve(self):
        how, tick = self.how, 0
        if how == "hang":
            return self.say_nothing()
        if how == "close":
            return
        if how == "garbage":
            self.connection.sendall(os.urandom(8192) + b"\n")
        if how == "endless":
            while True:
                self.connection.sendall(b"1" * 65536)
        self.send({"hello": 1} if how == "no-qmp" else GREETING)
        for line in self.connection.makefile():
            command = json.loads(line)
            name = command["execute"]
            if how == "mute" and name == "query-stats":
                return self.say_nothing()
            while how == "flood" and name == "query-stats":
                self.send(EVENT)
            if how == "ends" and name == "query-stats" and tick == 2:
                return
            tick += name == "query-stats"
            self.send(EVENT)
            if how == "old" and name.startswith("query-stats"):
                self.send({"error": {"class": "CommandNotFound", "desc": "The command %s has not been found" % name}})
            elif how == "error" and name == "query-stats":
                self.send({"error": {"class": "GenericError", "desc": "no\nstatistics \x1b[31mtoday"}})
            else:
                self.send({"return": answer(how, name, command.get("arguments"), tick)})


def main():
    path, how = sys.argv[1:3]
    chance = random.Random(int(sys.argv[3]) if len(sys.argv) > 3 else 1)
    if how not in HOWS:
        sys.exit("qmp.py: HOW is one of " + " ".join(HOWS))
    server = socket.socket(socket.AF_UNIX)
    server.bind(path)
    server.listen(1)
    print("ready", flush=True)
    while True:
        connection, _ = server.accept()
        with connection:
            try:
                Client(connection, how, chance).serve()
            except (BrokenPipeError, ConnectionResetError, ValueError):
                pass
        if how == "ends":
            break


if __name__ == "__main__":
    main()
