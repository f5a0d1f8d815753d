#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A process with VMs, as /proc shows it: vmm.py READY FD[,FD...] [ARGUMENT...]

Each FD is a descriptor whose link ends as that of KVM's VMs does. When that is so, the file READY is there. The
arguments are for others to read. It ends with the process that started it.
"""
import os
import sys
import time

parent = os.getppid()
ready, fds = sys.argv[1:3]
os.mkdir(ready + ".vm")
vm = os.open(ready + ".vm/anon_inode:kvm-vm", os.O_CREAT | os.O_RDONLY)
for fd in fds.split(","):
    os.dup2(vm, int(fd))
with open(ready, "w", encoding="ascii"):
    pass
while os.getppid() == parent:
    time.sleep(1)
