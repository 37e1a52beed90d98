"""A standby of a private server: it copies everything, and can take its place."""

from __future__ import annotations

from pathlib import Path

from dev.postgres.server import ROLE, PrivatePostgres

NAME = "standby"


class Standby(PrivatePostgres):
    """A server that follows the one whose socket is in a directory. The context manager starts and removes it."""

    def __init__(
        self, directory: Path | str, settings: dict[str, str] | None = None, *, durable: bool = True, role: str = ROLE
    ) -> None:
        # By default it tries again after five seconds, when the server it follows was away or has not enough for it.
        super().__init__(durable=durable, settings={"wal_retrieve_retry_interval": "100ms"} | (settings or {}))
        self._source = f"host={directory} user={role} application_name={NAME}"

    def _fill(self, binaries: Path) -> None:
        copy = [binaries / "pg_basebackup", "-D", self.directory / "data", "-d", self._source, "-R", "-X", "stream"]
        self._run([*copy, "--checkpoint=fast", "--no-sync"])
