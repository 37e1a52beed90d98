"""The pages that are made from the code show what the code says: docs/roles.md and docs/events.md."""

from __future__ import annotations

import dataclasses
import json
import re
from itertools import chain
from typing import Annotated

from dev.pages import event_catalogue, role_matrix
from outbox.api.serializers import OutboxEventSerializer
from outbox.events import DomainEvent, Key, event_types
from outbox.payloads import example_payload
from qhse.accounts.roles import Role
from qhse.tests.pages import FENCE, INLINE, first_column_of, is_ours, sections_of, text_of


class TestRoleMatrix:
    def test_the_page_shows_what_the_role_tables_say(self):
        text = text_of("docs/roles.md")

        is_true = text == role_matrix.with_matrix(text)
        assert is_true, f"the role tables have changed; run: .venv/bin/{role_matrix.COMMAND}"

    def test_it_has_a_line_for_each_call_and_a_column_for_each_role(self):
        head, _, *lines = role_matrix.role_matrix().splitlines()

        assert head == f"| Call | no token | {' | '.join(Role.values)} |"
        assert "| `PATCH /ncs/{nc_id}/close` | – | ✓ | – | – | ✓ |" in lines
        assert "| `POST /auth/login` | ✓ | ✓ | ✓ | ✓ | ✓ |" in lines


class TestEvents:
    text = text_of("docs/events.md")

    def test_the_page_shows_what_the_event_classes_say(self):
        is_true = self.text == event_catalogue.with_catalogue(self.text)
        assert is_true, f"events or handlers have changed; run: .venv/bin/{event_catalogue.COMMAND}"

    def test_it_has_a_section_for_each_event_type_and_no_other(self):
        types = {name for name, cls in event_types.items() if is_ours(cls)}

        assert set(sections_of(self.text, "###")) == types
        assert len(types) >= 5

    def test_a_section_has_the_facts_the_handlers_the_keys_and_an_example(self):
        section = sections_of(self.text, "###")["SUPPLIER_CERT_UPDATED"]

        assert (
            "`SupplierCertificationUpdated` in `suppliers/events/suppliers.py`; aggregate `supplier`, identified by "
            "`supplier_id`; `schema_version` 1. Handled by: `suppliers.reassess_risk`."
        ) in " ".join(section.split())
        assert first_column_of(section) == ["supplier_id", "certification_expiry", "previous"]
        assert "| `previous` | text or null | the old one |" in section
        assert '{"supplier_id": 17, "certification_expiry": "2029-06-30", "previous": null}' in section

    def test_a_key_that_older_events_lack_is_marked_with_what_stands_for_it(self):
        @dataclasses.dataclass(frozen=True, kw_only=True)
        class GaugeScrapped(DomainEvent):
            """A gauge has been scrapped."""

            gauge_id: Annotated[int, Key("the gauge", example=3)]
            reason: Annotated[str | None, Key("why", example="worn out")] = None

        section = event_catalogue.section_of(GaugeScrapped)

        assert "| `gauge_id` | integer | the gauge |" in section
        assert "| `reason` | text or null, optional | why; without it, null |" in section

    def test_what_every_event_has_is_what_the_api_shows(self):
        section = sections_of(self.text, "##")["What every event has"]
        (example,) = (json.loads(body) for language, body in FENCE.findall(section) if language == "json")
        cells = re.findall(r"^\| *(`[^|]*)\|", section, re.MULTILINE)

        shown = list(OutboxEventSerializer().fields)
        assert sorted(chain.from_iterable(INLINE.findall(cell) for cell in cells)) == sorted(shown)
        assert list(example) == shown
        cls = event_types[example["event_type"]]
        assert example["payload"] == example_payload(cls)
        assert example["aggregate_id"] == cls.from_payload(example["payload"]).aggregate_id
