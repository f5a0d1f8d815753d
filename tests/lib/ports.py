# SPDX-License-Identifier: MIT
"""Print N ports that are free on loopback, and stay so, as the kernel gives none of them to programs that ask for any: ports.py N"""
import random
import socket
import sys

with open("/proc/sys/net/ipv4/ip_local_port_range", encoding="ascii") as file:
    first = int(file.read().split()[0])
kept = []
while len(kept) < int(sys.argv[1]):
    server = socket.socket()
    try:
        server.bind(("127.0.0.1", random.randrange(first // 2, first)))
    except OSError:
        continue
    kept.append(server)
    print(server.getsockname()[1])
