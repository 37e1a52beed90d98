from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from ipaddress import ip_network
from typing import Any

import pytest

from outbox.webhooks import calling
from outbox.webhooks.calling import call
from outbox.webhooks.resolving import Resolver
from outbox.webhooks.targets import Target
from outbox.webhooks.tests.receiver import Receiver
from qhse.bounded_line import Deadline

ENOUGH = 30.0
SHORT = 0.2


class Nameserver:
    """`resolve` hangs until `answers` is set. It then leads to this machine."""

    def __init__(self) -> None:
        self.answers = threading.Event()
        self.asked: list[str] = []

    def resolve(self, host: str, port: int, **options: Any) -> list[tuple[Any, ...]]:
        self.asked.append(host)
        assert self.answers.wait(ENOUGH)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))]


@pytest.fixture
def silent() -> Iterator[Nameserver]:
    server = Nameserver()
    yield server
    server.answers.set()


@pytest.fixture
def two_places(monkeypatch: pytest.MonkeyPatch) -> Resolver:
    resolver = Resolver(2)
    monkeypatch.setattr(calling, "resolver", resolver)
    return resolver


def called(receiver: Receiver, nameserver: Nameserver, seconds: float) -> calling.Answer:
    return call(
        Target("http", "hooks.example.com", receiver.port, "/"), {}, b"{}",
        allowed=[ip_network("127.0.0.0/8")], resolve=nameserver.resolve, seconds=seconds,
    )  # fmt: skip


def test_a_call_ends_in_time_and_a_nameserver_that_is_silent_is_left_behind(two_places, silent):
    with Receiver() as receiver:
        answer = called(receiver, silent, SHORT)

    assert answer.error == "the name hooks.example.com was not resolved in time: no nameserver has answered in time"
    assert (answer.status, receiver.connections) == (None, 0)
    assert SHORT * 1_000 <= answer.milliseconds < ENOUGH * 500


def test_what_is_left_behind_does_not_pile_up_and_gives_its_place_back(two_places, silent):
    with Receiver() as receiver:
        errors = [called(receiver, silent, SHORT).error for _ in range(4)]
        assert len(silent.asked) == 2
        assert ["too many names" in error for error in errors] == [False, False, True, True]

        silent.answers.set()
        assert called(receiver, silent, ENOUGH).is_taken
        assert called(receiver, silent, ENOUGH).is_taken


@pytest.mark.parametrize("error", [socket.gaierror(-2, "unknown"), UnicodeError("label too long")])
def test_what_the_resolver_raises_is_raised_and_gives_the_place_back(error):
    resolver = Resolver(1)

    def resolve(host: str) -> list[tuple[Any, ...]]:
        raise error

    for _ in range(3):
        with pytest.raises(type(error)):
            resolver.look_up(resolve, Deadline(ENOUGH), "x")
