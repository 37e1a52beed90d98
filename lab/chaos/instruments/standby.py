"""What scenarios do with a standby: wait for it, promote it, let an address lead to it."""

from __future__ import annotations

from pathlib import Path

from dev.postgres.server import DATABASE, PrivatePostgres
from dev.postgres.standby import NAME
from dev.waiting import wait_until
from lab.chaos.instruments.database import Database

ATTACH_SECONDS = 30.0


def wait_until_synchronous(primary: PrivatePostgres) -> None:
    """Let the primary acknowledge no commit that the standby lacks, and return when it is so."""
    admin = Database(primary, DATABASE)
    admin.execute(f"ALTER SYSTEM SET synchronous_standby_names = '{NAME}'")
    admin.execute("SELECT pg_reload_conf()")
    sql = "SELECT count(*) FROM pg_stat_replication WHERE sync_state = 'sync'"
    wait_until(lambda: admin.value(sql), seconds=ATTACH_SECONDS, what="the standby to be synchronous")
    admin.close()


def promote(standby: PrivatePostgres) -> None:
    """Make it a primary, and return when it takes writes."""
    admin = Database(standby, DATABASE)
    admin.execute("SELECT pg_promote(wait => true)")
    wait_until(lambda: not admin.value("SELECT pg_is_in_recovery()"), what="the standby to take writes")
    admin.close()


def point(link: Path, server: PrivatePostgres, socket_name: str) -> None:
    """Let a link be the socket of this server."""
    new = link.with_suffix(".new")
    new.symlink_to(server.directory / socket_name)
    new.rename(link)
