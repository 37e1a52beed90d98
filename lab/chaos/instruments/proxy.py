"""
A TCP proxy before the database. It cuts lines at COMMIT, or lets them go silent.

It is a process of its own. Lines on its standard input give it orders, and it answers each with a line of JSON:

- `pass`: forward everything.
- `before P N`: cut the share P of the COMMITs before they are forwarded, until there were N cuts.
- `after P N`: the same, but when the server has answered the COMMIT.
- `hole`: lines that are open now swallow everything and stay open; new ones work.
- `count`: change nothing.

The answer says how many there were of each. Of what clients send, the proxy understands COMMIT and nothing else.
"""

from __future__ import annotations

import asyncio
import json
import random
import sys

HOST = "127.0.0.1"
COMMIT = b"Q\x00\x00\x00\x0bCOMMIT\x00"
COMMITTED = b"C\x00\x00\x00\x0bCOMMIT\x00"


class Watch:
    """Knows a message in a stream of bytes, also when it comes in pieces."""

    def __init__(self, message: bytes) -> None:
        self._message = message
        self._tail = b""

    def sees_it_in(self, data: bytes) -> bool:
        """Answer whether the message ends in this data, which follows what was shown before."""
        seen = self._tail + data
        self._tail = seen[1 - len(self._message) :]
        return self._message in seen


class Line:
    """One client's connection and ours to the server."""

    def __init__(self, client: asyncio.StreamWriter, server: asyncio.StreamWriter) -> None:
        self.client = client
        self.server = server
        self.silent = False
        self.cut_at_answer = False
        self.commits, self.answers = Watch(COMMIT), Watch(COMMITTED)

    def cut(self) -> None:
        self.client.transport.abort()
        self.server.transport.abort()


class Proxy:
    """The proxy's state: its open lines, and what to do with the next COMMIT."""

    def __init__(self, socket_path: str) -> None:
        self._socket_path = socket_path
        self._lines: set[Line] = set()
        self._mode, self._share, self._left = "pass", 0.0, 0
        self.counts = {"commits": 0, "before": 0, "after": 0, "holes": 0}

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Forward one client's connection, until one end closes it."""
        try:
            answers, server = await asyncio.open_unix_connection(self._socket_path)
        except OSError:
            writer.transport.abort()
            return
        line = Line(writer, server)
        self._lines.add(line)
        try:
            await asyncio.gather(self._to_server(line, reader), self._to_client(line, answers))
        except OSError:
            pass
        finally:
            self._lines.discard(line)
            line.cut()

    async def _to_server(self, line: Line, reader: asyncio.StreamReader) -> None:
        while data := await reader.read(65536):
            if line.silent:
                continue
            if line.commits.sees_it_in(data):
                self.counts["commits"] += 1
                if self._is_due():
                    if self._mode == "before":
                        self._cut(line)
                        return
                    line.cut_at_answer = True
            line.server.write(data)
            await line.server.drain()
        if not line.silent:
            line.server.close()

    async def _to_client(self, line: Line, answers: asyncio.StreamReader) -> None:
        while data := await answers.read(65536):
            if line.silent:
                continue
            if line.answers.sees_it_in(data) and line.cut_at_answer:
                self._cut(line)
                return
            line.client.write(data)
            await line.client.drain()
        if not line.silent:
            line.client.close()

    def _is_due(self) -> bool:
        return self._mode != "pass" and self._left > 0 and random.random() < self._share

    def _cut(self, line: Line) -> None:
        if self._left > 0:
            self._left -= 1
            self.counts["after" if line.cut_at_answer else "before"] += 1
        line.cut()

    def obey(self, order: str) -> None:
        """Do what a line on the standard input says."""
        word, *numbers = order.split()
        if word == "hole":
            open_lines = [line for line in self._lines if not line.silent]
            for line in open_lines:
                line.silent = True
            self.counts["holes"] += len(open_lines)
        elif word in ("before", "after"):
            self._mode, self._share, self._left = word, float(numbers[0]), int(numbers[1])
        elif word == "pass":
            self._mode = word


async def main(socket_path: str) -> None:
    """Say the port, then obey until the input ends."""
    proxy = Proxy(socket_path)
    server = await asyncio.start_server(proxy.serve, HOST, 0)
    answer = {"port": server.sockets[0].getsockname()[1]}
    orders = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(orders), sys.stdin)
    while True:
        sys.stdout.write(f"{json.dumps(answer)}\n")
        sys.stdout.flush()
        order = (await orders.readline()).decode().strip()
        if not order:
            return
        proxy.obey(order)
        answer = proxy.counts


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
