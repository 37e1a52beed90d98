"""What happens when many do the same at once: exact counts, on PostgreSQL, with real connections."""

from __future__ import annotations

import random
from collections import Counter

import pytest
from django.db.models import Count, Q
from rest_framework.test import APIClient

from audit.models import AuditEntry
from ncs.models import NonConformity
from ncs.services import close_nonconformity, open_nonconformity
from outbox.choices import EventStatus
from outbox.engine.retry import RetryPolicy
from outbox.engine.worker import Worker
from outbox.models import OutboxEvent, ProcessedEvent
from qhse.accounts.errors import LastAdministratorStays
from qhse.accounts.services.tokens import issue_tokens
from qhse.accounts.services.users import change_user
from qhse.tests.waiting import at_once
from suppliers.models import Supplier

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]


def client_of(user) -> APIClient:
    client = APIClient(raise_request_exception=False)
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {issue_tokens(user).access_token}")
    return client


def test_of_a_hundred_and_twenty_who_create_one_name_exactly_one_succeeds_and_the_others_get_a_400(users):
    clients = [client_of(users["procurement"]) for _ in range(120)]
    spellings = ["Rhein Fasteners AB", "RHEIN FASTENERS AB", " rhein  fasteners ab"]

    statuses = at_once(120, lambda n: clients[n].post("/suppliers", {"name": spellings[n % 3]}).status_code)

    assert Counter(statuses) == {201: 1, 400: 119}
    assert Supplier.objects.count() == 1
    assert OutboxEvent.objects.filter(event_type="SUPPLIER_CREATED").count() == 1
    assert AuditEntry.objects.filter(action="SUPPLIER_CREATED").count() == 1


