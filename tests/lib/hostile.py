# SPDX-License-Identifier: MIT
"""QMP sockets of VMMs that mean harm, in a directory: hostile.py DIR MUTE FLOODING

MUTE of them take connections and never say a word; the others answer a question with 1 GiB of small objects, or as much as is taken.
Prints "ready".
"""
import socket
import sys
import threading

directory, mute, flooding = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
servers = []


def listen(name):
    server = socket.socket(socket.AF_UNIX)
    server.bind(f"{directory}/{name}")
    server.listen(16)
    servers.append(server)
    return server


def flood(server):
    while True:
        connection, _ = server.accept()
        try:
            connection.sendall(b'{"QMP": {}}\r\n')
            connection.recv(4096)
            connection.sendall(b'{"return": {}}\r\n')
            connection.recv(4096)
            connection.sendall(b'{"return": [')
            for _ in range(1 << 14):
                connection.sendall(b"{}," * 21845)
        except OSError:
            pass
        connection.close()


for i in range(mute):
    listen(f"mute-{i}")
for i in range(flooding):
    threading.Thread(target=flood, args=(listen(f"flood-{i}"),), daemon=True).start()
print("ready", flush=True)
threading.Event().wait()
