"""
The one judge of all scenarios. It compares what callers were told with the tables, and the tables with each other.

It has SQL of its own (`statements`). Of what it judges it imports nothing but the names of the handlers.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping

from lab.chaos import statements
from lab.chaos.instruments.database import Database
from lab.chaos.instruments.ledger import Account, Told
from lab.chaos.instruments.outcome import Verdict
from outbox.registry import handlers_of


def check(
    database: Database, account: Account, *, settled: bool = True, dead: Collection[str] = (), pruned: bool = False
) -> Verdict:
    """
    Return everything that does not agree.

    `settled`: the workers have had their time. What is pending now is lost, and so is what is dead, unless its token
    is among `dead`. `pruned`: handled events may have been removed.
    """
    verdict = check_halves(database)
    verdict += compare(account, _stored(database))
    if not pruned:
        verdict.phantom += _texts(database, statements.EFFECTS_OF_NOTHING)
    verdict.duplicate += _texts(database, statements.DUPLICATES)
    verdict.overtaken += _texts(database, statements.OVERTAKEN)
    verdict.overtaken += _texts(database, statements.SEEN_TOO_EARLY)
    verdict.lost += _texts(database, statements.LOST_EFFECTS)
    verdict.torn += _unremembered(database)
    if settled:
        verdict.lost += _texts(database, (statements.UNFINISHED, {"expected": list(dead)}))
        verdict.lost += _texts(database, statements.STALE_RISK)
    return verdict


def check_halves(database: Database) -> Verdict:
    """Return what is torn. Nothing may be torn at any moment, not even right after a kill."""
    return Verdict(torn=[text for query in statements.TORN for text in _texts(database, query)])


def stored_among(database: Database, account: Account, told: Told) -> int:
    """Return how many of the writes with this outcome are in the tables."""
    return sum(
        token in present
        for kind, present in _stored(database).items()
        for token, outcome in account.of_kind(kind).items()
        if outcome == told
    )


def compare(account: Account, stored: Mapping[str, Counter[str]]) -> Verdict:
    """
    Return where the callers' account and the stored tokens of each kind differ.

    A kind of which no caller spoke may be there: the scenario itself wrote it. An empty token is nobody's.
    """
    verdict = Verdict()
    for kind, present in stored.items():
        told = account.of_kind(kind)
        for token, outcome in told.items():
            if outcome == Told.ACKNOWLEDGED and not present[token]:
                verdict.lost.append(f"{kind} {token!r} was acknowledged and is absent")
            if outcome == Told.REFUSED and present[token]:
                verdict.phantom.append(f"{kind} {token!r} was refused and is present")
        if told:
            strangers = [token for token in present if token and token not in told]
            verdict.phantom += [f"{kind} {token!r} is present, and nobody wrote it" for token in strangers]
        verdict.duplicate += [f"{kind} {token!r} is there {n} times" for token, n in present.items() if token and n > 1]
    return verdict


def _stored(database: Database) -> dict[str, Counter[str]]:
    return {kind: Counter(token for (token,) in database.rows(sql)) for kind, sql in statements.STORED.items()}


def _unremembered(database: Database) -> list[str]:
    types = [kind for (kind,) in database.rows("SELECT DISTINCT event_type FROM outbox_outboxevent")]
    expected = {kind: len({handler.name for handler in handlers_of(kind)}) for kind in types}
    return [
        text
        for kind, number in expected.items()
        for text in _texts(database, (statements.UNREMEMBERED, {"type": kind, "number": number}))
    ]


def _texts(database: Database, query: statements.Query) -> list[str]:
    return [text for (text,) in database.rows(*query)]
