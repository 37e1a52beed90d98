"""A collector that takes spans and throws them away: `python -m lab.bench.sink PORT`. Its CPU counts for nobody."""

from __future__ import annotations

import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from dev.stack import HOST


class _Taken(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *arguments: object) -> None: ...


if __name__ == "__main__":
    ThreadingHTTPServer((HOST, int(sys.argv[1])), _Taken).serve_forever()
