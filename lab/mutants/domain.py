"""Mutants of suppliers, non-conformities and key figures: their rules, their turns, and what each write stores."""

from __future__ import annotations

from lab.mutants.mutant import Mutant

SUPPLIERS = "suppliers/tests/test_services.py"
SUPPLIERS_IN_TURN = "suppliers/tests/test_services_in_turn.py"
REASSESSMENT = "suppliers/tests/test_reassessment.py"
SEARCHES = "qhse/tests/test_searches.py"
NCS = "ncs/tests/test_services.py"
CASES = "ncs/tests/test_services"

MUTANTS = (
    Mutant(
        "searches-as-typed", "qhse/searches.py",
        'for letters in base_letters(word).split()', "for letters in word.split()", f"{SEARCHES} -k non_conformity",
    ),
    Mutant(
        "descriptions-not-folded", "qhse/searches.py",
        "key = base_letters(getattr(model_instance, self.source))", "key = getattr(model_instance, self.source)",
        f"{SEARCHES} -k non_conformity",
    ),
    Mutant(
        "columns-not-folded-in-postgresql", "qhse/searches.py",
        "template = _WITHOUT_ACCENTS", 'template = "lower(%(expressions)s)"', f"{SEARCHES} -k what_they_said",
    ),
    Mutant(
        "today-by-this-host", "qhse/clock.py",
        "return day_of(present())",
        "from django.utils import timezone\n\n    return timezone.now().date()",
        "qhse/tests/test_clock.py -k whatever_the_host",
    ),
    Mutant(
        "today-in-the-hosts-zone", "qhse/clock.py",
        "return day_of(present())", "return present().astimezone().date()",
        "qhse/tests/test_clock.py -k wherever",
    ),
    Mutant(
        "expired-on-the-last-day", "suppliers/risk/certificates.py",
        "expiry is not None and expiry < today", "expiry is not None and expiry <= today",
        "suppliers/tests/test_risk.py",
    ),
    Mutant(
        "listed-as-expired-on-the-last-day", "suppliers/models/supplier.py",
        "Q(certification_expiry__lt=today)", "Q(certification_expiry__lte=today)", "suppliers/tests/test_models.py",
    ),
    Mutant(
        "kpi-forgets-open-high-ncs", "kpi/selectors.py",
        'filter=at_risk_on(Given("today", _DAY))', 'filter=expired_on(Given("today", _DAY))',
        "kpi/tests/test_selectors.py",
    ),
    Mutant(
        "list-filters-by-the-computed-level", "suppliers/api/filters.py",
        "qs.at_level(RiskLevel(value), today=clock.today())", "qs.filter(risk_level=value)",
        "suppliers/tests/test_api_risk.py -k shown_from_now_on",
    ),
    Mutant(
        "action-without-words", "ncs/words.py",
        '            "NC_CLOSED": "Non-conformity closed",\n', "", "audit/tests/test_words.py -k every_action",
    ),
    Mutant(
        "field-without-words", "suppliers/words/suppliers.py",
        '            "risk_score": Field("risk score"),\n', "", "audit/tests/test_words.py -k every_field",
    ),
    Mutant(
        "histories-in-the-words-of-programs", "audit/history.py",
        "what=what_happened(entry.action)", "what=entry.action", "audit/tests/test_words.py -k no_name_of_a_program",
    ),
    Mutant(
        "ambiguous-day-is-guessed", "qhse/days.py",
        "if first <= 12 and second <= 12 and first != second:", "if False:", "qhse/tests/test_days.py -k can_be_two",
    ),
    Mutant(
        "taken-name-as-it-was-typed", "suppliers/services/suppliers.py",
        "named {named_so.name!r}", "named {supplier.name!r}", f"{SUPPLIERS} -k as_it_is_stored",
    ),
    Mutant(
        "taken-name-spoils-the-caller", "suppliers/services/suppliers.py",
        "        with transaction.atomic():\n            yield", "        yield",
        f"{SUPPLIERS} -k spoiling",
    ),
    Mutant(
        "certification-without-lock", "suppliers/services/suppliers.py",
        "Supplier.objects.select_for_update(no_key=True).filter(", "Supplier.objects.filter(",
        f"{SUPPLIERS_IN_TURN} -k take_turns",
    ),
    Mutant(
        "same-date-is-announced", "suppliers/services/suppliers.py",
        "    if previous == certification_expiry:\n        return supplier\n", "", f"{SUPPLIERS} -k stands_there",
    ),
    Mutant(
        "open-high-nc-not-counted", "suppliers/services/counts.py",
        'nc_open_high=F("nc_open_high") + Given("high", _NUMBER)', 'nc_open_high=F("nc_open_high")',
        f"{SUPPLIERS} -k counts_it",
    ),
    Mutant(
        "risk-concluded-without-lock", "suppliers/reassessment.py",
        'locked = found.select_for_update(no_key=True, of=("self",))', "locked = found",
        f"{REASSESSMENT} -k waits",
    ),
    Mutant(
        "suppliers-locked-in-another-order", "suppliers/reassessment.py",
        '.order_by("pk")', '.order_by("-pk")', f"{REASSESSMENT} -k order_of_the_ids",
    ),
    Mutant(
        "changed-level-not-announced", "suppliers/reassessment.py",
        "        publish_all(told.events, actor=None)\n", "        pass\n", f"{REASSESSMENT} -k announces",
    ),
    Mutant(
        "repeated-closing-is-announced", "ncs/services/closing.py",
        "    if nc.status == NcStatus.CLOSED:\n        return nc\n    if not may_move(",
        "    if nc.status != NcStatus.CLOSED and not may_move(",
        f"{NCS} -k repeated",
    ),
    Mutant(
        "closing-forgets-its-reason", "ncs/services/closing.py",
        "        reason=reason,\n    )\n    nc.refresh", "    )\n    nc.refresh", f"{NCS} -k reason_in_the_trail",
    ),
    Mutant(
        "opening-in-pieces", "ncs/services/cases.py",
        "@transaction.atomic\ndef open_nonconformity(", "def open_nonconformity(",
        "qhse/tests/test_all_or_nothing.py -k opening",
    ),
    Mutant(
        "closing-leaves-the-risk", "ncs/handlers.py",
        "    NonConformityOpened, NonConformityClosed, ", "    NonConformityOpened, ",
        "ncs/tests/test_handlers.py -k takes_the_level_back",
    ),
    Mutant(
        "moved-case-leaves-a-supplier-behind", "suppliers/handlers.py",
        '{event.supplier_id, getattr(event, "previous_supplier_id", event.supplier_id)}', "{event.supplier_id}",
        f"{CASES}_correction.py -k both_suppliers",
    ),
    Mutant(
        "who-corrected-a-case-concedes-it", "ncs/services/steps.py",
        'if any(set(entry.shown_changes) != {"repeat_of_id"} for entry in corrected):', "if False:",
        f"{CASES}_steps.py -k corrected",
    ),
    Mutant(
        "moved-case-counts-twice", "ncs/services/correction.py",
        "        move_nonconformity(before=before, after=after)\n", "        pass\n", f"{CASES}_correction.py -k moves",
    ),
    Mutant(
        "mistaken-case-counts", "ncs/services/closing.py",
        "    count_nonconformity_voided(", "    count_nonconformity_closed(", f"{CASES}_closing.py -k against_nobody",
    ),
    Mutant(
        "closed-with-open-actions", "ncs/services/closing.py",
        "if nc.actions_open or nc.actions_to_verify:", "if nc.actions_open:", f"{CASES}_closing.py -k not_settled",
    ),
    Mutant(
        "used-without-concession", "ncs/services/closing.py",
        "if _is_used(nc) and nc.concession_by_id is None:", "if False:", f"{CASES}_closing.py -k concession",
    ),
    Mutant(
        "everybody-overrides", "ncs/services/closing.py",
        "if actor.role != Role.ADMIN:", "if False:", f"{CASES}_closing.py -k administrator",
    ),
    Mutant(
        "gate-stands-open", "ncs/services/closing.py",
        'if gaps and gate == "enforce":', "if False:", f"{CASES}_closing.py -k evidence",
    ),
    Mutant(
        "own-concession", "ncs/services/steps.py",
        "if stands_behind(nc, actor):", "if False:", f"{CASES}_steps.py -k corrected_what",
    ),
    Mutant(
        "decision-keeps-the-concession", "ncs/services/steps.py",
        ', "concession_by_id": None}', "}", f"{CASES}_steps.py -k takes_a_concession_back",
    ),
    Mutant(
        "step-on-a-closed-case", "ncs/services/storing.py",
        "if nc.status != NcStatus.OPEN:", "if False:", f"{CASES}_steps.py -k closed",
    ),
    Mutant(
        "own-verification", "ncs/services/actions.py",
        "if action.done_by_id == actor.pk:", "if False:", f"{CASES}_actions.py -k who_completed",
    ),
    Mutant(
        "action-on-a-closed-case", "ncs/services/actions.py",
        "if nc.status != NcStatus.OPEN:", "if False:", f"{CASES}_actions.py -k closed_case",
    ),
    Mutant(
        "ineffective-and-forgotten", "ncs/services/actions.py",
        "None if effective else _follow_up(action, nc, actor)", "None", f"{CASES}_actions.py -k did_not_help",
    ),
    Mutant(
        "case-not-locked-for-its-actions", "ncs/services/actions.py",
        'NonConformity.objects.select_for_update(no_key=True, of=("self",)).get(', "NonConformity.objects.get(",
        "qhse/tests/test_races_of_cases.py -k in_no_circle",
    ),
    Mutant(
        "mistakes-are-repeated", "ncs/repeats.py",
        ".exclude(closure_code=ClosureCode.UNFOUNDED)", "", "ncs/tests/test_repeats.py -k mistake",
    ),
    Mutant(
        "work-counts-what-it-shows", "ncs/work.py",
        "return count() if len(first) == MOST else len(first)", "return len(first)",
        "ncs/tests/test_work.py -k are_counted",
    ),
)  # fmt: skip
