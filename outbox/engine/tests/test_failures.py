"""Who is at fault for an error."""

from __future__ import annotations

import psycopg
import pytest
from django.db import IntegrityError, OperationalError

from outbox.choices import EventStatus
from outbox.engine.dispatcher import Dispatcher
from outbox.engine.failures import Fault, blame
from outbox.models import OutboxEvent
from outbox.registry import handles
from outbox.tests.gauges import GaugeCalibrated

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


@pytest.mark.postgres
@pytest.mark.django_db
class TestAFailureWhoseTextCannotBeStored:
    """As it was found: an error with € on a database of LATIN1 was never counted, and stopped the whole outbox."""

    def test_is_counted_and_harms_no_other(self, takes_latin1_alone, publish_reading, policy):
        takes_latin1_alone("outbox_outboxevent", "last_error")
        bad, good = publish_reading(1, reading=1), publish_reading(2, reading=2)

        @handles(GaugeCalibrated, name="test.limit")
        def too_dear(delivery):
            if delivery.event_id == bad.event_id:
                raise ValueError("Grenzwert überschritten: 5 €")

        result = Dispatcher(policy=policy).dispatch(10)

        assert (result.processed, result.retried) == (1, 1)
        bad.refresh_from_db()
        good.refresh_from_db()
        assert (bad.attempts, good.status) == (1, EventStatus.PROCESSED)
        assert "5 \\u20ac" in bad.last_error

    def test_of_the_database_is_put_off(self, takes_latin1_alone, publish_reading, policy):
        takes_latin1_alone("outbox_outboxevent", "last_error")
        event = publish_reading()

        @handles(GaugeCalibrated, name="test.full")
        def full(delivery):
            raise OperationalError("5 € sind zu wenig: die Platte ist voll") from errors.DiskFull()

        with pytest.raises(OperationalError, match="cannot work"):
            Dispatcher(policy=policy).dispatch(10)

        stored = OutboxEvent.objects.get(pk=event.pk)
        assert (stored.attempts, "5 \\u20ac" in stored.last_error) == (0, True)
