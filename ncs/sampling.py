"""Samples of closed cases: at random, and the same again for the same seed, period and data."""

from __future__ import annotations

import hashlib
import heapq
import json
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from django.db import transaction

from audit.models import AuditEntry
from audit.services import record
from ncs.choices import NcStatus
from ncs.errors import PeriodIsInvalid, SampleIsInvalid
from ncs.models import NonConformity
from qhse.accounts.models import User
from qhse.database import wait_for_turn
from qhse.days import doubt
from qhse.text import LineRefused, one_line

MOST = 100
DEFAULT = 10
MAX_SEED = 64  # characters
ENTITY, ACTION = "nc_sample", "NC_SAMPLE_DRAWN"


@dataclass(frozen=True, slots=True)
class Sample:
    """What was drawn. `ids` are in the order of drawing; `population` is how many cases they were drawn from."""

    first: date
    last: date
    n: int
    seed: str
    population: int
    ids: list[int]

    def cases(self) -> list[NonConformity]:
        found = NonConformity.objects.select_related("supplier", "owner").in_bulk(self.ids)
        return [found[pk] for pk in self.ids]


def period(first: date, last: date) -> tuple[datetime, datetime]:
    """Return when a period of whole days in UTC begins, and when it is over. Raises PeriodIsInvalid."""
    for name, day in (("to", last), ("from", first)):
        if why := doubt(day):
            raise PeriodIsInvalid(why, field=name)
    if first > last:
        raise PeriodIsInvalid("The period ends before it begins.", field="to")
    after = last + timedelta(days=1)
    return datetime.combine(first, time.min, UTC), datetime.combine(after, time.min, UTC)


def drawn(ids: Iterable[int], *, n: int, seed: str) -> tuple[list[int], int]:
    """
    Return n of these ids, and how many there are.

    The ids with the least digests of seed and id are taken. A digest is as good as random for whoever does not choose
    the seed by its outcome, and the trail has each seed that was tried. Memory grows with n alone.
    """
    count = 0

    def counted() -> Iterable[tuple[bytes, int]]:
        nonlocal count
        start = hashlib.sha256(seed.encode() + b"\x00")
        for pk in ids:
            count += 1
            digest = start.copy()
            digest.update(b"%d" % pk)
            yield digest.digest(), pk

    return [pk for _, pk in heapq.nsmallest(n, counted())], count


@transaction.atomic
def draw_sample(*, first: date, last: date, actor: User, n: int = DEFAULT, seed: str = "") -> Sample:
    """
    Draw n of the cases that were closed on these days and still are. Without a seed one is made.

    The trail records who drew what: days, number, seed and ids. The same draw by the same person is recorded once, so
    that a page may be loaded again, twice at once too. No row is locked.

    Raises PeriodIsInvalid, SampleIsInvalid.
    """
    since, until = period(first, last)
    if not 1 <= n <= MOST:
        raise SampleIsInvalid(f"A sample has 1 to {MOST} cases.", field="n")
    try:
        seed = one_line(seed, called="seed")
    except LineRefused as refusal:
        raise SampleIsInvalid(str(refusal), field="seed") from None
    if len(seed) > MAX_SEED:
        raise SampleIsInvalid(f"A seed has at most {MAX_SEED} characters.", field="seed")
    seed = seed or secrets.token_hex(8)
    closed = NonConformity.objects.filter(status=NcStatus.CLOSED, closed_at__gte=since, closed_at__lt=until)
    ids, population = drawn(closed.order_by().values_list("pk", flat=True).iterator(chunk_size=10_000), n=n, seed=seed)
    sample = Sample(first, last, n, seed, population, ids)
    _record(sample, actor)
    return sample


def _record(sample: Sample, actor: User) -> None:
    asked = [sample.first.isoformat(), sample.last.isoformat(), sample.n, sample.seed, sample.population, sample.ids]
    digest = hashlib.sha256(json.dumps(asked).encode()).hexdigest()[:32]
    wait_for_turn(ACTION, actor.pk, digest)
    if AuditEntry.objects.about(ENTITY, digest).filter(actor_id=actor.pk, action=ACTION).exists():
        return
    changes = {
        "from": (None, sample.first), "to": (None, sample.last), "asked_for": (None, sample.n),
        "seed": (None, sample.seed), "population": (None, sample.population), "drawn": (None, sample.ids),
    }  # fmt: skip
    record(actor=actor, action=ACTION, entity_type=ENTITY, entity_id=digest, changes=changes)
