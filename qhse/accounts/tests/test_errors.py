"""What the accounts app refuses."""

from __future__ import annotations

import pytest

from qhse.accounts.errors import LoginIsBlocked


@pytest.mark.parametrize(("wait", "told"), [(1.0, 1), (0.2, 1), (899.001, 900)])
def test_a_block_never_tells_to_come_back_too_early(wait, told):
    assert LoginIsBlocked(wait).retry_after == told
