"""A trail is whatever chance has made of it. Each way to falsify it copes with that, or says that it cannot."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.db import transaction

from audit.models import AuditSeal
from audit.proof import sealing
from audit.proof.checkpoints import checkpoint_of
from audit.proof.sealing import seal_new_entries
from audit.proof.verification import Verification
from audit.services import entry_for, record_all
from lab.chaos.falsifying.ways import WAYS, NothingToFalsify, Tamperer, falsified

pytestmark = pytest.mark.once

CHANCES = 6


def write(times: int, *, actor: object = None, reason: str = "") -> None:
    with transaction.atomic():
        record_all([
            entry_for(actor=actor, action="X", entity_type="gauge", entity_id=1, changes={}, reason=reason)
            for _ in range(times)
        ])  # fmt: skip


def seal(*sizes: int) -> None:
    for size in sizes:
        write(size)
        seal_new_entries()


def seal_what_falsifiers_write() -> None:
    """Everything that they would write is there already."""
    for _ in range(2):
        write(2, reason="as agreed")
        seal_new_entries()
    write(1, reason="as agreed")


TRAILS: dict[str, Callable[[], object]] = {
    "nothing": lambda: None,
    "nothing but an unsealed entry": lambda: write(1),
    "one seal of one entry": lambda: seal(1),
    "one seal, and an unsealed entry": lambda: [seal(3), write(1)],
    "seals of one entry each": lambda: seal(1, 1, 1),
    "two seals, of which one covers one entry": lambda: seal(1, 2),
    "a pass that left something for the next": lambda: [write(5), seal_new_entries(most_blocks=1)],
    "what falsifiers write": seal_what_falsifiers_write,
}


@pytest.fixture(params=TRAILS)
def trail(request, db, monkeypatch) -> list[dict[str, object]]:
    """A small trail; return a checkpoint of its end, if it has one."""
    monkeypatch.setattr(sealing, "BLOCK", 3)
    monkeypatch.setattr(sealing, "HORIZON_MARGIN", timedelta(0))
    TRAILS[request.param]()
    return [checkpoint_of(head) for head in AuditSeal.objects.order_by("-number")[:1]]


@pytest.mark.parametrize("name", sorted(WAYS))
def test_each_way_is_found_in_each_trail_or_says_that_there_is_nothing(trail, name):
    for chance in range(CHANCES):
        try:
            with falsified(Tamperer(random.Random(chance)), name) as tampering:
                findings = {(finding.what, finding.number) for finding in Verification(checkpoints=trail).run()}
        except NothingToFalsify:
            found, expected = list(Verification(checkpoints=trail).run()), []
        else:
            found, expected = [tampering.is_found(findings)], [True]

        assert found == expected, name


def test_chance_picks_a_way_that_the_trail_allows(trail):
    for chance in range(CHANCES):
        with falsified(Tamperer(random.Random(chance))) as tampering:
            assert tampering.name in WAYS


def test_most_ways_are_possible_with_two_seals_and_an_unsealed_entry(users):
    write(3, actor=users["quality"])
    seal_new_entries()
    seal(2)
    write(1)
    possible = set()

    for name in WAYS:
        with falsified(Tamperer(random.Random(1)), name) as tampering:
            possible.add(tampering.name)

    assert possible == set(WAYS)
