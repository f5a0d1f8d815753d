# SPDX-License-Identifier: MIT
"""Make a request and print its body or status: python3 tests/lib/fetch.py [--method M] [--status] URL [HEADER...]"""
import argparse
import sys
import urllib.error
import urllib.request

parser = argparse.ArgumentParser()
parser.add_argument("--method", default="GET")
parser.add_argument("--status", action="store_true")
parser.add_argument("url")
parser.add_argument("header", nargs="*")
options = parser.parse_args()
request = urllib.request.Request(
    options.url, method=options.method, data=b"x" * 100000 if options.method == "POST" else None,
    headers=dict(header.split(": ", 1) for header in options.header))
try:
    with urllib.request.urlopen(request, timeout=300) as answer:
        status, body = answer.status, answer.read()
except urllib.error.HTTPError as error:
    status, body = error.code, error.read()
if options.status:
    print(status)
else:
    sys.stdout.buffer.write(body)
