"""Fixtures of cases: one that can be closed, and actions made by the services."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest


@pytest.fixture
def make_action(users: dict[str, Any], make_nc: Callable[..., Any]) -> Callable[..., Any]:
    """Agree on an action through its service, by quality. Without a case it gets one of its own."""
    from ncs.services import open_action

    def make(**overrides: Any) -> Any:
        values = {"kind": "corrective", "title": "Tool change at 5,000 strokes", "actor": users["quality"]} | overrides
        if "nc_id" not in values:
            values["nc_id"] = make_nc().pk
        return open_action(**values)

    return make


@pytest.fixture
def completed(users: dict[str, Any], make_action: Callable[..., Any]) -> Callable[..., Any]:
    """Return an action that quality has begun and completed."""
    from ncs.services import complete_action, start_action

    def make(**overrides: Any) -> Any:
        action = make_action(**overrides)
        start_action(action_id=action.pk, actor=users["quality"])
        return complete_action(action_id=action.pk, note="Interval is set", actor=users["quality"])

    return make
