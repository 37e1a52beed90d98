"""An entry is stored with the change that it describes, as it will be read back."""

from __future__ import annotations

import pytest
from django.db.transaction import TransactionManagementError

from audit.models import AuditEntry
from audit.proof.marks import is_ours
from audit.services import entry_for, record, record_all
from qhse.observability import context


def test_an_entry_needs_the_transaction_of_its_change(transactional_db):
    with pytest.raises(TransactionManagementError):
        record(actor=None, action="X", entity_type="gauge", entity_id=1, changes={})


@pytest.mark.parametrize(
    "value",
    [1e16, 1e22, 1.5e300, -0.0, 1e-7, 0.1, 10**30, 3, True, None, "ä\u2028", [1.0, {"b": 2.0, "a": [-0.0]}],
     {10: 1, 9: "x"},
     {"a": 1, 2: 0}, (1, 2), {}],
)  # fmt: skip
def test_every_value_keeps_its_mark_through_the_database(db, value):
    pk = record(actor=None, action="X", entity_type="gauge", entity_id=1, changes={"field": (None, value)}).pk

    assert is_ours(AuditEntry.objects.get(pk=pk))


@pytest.mark.parametrize("value", [float("nan"), float("inf"), object(), {1, 2}, b"raw"])
def test_what_no_document_holds_is_refused(db, value):
    with pytest.raises((TypeError, ValueError)):
        record(actor=None, action="X", entity_type="gauge", entity_id=1, changes={"field": (None, value)})


def test_many_entries_take_two_statements(db, django_assert_num_queries):
    entries = [entry_for(actor=None, action="X", entity_type="gauge", entity_id=n, changes={}) for n in range(50)]

    with django_assert_num_queries(2):
        record_all(entries)


def test_an_entry_says_from_where_it_came_and_the_address_only_where_it_is_asked_for(db):
    facts = {"actor": None, "action": "X", "entity_type": "gauge", "entity_id": 1, "changes": {}}

    with context.use(request_id="goods-in-1", source="api", client_address="192.0.2.7"):
        daily = record(**facts)
        other = record(**facts, request_id="of-an-event", with_address=True)

    assert (daily.source, daily.request_id, daily.client_address) == ("api", "goods-in-1", "")
    assert (other.source, other.request_id, other.client_address) == ("api", "of-an-event", "192.0.2.7")
    assert (daily.actor, daily.actor_id, daily.actor_role) == ("system", None, "system")


def test_the_actor_is_kept_as_it_was(users):
    user = users["quality"]

    entry = record(actor=user, action="X", entity_type="gauge", entity_id=1, changes={})
    user.username, user.role = "somebody else", "auditor"

    stored = AuditEntry.objects.get(pk=entry.pk)
    assert (stored.actor, stored.actor_id, stored.actor_role) == ("quality", user.pk, "quality")
