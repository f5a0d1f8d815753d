# SPDX-License-Identifier: MIT
"""Stand between a browser and an exporter: live.py URL DIR [LINE-OF-JAVASCRIPT...]

Before each vms.json that it passes on, the exits of the VMs in DIR rise to the next tick: with tests/lib/hosttree.py, VM i
has (i + 1) times those of VM 0. The lines of JavaScript are added to live.js. Prints its own URL, then the tick of each answer.
"""
import http.server
import os
import sys
import threading
import time
import urllib.error
import urllib.request

import hosttree

exporter, directory, lines = sys.argv[1].rsplit("/", 1)[0], sys.argv[2], sys.argv[3:]
tick = 0
turn = threading.Lock()


def write_vms():
    for i, vm in enumerate(sorted(os.listdir(directory))):
        pid, fd = map(int, vm.split("-"))
        hosttree.write_vm(directory, pid, fd, factor=tick * (i + 1), epoch=0xe0c0000000000000 + i, details=i != 1)


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        global tick
        if self.path.startswith("/vms.json"):
            with turn:
                tick += 1
                write_vms()
                print(tick, self.path, flush=True)
                # The exporter gives the same answer to all who ask within a second.
                time.sleep(1.05)
        try:
            answer = urllib.request.urlopen(exporter + self.path)
        except urllib.error.HTTPError as error:
            answer = error
        body = answer.read()
        if self.path == "/live.js":
            body += "\n".join(lines).encode()
        self.send_response(answer.status)
        for name in ("Content-Type", "Content-Security-Policy", "Cache-Control"):
            if answer.headers[name]:
                self.send_header(name, answer.headers[name])
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


tick = 1
write_vms()
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
print("http://127.0.0.1:%d/" % server.server_port, flush=True)
server.serve_forever()
