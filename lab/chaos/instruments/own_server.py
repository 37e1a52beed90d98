"""A server of a scenario's own, beside the run's: one that is to be harmed in ways that the others must not feel."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from dev.postgres.server import PrivatePostgres
from lab.chaos.instruments.laboratory import SERVER_SETTINGS, Laboratory


@contextmanager
def own_server(
    lab: Laboratory, *, settings: Mapping[str, str] | None = None, variables: Mapping[str, str] | None = None
) -> Iterator[Laboratory]:
    """Give the same laboratory on another server, with these parameters and environment."""
    server = PrivatePostgres(durable=True, settings=SERVER_SETTINGS | dict(settings or {}), variables=variables)
    with server:
        # Of its own too: ledgers of two rounds have the same names, and are written on where they are.
        directory = lab.directory / f"server-{server.pid}"
        directory.mkdir()
        other = Laboratory(server, directory, lab.quick, lab.seed, lab.rounds, lab.scenes)
        other.prepare()
        try:
            yield other
        finally:
            other.kill_all()
