"""People's words for what the doors of the product refuse."""

from __future__ import annotations

from audit.words import Field, Group, Words, register

register(
    Words(
        record="route",
        name="address",
        group=Group.PEOPLE,
        happened={"ACCESS_DENIED": "Access denied"},
        fields={"refused_in_between": Field("refused in between")},
    )
)
