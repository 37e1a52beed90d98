from __future__ import annotations

import pytest

from outbox.webhooks import vault

FORMER, PRESENT = "f" * 50, "p" * 50


@pytest.fixture
def keys(settings):
    def use(present, *former):
        settings.SECRET_KEY, settings.AUDIT_KEY_FALLBACKS = present, list(former)

    return use


def test_a_secret_is_opened_by_the_key_that_closed_it(keys):
    keys(PRESENT)
    stored = vault.close("whsec_abc")

    assert "abc" not in stored
    assert vault.opened(stored) == "whsec_abc"
    assert vault.is_current(stored)


def test_a_secret_is_opened_by_a_former_key_that_is_known_still(keys):
    keys(FORMER)
    stored = vault.close("whsec_abc")
    keys(PRESENT, FORMER)

    assert vault.opened(stored) == "whsec_abc"
    assert not vault.is_current(stored)


@pytest.mark.parametrize("stored", ["", "rubbish", "gAAAAAB…"])
def test_a_secret_of_another_key_is_unreadable_and_the_error_does_not_tell_it(keys, stored):
    keys(FORMER)
    closed = vault.close("whsec_abc")
    keys(PRESENT)

    for each in (closed, stored):
        with pytest.raises(vault.SecretIsUnreadable) as raised:
            vault.opened(each)
        assert each == "" or each not in str(raised.value)
