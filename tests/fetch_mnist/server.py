#!/usr/bin/env python3
"""A mirror on loopback, good and bad: tests/fetch_mnist/server.py FOLDER LOG PORT_FILE

http://127.0.0.1:PORT/KIND/NAME is FOLDER/NAME; KIND says how it is sent. A request is a line `KIND NAME RANGE` of LOG, RANGE
being `-` where none is asked for. PORT_FILE appears once the server listens.
    whole     all of it, or the range asked for
    plain     all of it, whatever range is asked for
    breaks    half of what is asked for, then the connection ends
    hangs     half of what is asked for, then nothing
"""
import http.server
import os
import re
import sys
import threading

FOLDER, LOG, PORT_FILE = sys.argv[1:]
lock = threading.Lock()


class Mirror(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        kind, _, name = self.path.strip("/").partition("/")
        asked = self.headers.get("Range")
        with lock, open(LOG, "a") as log:
            log.write(f"{kind} {name} {asked or '-'}\n")
        try:
            with open(os.path.join(FOLDER, os.path.basename(name)), "rb") as f:
                content = f.read()
        except OSError:
            return self.send_error(404)
        start = int(re.fullmatch(r"bytes=(\d+)-", asked)[1]) if asked and kind != "plain" else 0
        if start >= len(content):
            return self.send_error(416)
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        self.send_header("Content-Length", str(len(content) - start))
        self.end_headers()
        end = (start + len(content)) // 2 if kind in ("breaks", "hangs") else len(content)
        self.wfile.write(content[start:end])
        self.wfile.flush()
        if kind == "hangs":
            self.rfile.read(1)  # until the other side gives up

    def log_message(self, *_):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Mirror)
with open(PORT_FILE + ".new", "w") as file:
    file.write(str(server.server_port))
os.rename(PORT_FILE + ".new", PORT_FILE)
server.serve_forever()
