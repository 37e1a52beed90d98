"""Callers: processes that write as fast as they can, and note what they were told."""

from __future__ import annotations

import random
import signal
import threading
import time
from collections.abc import Callable, Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from django.db import DatabaseError, InterfaceError, connection, transaction

from lab.chaos.instruments.ledger import Ledger, Told
from lab.gauge import GaugeRead
from ncs.services import close_nonconformity, open_nonconformity
from outbox.publisher import publish_all
from qhse.accounts.models import User
from qhse.errors import DomainError
from suppliers.errors import SupplierNameIsTaken
from suppliers.services import create_supplier, update_certification

READINGS = 10  # in one transaction
KEPT = 20  # suppliers that a writer goes on with
PAUSE_SECONDS = 0.02  # after a failure: the database is probably away
SLOW_SHARE = 0.2  # of the transactions of readings, which wait before they commit, so that ids commit out of order


def be_writer(name: str, ledger: Path, *, pause: float = 0.0) -> None:
    """Write until SIGTERM, with `pause` seconds between two writes. The write in hand is finished first."""
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda number, frame: stop.set())
    Writer(name, ledger).write_until(stop, pause=pause)


class CommitWatch:
    """
    Knows whether the running write has sent its COMMIT.

    An error before that means "no"; one after it means "unknown".
    """

    def __init__(self) -> None:
        self.sent = False
        commit = connection._commit  # type: ignore[attr-defined]

        def watched() -> None:
            self.sent = True
            commit()

        connection._commit = watched  # type: ignore[attr-defined]


class Writer:
    """
    One caller, which does each kind of write once and then whatever chance says.

    It owns its gauges and suppliers, so that positions count up in the order of its commits.
    """

    def __init__(self, name: str, ledger: Path, *, chance: random.Random | None = None) -> None:
        self._name = name
        self._ledger = Ledger(ledger)
        self._watch = CommitWatch()
        self._number = 0
        self._positions: dict[str, int] = {}
        self._users: dict[str, User] = {}
        self._suppliers: list[int] = []
        self._open_ncs: list[int] = []
        self._chance = chance or random.Random()
        # In the order in which each finds what it needs.
        self._first = [self._supplier, self._certification, self._open, self._close, self._readings]

    def write_until(self, stop: threading.Event, *, most: int = 0, pause: float = 0.0) -> None:
        """Write until told to stop, or until `most` transactions have been tried."""
        while not stop.is_set() and not (most and self._number >= most):
            try:
                self._users = self._users or {user.username: user for user in User.objects.all()}
            except (DatabaseError, InterfaceError):
                self._pause()
                continue
            self._number += 1
            self._choice()()
            if pause:
                stop.wait(pause)

    def _choice(self) -> Callable[[], None]:
        if self._first:
            return self._first.pop(0)
        kinds = (self._readings, self._supplier, self._certification, self._open, self._close)
        return self._chance.choices(kinds, (6, 1, 1, 2, 1))[0]

    def _token(self) -> str:
        return f"{self._name}-{self._number}"

    def _readings(self) -> None:
        gauge = f"{self._name}-{self._chance.randrange(8)}"
        first = self._positions.get(gauge, 0) + 1
        # Never used again, whatever becomes of them: a position is one event or none.
        self._positions[gauge] = first + READINGS - 1
        events = [(GaugeRead(gauge=gauge, position=first + n), None) for n in range(READINGS)]

        def write() -> None:
            with transaction.atomic():
                publish_all(events, actor=None)
                if self._chance.random() < SLOW_SHARE:
                    time.sleep(self._chance.uniform(0, 0.004))

        self._attempt("reading", [f"{gauge}/{first + n}" for n in range(READINGS)], write)

    def _supplier(self) -> None:
        name = self._token()
        told, supplier, doubt = Told.UNKNOWN, None, False
        while told == Told.UNKNOWN:  # the name is the key by which a repeated call finds out what became of the first
            told, supplier = self._attempt(
                "supplier", [name], lambda: create_supplier(name=name, actor=self._users["procurement"]), in_doubt=doubt
            )
            doubt = told == Told.UNKNOWN
        if supplier is not None:
            self._suppliers = [*self._suppliers, supplier.pk][-KEPT:]

    def _certification(self) -> None:
        if self._suppliers:
            reason = self._token()
            expiry = date(2030, 1, 1) + timedelta(days=self._number)  # another one each time: the same changes nothing
            pk = self._chance.choice(self._suppliers)
            actor = self._users["procurement"]
            self._attempt(
                "certification",
                [reason],
                lambda: update_certification(supplier_id=pk, certification_expiry=expiry, actor=actor, reason=reason),
            )

    def _open(self) -> None:
        if self._suppliers:
            text, pk = self._token(), self._chance.choice(self._suppliers)
            severity = self._chance.choice(("low", "medium", "high"))
            actor = self._users["quality"]
            told, nc = self._attempt(
                "nc",
                [text],
                lambda: open_nonconformity(supplier_id=pk, severity=severity, description=text, actor=actor),
            )
            if told == Told.ACKNOWLEDGED:
                self._open_ncs.append(nc.pk)

    def _close(self) -> None:
        if self._open_ncs:
            reason, pk = self._token(), self._open_ncs.pop(0)  # once: a second time would change nothing
            self._attempt(
                "close", [reason], lambda: close_nonconformity(nc_id=pk, actor=self._users["quality"], reason=reason)
            )

    def _attempt(
        self, kind: str, tokens: Sequence[str], action: Callable[[], Any], *, in_doubt: bool = False
    ) -> tuple[Told, Any]:
        """Do it, and note the outcome. `in_doubt`: an earlier try may have been stored."""
        self._ledger.begin(kind, tokens)
        self._watch.sent = False
        result = None
        try:
            result = action()
            told = Told.ACKNOWLEDGED
        except (DatabaseError, InterfaceError):
            told = Told.UNKNOWN if self._watch.sent or in_doubt else Told.REFUSED
        except SupplierNameIsTaken:  # by our own first attempt: nobody else uses our names
            told = Told.ACKNOWLEDGED
        except DomainError:
            told = Told.REFUSED
        self._ledger.end(kind, tokens, told)
        if told != Told.ACKNOWLEDGED:
            self._pause()
        return told, result

    @staticmethod
    def _pause() -> None:
        connection.close()
        time.sleep(PAUSE_SECONDS)
