# SPDX-License-Identifier: MIT
"""Good and bad clients of an HTTP server: python3 tests/lib/clients.py KIND URL ARGUMENT...

good N THREADS		N requests; prints how many were answered with 200 and a whole body
broken N		N requests of every broken kind
trickle N FILE		N clients from 127.0.0.2 that send a byte a second, and others in place of those that are cut off; when there is FILE, no
			others come, and it ends with the last one
deaf N FILE		N clients from 127.0.0.3 that ask and never read, and N more each second until there is FILE; it runs until it is killed
together N PID		N requests that are all there when that process, which is stopped meanwhile, sees them; prints what good prints
churn SECONDS DIR	ask while VMs start, change and end in DIR; prints what was wrong with a page
"""
import collections
import concurrent.futures
import http.client
import os
import random
import re
import select
import shutil
import signal
import socket
import struct
import sys
import threading
import time
import urllib.parse

import vms

kind, url = sys.argv[1:3]
arguments = [int(a) if a.isdigit() else a for a in sys.argv[3:]]
place = urllib.parse.urlsplit(url)
address = (place.hostname, place.port)
REQUEST = b"GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n"


def get():
    connection = http.client.HTTPConnection(*address, timeout=300)
    connection.request("GET", "/metrics")
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    return answer.status, body


def is_good(status, body):
    return status == 200 and body.endswith(b"\n")


def good(number, threads):
    def some(count):
        return sum(is_good(*get()) for _ in range(count))

    with concurrent.futures.ThreadPoolExecutor(threads) as pool:
        print(sum(pool.map(some, [number // threads] * threads)))


def together(number, pid):
    os.kill(pid, signal.SIGSTOP)
    connections = [http.client.HTTPConnection(*address, timeout=300) for _ in range(number)]
    for connection in connections:
        connection.request("GET", "/metrics")
    os.kill(pid, signal.SIGCONT)
    with concurrent.futures.ThreadPoolExecutor(number) as pool:
        answers = pool.map(lambda connection: connection.getresponse(), connections)
        print(sum(pool.map(lambda answer: is_good(answer.status, answer.read()), answers)))


def reset(sock):
    """Close with an RST."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()


def broken(number):
    rng = random.Random(1)
    kinds = [
        lambda: b"",
        lambda: REQUEST[:rng.randrange(len(REQUEST))],
        lambda: bytes(rng.randrange(256) for _ in range(200)),
        lambda: b"GET /" + b"x" * 100000 + b" HTTP/1.1\r\n\r\n",
        lambda: b"GET / HTTP/1.1\r\n" + b"X: " + b"y" * 100000 + b"\r\n\r\n",
        lambda: b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 10000 + b"\r\n",
        lambda: b"GET /metrics HTTP/9.9\r\n\r\n",
        lambda: b"GET /metrics\r\n\r\n",
        lambda: b"\0" * 1000,
        lambda: b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999999999999\r\n\r\nx",
        lambda: b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n",
        lambda: b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\nx",
        lambda: REQUEST * 50,
        lambda: REQUEST,
    ]
    for i in range(number):
        for make in kinds:
            sock = socket.create_connection(address, timeout=300)
            try:
                sock.sendall(make())
                sock.settimeout(0.05)
                if i % 3 == 1:
                    sock.recv(10)
            except (ConnectionError, TimeoutError):
                pass
            if i % 3:
                reset(sock)
            else:
                sock.close()


def ask_from(source, first):
    """A connection over which that much was sent, or None."""
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    sock.bind((source, 0))
    try:
        sock.connect(address)
        sock.sendall(first)
        return sock
    except ConnectionError:
        return None


def is_cut_off(sock, more):
    poll = select.poll()
    poll.register(sock, select.POLLRDHUP)
    try:
        if not poll.poll(0):
            sock.sendall(more)
            return False
    except ConnectionError:
        pass
    sock.close()
    return True


def hold(source, number, enough, first, more):
    """Keep connections open, prints how many there are."""
    socks = []
    while True:
        if not os.path.exists(enough):
            socks += filter(None, (ask_from(source, first) for _ in range(number - (len(socks) if more else 0))))
        print(len(socks), flush=True)
        if not socks:
            break
        time.sleep(1)
        socks = [sock for sock in socks if not is_cut_off(sock, more)]


def churn(seconds, directory):
    stop = threading.Event()
    end = time.monotonic() + seconds

    def change():
        rng = random.Random(2)
        while not stop.is_set():
            i = rng.randrange(40)
            path = f"{directory}/{6000000 + i}-11"
            if os.path.exists(path):
                shutil.rmtree(path)
            else:
                vms.write_vm(directory, f"{6000000 + i}-11", i, 14, 2)

    changer = threading.Thread(target=change)
    changer.start()
    seen, pages, wrong = set(), 0, set()
    # Long enough, and, however slow this machine is, often enough.
    while time.monotonic() < end or (pages < 1000 and (pages <= 50 or len(seen) <= 20)):
        status, body = get()
        text = body.decode()
        ids = re.findall(r'^exitstat_vcpus{vm="[^"]*",id="(\d+-11)"', text, re.M)
        exits = collections.Counter(re.findall(r'^exitstat_exits_total{vm="[^"]*",id="(\d+-11)"', text, re.M))
        seen |= set(ids)
        pages += 1
        if status != 200:
            wrong.add(f"status {status}")
        # Of one that starts there may be less vCPUs.
        if any(exits[name] % 14 for name in ids) or set(exits) - set(ids):
            wrong.add("a VM in pieces")
        names = [line.rsplit(" ", 1)[0] for line in text.splitlines() if line[0] != "#"]
        if len(names) != len(set(names)):
            wrong.add("a series twice")
        if len(ids) != int(re.search(r"^exitstat_vms (\d+)", text, re.M)[1]):
            wrong.add("another number of VMs")
        if re.search(r"^exitstat_vm_errors_total [1-9]", text, re.M):
            wrong.add("an ended VM taken for an error")
    stop.set()
    changer.join()
    print(f"# {pages} pages, {len(seen)} VMs came and went", file=sys.stderr)
    print(", ".join(sorted(wrong)) or f"nothing wrong with {'many' if pages > 50 and len(seen) > 20 else 'few'}")


{
    "good": good, "together": together, "broken": broken, "churn": churn,
    "trickle": lambda number, enough: hold("127.0.0.2", number, enough, b"GET / HTTP/1.1\r\nX: ", b"y"),
    "deaf": lambda number, enough: hold("127.0.0.3", number, enough, REQUEST, b""),
}[kind](*arguments)
