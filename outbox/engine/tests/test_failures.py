"""Who is at fault for an error."""

from __future__ import annotations

import psycopg
import pytest
from django.db import IntegrityError

from outbox.engine.failures import Fault, blame

errors = psycopg.errors


def behind_another(error: Exception) -> Exception:
    try:
        raise RuntimeError("could not write") from error
    except RuntimeError as outer:
        return outer


@pytest.mark.parametrize("wrap", [lambda error: error, behind_another], ids=["itself", "behind another"])
@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (Fault.DATABASE, errors.DiskFull()),
        (Fault.DATABASE, errors.OutOfMemory()),
        (Fault.DATABASE, errors.TooManyConnections()),
        (Fault.DATABASE, errors.IoError()),
        (Fault.DATABASE, errors.SerializationFailure()),
        (Fault.LINE, errors.AdminShutdown()),
        (Fault.LINE, errors.ConnectionFailure()),
        (Fault.HANDLER, errors.DeadlockDetected()),
        (Fault.HANDLER, errors.QueryCanceled()),
        (Fault.HANDLER, errors.LockNotAvailable()),
        (Fault.HANDLER, errors.ReadOnlySqlTransaction()),
        (Fault.HANDLER, IntegrityError()),
        (Fault.HANDLER, ValueError()),
    ],
    ids=repr,
)
def test_an_error_tells_who_is_at_fault_also_from_behind_another(db, fault, error, wrap):

    assert blame(wrap(error)) is fault
