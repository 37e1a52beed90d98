"""What the commands have in common that run until they are stopped."""

from __future__ import annotations

from django.core.management.base import CommandError
from django.db import InterfaceError, OperationalError, connection
from django.db.migrations.executor import MigrationExecutor

from qhse.observability import metrics


def serve_metrics(bind: tuple[str, int] | None) -> None:
    """Serve /metrics there. Raises CommandError when the address is not free, or not ours."""
    if bind:
        host, port = bind
        try:
            metrics.serve(host, port)
        except OSError as error:
            raise CommandError(f"OUTBOX_METRICS_BIND: {host}:{port}: {error.strerror}") from error


def refuse_old_schema() -> None:
    """Raise CommandError when migrations are missing. If the database is away, the loop waits for it."""
    try:
        executor = MigrationExecutor(connection)
        missing = executor.migration_plan(executor.loader.graph.leaf_nodes())
    except (OperationalError, InterfaceError):
        return
    if missing:
        names = ", ".join(f"{migration.app_label}.{migration.name}" for migration, _ in missing[:5])
        raise CommandError(f"the database lacks migrations ({names}); run manage.py migrate first")
