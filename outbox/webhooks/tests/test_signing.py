from __future__ import annotations

import json
import time

from outbox.webhooks.signing import PREFIX, new_secret, signature_header
from outbox.webhooks.tests.receiver import is_signed

BODY = json.dumps({"type": "NC_CREATED", "data": {"text": "Größe 12 µm"}}).encode()


def headers(secrets: list[str], timestamp: int) -> dict[str, str]:
    return {
        "webhook-id": "0199-1",
        "webhook-timestamp": str(timestamp),
        "webhook-signature": signature_header("0199-1", timestamp, BODY, secrets),
    }


class TestSignatureHeader:
    def test_is_what_the_library_of_the_scheme_verifies(self):
        secret = new_secret()

        assert is_signed(secret, BODY, headers([secret], int(time.time())))

    def test_has_two_signatures_while_a_secret_changes_of_which_each_serves(self):
        former, present, foreign = new_secret(), new_secret(), new_secret()
        sent = headers([present, former], int(time.time()))

        assert [is_signed(each, BODY, sent) for each in (former, present, foreign)] == [True, True, False]

    def test_covers_id_time_and_body(self):
        secret, now = new_secret(), int(time.time())
        sent = headers([secret], now)

        assert is_signed(secret, BODY, sent)
        for changed in ({"webhook-id": "0199-2"}, {"webhook-timestamp": str(now - 1)}):
            assert not is_signed(secret, BODY, sent | changed)
        assert not is_signed(secret, BODY + b" ", sent)


def test_secrets_are_of_their_own_and_long():
    made = {new_secret() for _ in range(50)}

    assert len(made) == 50
    assert all(each.startswith(PREFIX) and len(each) == len(PREFIX) + 44 for each in made)