def test_of_twenty_who_close_two_hundred_nonconformities_one_each_publishes_and_all_succeed(
    users, make_nc, make_supplier
):
    supplier = make_supplier().pk
    ncs = [make_nc(severity="high", supplier_id=supplier).pk for _ in range(200)]
    clients = [client_of(users["quality"]) for _ in range(20)]

    def close_all(n: int) -> list[int]:
        order = random.Random(n // 4).sample(ncs, len(ncs))  # four of them go the same way, and meet at each
        return [clients[n].patch(f"/ncs/{pk}/close").status_code for pk in order]

    statuses = at_once(20, close_all)

    assert Counter(status for each in statuses for status in each) == {200: 4000}
    assert OutboxEvent.objects.filter(event_type="NC_CLOSED").count() == 200
    assert AuditEntry.objects.filter(action="NC_CLOSED").count() == 200
    assert not Supplier.objects.filter(Q(nc_open__gt=0) | Q(nc_open_high__gt=0)).exists()


def test_of_a_hundred_changes_based_on_one_version_exactly_one_is_made(users, make_supplier):
    path = f"/suppliers/{make_supplier().pk}"
    clients = [client_of(users["procurement"]) for _ in range(100)]

    for day in range(1, 4):
        tag = clients[0].get(path)["ETag"]

        def change(n: int, day: int = day, tag: str = tag) -> int:
            body = {"certification_expiry": f"{2030 + n}-01-0{day}"}
            return clients[n].patch(f"{path}/certification", body, HTTP_IF_MATCH=tag).status_code

        assert Counter(at_once(100, change)) == {200: 1, 412: 99}

    assert AuditEntry.objects.filter(action="SUPPLIER_CERT_UPDATED").count() == 3


def test_of_a_hundred_closings_based_on_one_version_exactly_one_is_made(users, make_nc):
    path = f"/ncs/{make_nc().pk}"
    clients = [client_of(users["quality"]) for _ in range(100)]
    tag = clients[0].get(path)["ETag"]

    statuses = at_once(100, lambda n: clients[n].patch(f"{path}/close", {}, HTTP_IF_MATCH=tag).status_code)

    assert Counter(statuses) == {200: 1, 412: 99}
    assert AuditEntry.objects.filter(action="NC_CLOSED").count() == 1


def test_of_fifty_requests_with_one_key_one_writes_for_each_of_fifty_keys(users, make_supplier):
    supplier = make_supplier().pk
    clients = [client_of(users["quality"]) for _ in range(50)]

    def post_all(n: int) -> list[tuple[int, str]]:
        answers = []
        for key in range(50):
            body = {"supplier_id": supplier, "severity": "low", "description": f"Lot {key}: burrs"}
            response = clients[n].post("/ncs", body, HTTP_IDEMPOTENCY_KEY=f"lot-{key}")
            answers.append((response.status_code, response.get("Idempotency-Replayed", "")))
        return answers

    counted = Counter(answer for each in at_once(50, post_all) for answer in each)

    assert set(counted) <= {(201, ""), (201, "true"), (409, "")}
    assert counted[201, ""] == 50
    assert counted.total() == 2500
    assert NonConformity.objects.count() == Supplier.objects.get().nc_total == 50
    assert OutboxEvent.objects.filter(event_type="NC_CREATED").count() == 50


def test_the_counts_on_suppliers_stay_exact_under_parallel_openings_and_closings(users, make_supplier):
    suppliers = [make_supplier() for _ in range(3)]

    def work(seed: int) -> None:
        rng = random.Random(seed)
        for _ in range(10):
            nc = open_nonconformity(
                supplier_id=rng.choice(suppliers).pk,
                severity=rng.choice(["low", "medium", "high"]),
                description="Lot 7: burrs",
                actor=users["quality"],
            )
            if rng.random() < 0.6:
                close_nonconformity(nc_id=nc.pk, actor=users["quality"])

    results = at_once(8, work)

    assert results == [None] * 8
    for supplier in Supplier.objects.all():
        counted = NonConformity.objects.filter(supplier=supplier).aggregate(
            nc_total=Count("id"),
            nc_open=Count("id", filter=Q(status="OPEN")),
            nc_open_high=Count("id", filter=Q(status="OPEN", severity="high")),
            nc_open_medium=Count("id", filter=Q(status="OPEN", severity="medium")),
        )
        assert {name: getattr(supplier, name) for name in counted} == counted


def test_two_workers_share_a_backlog_and_handle_each_event_once(users, make_supplier):
    supplier_ids = [make_supplier().pk for _ in range(10)]
    for number in range(200):
        open_nonconformity(
            supplier_id=supplier_ids[number % 10], severity="low", description="Wet box", actor=users["quality"]
        )
    policy = RetryPolicy(max_attempts=5, base_seconds=0, cap_seconds=0)

    totals = at_once(2, lambda n: Worker(batch_size=10, poll_seconds=0.01, policy=policy).drain())

    assert sum(total.processed for total in totals) == OutboxEvent.objects.count()
    assert all(total.processed for total in totals), "one worker did nothing"
    assert not OutboxEvent.objects.exclude(status="DONE").exists()
    assert ProcessedEvent.objects.count() == OutboxEvent.objects.exclude(event_type="SUPPLIER_RISK_CHANGED").count()


def test_of_four_parallel_uses_of_one_refresh_token_exactly_one_succeeds(users):
    for _ in range(40):
        token = issue_tokens(users["quality"]).refresh_token
        statuses = at_once(
            4, lambda n, token=token: APIClient().post("/auth/refresh", {"refresh_token": token}).status_code
        )
        assert Counter(statuses) == {200: 1, 401: 3}


def test_two_administrators_cannot_demote_each_other_at_the_same_moment(users):
    from qhse.accounts.services.users import create_user

    second = create_user(username="second", password=None, role="admin", actor=None)
    pair = [users["admin"], second]

    results = at_once(2, lambda n: change_user(user_id=pair[n].pk, actor=pair[1 - n], changes={"role": "auditor"}))

    refused = [result for result in results if isinstance(result, LastAdministratorStays)]
    assert len(refused) == 1


def test_of_many_who_requeue_and_dismiss_one_dead_event_exactly_one_decides(users, make_supplier):
    clients = [client_of(users["admin"]) for _ in range(20)]
    make_supplier()
    event = OutboxEvent.objects.get()
    won = Counter()

    for round_number in range(5):
        OutboxEvent.objects.update(status=EventStatus.DEAD, dismissed_at=None)

        def decide(n: int, round_number: int = round_number) -> tuple[str, int]:
            action = ("requeue", "dismiss")[(n + round_number) % 2]
            answer = clients[n].post(f"/outbox/events/{event.event_id}/{action}", {"reason": "Decided"})
            return action, answer.status_code

        answers = Counter(at_once(20, decide))

        winners = [action for action, status in answers if status == 200]
        assert sum(number for (_, status), number in answers.items() if status == 200) == 1
        assert sum(number for (_, status), number in answers.items() if status == 409) == 19
        stored = OutboxEvent.objects.get().status
        assert stored == {"requeue": EventStatus.PENDING, "dismiss": EventStatus.DISMISSED}[winners[0]]
        won[winners[0]] += 1

    decided = AuditEntry.objects.filter(action__startswith="OUTBOX_EVENT_")
    assert Counter(decided.values_list("action", flat=True)) == {
        f"OUTBOX_EVENT_{ {'requeue': 'REQUEUED', 'dismiss': 'DISMISSED'}[action] }": number
        for action, number in won.items()
    }
