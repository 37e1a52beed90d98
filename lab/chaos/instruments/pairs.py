"""Pairs of a write and a read of the same user, who must find what they wrote."""

from __future__ import annotations

import itertools
import json
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

from dev.http_client import HttpClient, NoAnswer
from dev.stack import HOST
from lab.chaos.instruments.laboratory import Laboratory
from qhse.api.replica_reads import AS_OF_HEADER

CALLERS = 4
_numbers = itertools.count(1)


@dataclass(slots=True)
class Tally:
    """What pairs found. `on_replica` are reads whose answer came from there."""

    pairs: int = 0
    stale: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    on_replica: int = 0
    longest_read: float = 0.0

    def __iadd__(self, other: Tally) -> Tally:
        self.pairs += other.pairs
        self.stale += other.stale
        self.errors += other.errors
        self.on_replica += other.on_replica
        self.longest_read = max(self.longest_read, other.longest_read)
        return self


def make_tokens(lab: Laboratory, number: int) -> list[str]:
    """Make so many users who may record suppliers, and log them in without a password."""
    path = lab.directory / f"tokens-{lab.database_count}.json"

    def make() -> None:
        from qhse.accounts.models import User
        from qhse.accounts.roles import Role
        from qhse.accounts.services.tokens import issue_tokens

        names = [f"writer-{each}" for each in range(number)]
        known = set(User.objects.values_list("username", flat=True))
        for name in names:
            if name not in known:
                user = User(username=name, role=Role.PROCUREMENT)
                user.set_unusable_password()
                user.save(force_insert=True)
        users = User.objects.filter(username__startswith="writer-")
        path.write_text(json.dumps([issue_tokens(user).access_token for user in users]))

    child = lab.fork("tokens", make)
    if child.wait(120) != 0:
        raise RuntimeError(f"no tokens: {child.last_words()}")
    tokens: list[str] = json.loads(path.read_text())
    return tokens


def pairs(port: int, tokens: list[str], number: int) -> Tally:
    """Do so many pairs, by several callers at once. Each writes by one line and reads by another."""
    total, guard, left = Tally(), threading.Lock(), iter(range(number))
    users = itertools.cycle(tokens)

    def call() -> None:
        nonlocal total
        writer, reader, mine = _client(port), _client(port), Tally()
        for _, token in _taken(guard, left, users):
            _pair(writer, reader, token, mine)
        with guard:
            total += mine

    threads = [threading.Thread(target=call) for _ in range(CALLERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return total


def _client(port: int) -> HttpClient:
    return HttpClient(f"http://{HOST}:{port}", keep_open=True)


def _taken(guard: threading.Lock, left: Iterator[int], users: Iterator[str]) -> Iterator[tuple[int, str]]:
    while True:
        with guard:
            try:
                yield_this = next(left), next(users)
            except StopIteration:
                return
        yield yield_this


def _pair(writer: HttpClient, reader: HttpClient, token: str, tally: Tally) -> None:
    name = f"pair-{next(_numbers)}-end"
    tally.pairs += 1
    try:
        written = writer.send("POST", "/suppliers", {"name": name}, token=token)
        if written.status != 201:
            tally.errors.append(f"POST {written.status} {written.content[:200]!r}")
            return
        started = time.monotonic()
        read = reader.send("GET", f"/suppliers?search={name}", token=token)
        tally.longest_read = max(tally.longest_read, time.monotonic() - started)
    except NoAnswer as error:
        tally.errors.append(f"no answer: {error}")
        return
    if read.status != 200:
        tally.errors.append(f"GET {read.status} {read.content[:200]!r}")
        return
    tally.on_replica += AS_OF_HEADER in read.headers
    if name not in [each["name"] for each in read.document()["results"]]:
        tally.stale.append(name)
