"""Doing things at the same moment, and breaking them off in the middle: what tests use where others sleep."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
from django.db import connection, connections, transaction

from dev.waiting import wait_until


def at_once(number: int, action: Callable[[int], Any]) -> list[Any]:
    """
    Call `action(0) … action(number - 1)` in as many threads, let go together, each with its own connection.

    Return their results in that order; an exception that one raised stands in its place.
    """
    barrier = threading.Barrier(number)
    results: list[Any] = [None] * number

    def run(index: int) -> None:
        try:
            barrier.wait(timeout=20)
            results[index] = action(index)
        except Exception as error:
            results[index] = error
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run, args=(index,)) for index in range(number)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert not any(thread.is_alive() for thread in threads), "a thread hangs"
    return results


@contextmanager
def in_another_transaction(hold: Callable[[], object]) -> Iterator[None]:
    """Let another connection hold what `hold` locks, for the length of the block."""
    holds, over = threading.Event(), threading.Event()

    def run() -> None:
        try:
            with transaction.atomic():
                hold()
                holds.set()
                over.wait(20)
        finally:
            connection.close()

    other = threading.Thread(target=run)
    other.start()
    assert holds.wait(20)
    try:
        yield
    finally:
        over.set()
        other.join()


@contextmanager
def frozen(line: psycopg.Connection[Any] | int) -> Iterator[None]:
    """Freeze the server process behind this line, or of this id, for the length of the block. Its kernel goes on."""
    pid = line if isinstance(line, int) else line.info.backend_pid
    os.kill(pid, signal.SIGSTOP)
    try:
        wait_until(lambda: " T " in Path(f"/proc/{pid}/stat").read_text(), what="the process to stop")
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


class Interrupted(Exception):
    """Raised by `interrupted_at` in the middle of somebody's work."""


def interrupted_at(point: int, action: Callable[[], Any]) -> bool:
    """
    Run an action that is broken off at its `point`-th SQL statement; return False when it has fewer.

    Statements that end a savepoint are let through: they are how the code under test cleans up.
    """
    from django.db import connection

    seen = 0

    def cut(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        nonlocal seen
        if not sql.startswith(("ROLLBACK", "RELEASE")):
            seen += 1
            if seen == point:
                raise Interrupted
        return execute(sql, params, many, context)

    try:
        with connection.execute_wrapper(cut):
            action()
    except Interrupted:
        return True
    return False


@contextmanager
def signals_as_usual() -> Iterator[None]:
    """Let a program start as from a terminal. Under `nohup`, or behind `&`, it would ignore what tests send it."""
    usual = {signal.SIGHUP: signal.SIG_DFL, signal.SIGINT: signal.default_int_handler}
    before = {number: signal.signal(number, handler) for number, handler in usual.items()}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
