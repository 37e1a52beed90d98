"""Kinds: events of several types, with handlers of their own, happen to the same aggregates. All keep the order."""

from __future__ import annotations

from functools import partial

from dev.waiting import wait_until
from lab.chaos.checker import check
from lab.chaos.instruments.children import Child
from lab.chaos.instruments.database import Database
from lab.chaos.instruments.gauges import Conduct
from lab.chaos.instruments.laboratory import Laboratory
from lab.chaos.instruments.ledger import Account
from lab.chaos.instruments.outcome import Outcome
from lab.chaos.instruments.readings import store
from lab.gauge import GaugeCalibrated, GaugeCertified, GaugeRead

SECONDS = 120.0
FAILING_SHARE = 0.04
KINDS = (GaugeRead, GaugeCalibrated, GaugeCertified)
BATCH_SIZES = (100, 20, 1, 7)


def run(lab: Laboratory) -> Outcome:
    """Share a backlog of several types among workers. Some events fail at first, and some kill whoever has them."""
    gauges, events, kills = (20, 15, 3) if lab.quick else (100, 60, 20)
    rng = lab.chance()
    account = Account()
    with lab.fresh("kinds") as database:
        doomed = set(rng.sample(range(gauges * events), kills))
        for position in range(1, events + 1):
            kinds = [rng.choice(KINDS) for _ in range(gauges)]
            numbers = range((position - 1) * gauges, position * gauges)
            conducts = ["die" if n in doomed else _conduct(rng.random()) for n in numbers]
            store(lab, account, [(f"g{g}", position, conduct) for g, conduct in enumerate(conducts)], kinds)
        crew = _Crew(lab)
        wait_until(lambda: crew.goes_on() and not database.pending(), seconds=SECONDS, what="all events to be handled")
        outcome = Outcome("kinds", verdict=check(database, account))
        outcome.figures = {
            "aggregates": gauges,
            "types": len(KINDS),
            "events": gauges * events,
            "attempts_counted": _attempts(database),
            "kills": crew.deaths,
        }
    outcome.demand(not crew.complaints, f"a worker ended by itself: {crew.complaints[:1]}")
    return outcome


def _attempts(database: Database) -> int:
    return int(database.value("SELECT sum(attempts)::int FROM outbox_outboxevent"))


def _conduct(draw: float) -> str:
    if draw >= FAILING_SHARE:
        return ""
    return "fail:1" if draw < FAILING_SHARE / 2 else "fail-together:1"


class _Crew:
    """Workers with batches of different sizes. A killed one has a successor."""

    def __init__(self, lab: Laboratory) -> None:
        self.deaths = 0
        self.complaints: list[str] = []
        self._lab = lab
        self._members = {number: self._start(number) for number in range(len(BATCH_SIZES))}

    def _start(self, number: int) -> Child:
        options = ("--batch-size", str(BATCH_SIZES[number]), "--poll-interval", "0.1")
        return self._lab.worker(f"worker-{number}-{self.deaths}", *options, setup=partial(_may_die, self._lab))

    def goes_on(self) -> bool:
        """Replace who was killed."""
        for number, member in self._members.items():
            if (code := member.poll()) is not None:
                self.deaths += 1
                if code != -9:
                    self.complaints.append(f"{code}: {member.last_words()[-500:]}")
                self._members[number] = self._start(number)
        return True


def _may_die(lab: Laboratory) -> None:
    Conduct.deaths = lab.directory
