"""A message is the event, and the same each time."""

from __future__ import annotations

from outbox.relay.messages import message_of
from outbox.relay.tests.conftest import leaving


def test_a_message_has_the_attributes_of_cloudevents_and_the_payload_alone(settings):
    settings.BROKER_SOURCE = "/qhse/gdynia"
    row = leaving(17, headers={"request_id": "r-1", "actor": "ada", "traceparent": "00-a-b-01"})
    message = message_of(row)
    assert message.body == b'{"nc_id": 41}'
    assert message.route == "nonconformity.NC_CREATED"
    assert message.attributes == {
        "specversion": "1.0",
        "id": str(row.event_id),
        "source": "/qhse/gdynia",
        "type": "NC_CREATED",
        "subject": "nonconformity/41",
        "time": "2026-03-01T12:30:00.000000Z",
        "dataschema": "/qhse/gdynia/events/NC_CREATED/1",
        "partitionkey": "nonconformity/41",
        "sequence": "00000000000000000017",
    }
    assert message.headers == {
        "schema_version": "1", "request_id": "r-1", "actor": "ada", "traceparent": "00-a-b-01",
    }  # fmt: skip


def test_only_a_replay_says_that_it_is_one():
    assert "qhse_replay" not in message_of(leaving(1)).headers
    assert message_of(leaving(1, replay=9)).headers["qhse_replay"] == "9"


def test_sequences_compare_as_text():
    texts = [message_of(leaving(number)).attributes["sequence"] for number in (2, 10, 9_999_999_999)]
    assert texts == sorted(texts)
