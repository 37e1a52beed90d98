from __future__ import annotations

import asyncio
import random
import tempfile
from contextlib import suppress
from pathlib import Path

import pytest

from lab.chaos.instruments.proxy import COMMIT, COMMITTED, HOST, Proxy, Watch

OTHER = b"Q\x00\x00\x00\x0dSELECT 1\x00"


class TestWatch:
    @pytest.mark.parametrize("seed", range(20))
    def test_counts_each_message_once_however_the_stream_is_cut_into_pieces(self, seed):
        chance = random.Random(seed)
        parts = chance.choices([COMMIT, OTHER, COMMIT[:5]], k=12)
        stream = b"".join(parts)
        whole = stream.count(COMMIT)
        watch = Watch(COMMIT)

        seen, at = 0, 0
        while at < len(stream):
            size = chance.randint(1, len(COMMIT) - 1)  # so that no piece holds two
            seen += watch.sees_it_in(stream[at : at + size])
            at += size

        assert seen == whole


class Server:
    """Answers COMMIT as PostgreSQL does, and keeps what arrived."""

    def __init__(self) -> None:
        self.received = b""
        self.closed = asyncio.Event()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            while data := await reader.read(65536):
                self.received += data
                writer.write(COMMITTED if COMMIT in data else b"other")
                await writer.drain()
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()
        self.closed.set()


async def _exchange(order: str, sent: list[bytes]) -> tuple[list[bytes], bytes, dict[str, int]]:
    """Return what a client reads after each message, what the server received, and the proxy's counts."""
    server = Server()
    with tempfile.TemporaryDirectory() as directory:
        path = str(Path(directory) / "s")
        database = await asyncio.start_unix_server(server.serve, path)
        proxy = Proxy(path)
        front = await asyncio.start_server(proxy.serve, HOST, 0)
        reader, writer = await asyncio.open_connection(HOST, front.sockets[0].getsockname()[1])
        proxy.obey(order)
        answers = []
        for message in sent:
            writer.write(message)
            try:
                answers.append(await asyncio.wait_for(reader.read(65536), 20))
            except ConnectionError:
                answers.append(b"")
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()
        await asyncio.wait_for(server.closed.wait(), 20)
        while proxy._lines:
            await asyncio.sleep(0)
        front.close()
        database.close()
        return answers, server.received, proxy.counts


class TestProxy:
    def test_passes_everything_on(self):
        answers, received, counts = asyncio.run(_exchange("pass", [OTHER, COMMIT]))

        assert (answers, received) == ([b"other", COMMITTED], OTHER + COMMIT)
        assert counts == {"commits": 1, "before": 0, "after": 0, "holes": 0}

    def test_cuts_before_the_commit_arrives(self):
        answers, received, counts = asyncio.run(_exchange("before 1 1", [OTHER, COMMIT]))

        assert (answers, received) == ([b"other", b""], OTHER)
        assert counts["before"] == 1

    def test_cuts_when_the_server_has_answered_the_commit(self):
        answers, received, counts = asyncio.run(_exchange("after 1 1", [OTHER, COMMIT]))

        assert (answers, received) == ([b"other", b""], OTHER + COMMIT)
        assert counts["after"] == 1

    def test_cuts_no_more_than_it_was_told_to(self):
        answers, _, counts = asyncio.run(_exchange("before 1 0", [COMMIT, COMMIT]))

        assert answers == [COMMITTED, COMMITTED]
        assert counts["before"] == 0
