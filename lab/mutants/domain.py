"""Mutants of suppliers, non-conformities and key figures: their rules, their turns, and what each write stores."""

from __future__ import annotations

from lab.mutants.mutant import Mutant

SUPPLIERS = "suppliers/tests/test_services.py"
SUPPLIERS_IN_TURN = "suppliers/tests/test_services_in_turn.py"
REASSESSMENT = "suppliers/tests/test_reassessment.py"
SEARCHES = "qhse/tests/test_searches.py"
NCS = "ncs/tests/test_services.py"

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
        "template = _WITHOUT_ACCENTS", 'template = "lower(%(expressions)s)"', f"{SEARCHES} -k finds_a_supplier",
    ),
    Mutant(
        "today-by-this-host", "qhse/clock.py",
        "return present().astimezone(UTC).date()",
        "from django.utils import timezone\n\n    return timezone.now().date()",
        "qhse/tests/test_clock.py -k whatever_the_host",
    ),
    Mutant(
        "today-in-the-hosts-zone", "qhse/clock.py",
        "return present().astimezone(UTC).date()", "return present().astimezone().date()",
        "qhse/tests/test_clock.py -k wherever",
    ),
    Mutant(
        "expired-on-the-last-day", "suppliers/risk.py",
        "expiry is not None and expiry < today", "expiry is not None and expiry <= today",
        "suppliers/tests/test_risk.py",
    ),
    Mutant(
        "listed-as-expired-on-the-last-day", "suppliers/models.py",
        "Q(certification_expiry__lt=today)", "Q(certification_expiry__lte=today)", "suppliers/tests/test_models.py",
    ),
    Mutant(
        "kpi-forgets-open-high-ncs", "kpi/selectors.py",
        'filter=at_risk_on(Given("today", _DAY))', 'filter=expired_on(Given("today", _DAY))',
        "kpi/tests/test_selectors.py",
    ),
    Mutant(
        "level-of-another-moment", "suppliers/api/serializers.py",
        'source="risk.level", ', "", "kpi/tests/test_one_truth.py -k api",
    ),
    Mutant(
        "page-shows-what-was-concluded", "suppliers/admin/pages.py",
        "        risk = supplier.risk\n        return format_html(",
        "        from types import SimpleNamespace\n        level = RiskLevel(supplier.risk_level)\n"
        "        risk = SimpleNamespace(level=level, score=supplier.risk_score)\n        return format_html(",
        "kpi/tests/test_one_truth.py -k page",
    ),
    Mutant(
        "list-filters-by-what-was-concluded", "suppliers/admin/filters.py",
        "queryset.at_level(RiskLevel(value), today=clock.today())", "queryset.filter(risk_level=value)",
        "kpi/tests/test_one_truth.py -k filters",
    ),
    Mutant(
        "score-in-sql-without-the-floor", "suppliers/models.py",
        "then=Greatest(points, Value(AT_RISK_FLOOR))", "then=points", "suppliers/tests/test_models.py -k score",
    ),
    Mutant(
        "action-without-words", "ncs/words.py",
        '            "NC_CLOSED": "Non-conformity closed",\n', "", "audit/tests/test_words.py -k every_action",
    ),
    Mutant(
        "field-without-words", "suppliers/words.py",
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
        "taken-name-as-it-was-typed", "suppliers/services.py",
        "named {existing.name!r}", "named {supplier.name!r}", f"{SUPPLIERS} -k as_it_is_stored",
    ),
    Mutant(
        "taken-name-spoils-the-caller", "suppliers/services.py",
        "        with transaction.atomic():\n            return _create(supplier, actor)",
        "        return _create(supplier, actor)",
        f"{SUPPLIERS} -k spoiling",
    ),
    Mutant(
        "certification-without-lock", "suppliers/services.py",
        "Supplier.objects.select_for_update(no_key=True).filter(", "Supplier.objects.filter(",
        f"{SUPPLIERS_IN_TURN} -k take_turns",
    ),
    Mutant(
        "same-date-is-announced", "suppliers/services.py",
        "    if previous == certification_expiry:\n        return supplier\n", "", f"{SUPPLIERS} -k stands_there",
    ),
    Mutant(
        "open-high-nc-not-counted", "suppliers/services.py",
        'nc_open_high=F("nc_open_high") + Given("high", _NUMBER)', 'nc_open_high=F("nc_open_high")',
        f"{SUPPLIERS} -k counts_it",
    ),
    Mutant(
        "risk-concluded-without-lock", "suppliers/reassessment.py",
        '        .select_for_update(no_key=True, of=("self",))\n', "",
        f"{REASSESSMENT} -k waits",
    ),
    Mutant(
        "suppliers-locked-in-another-order", "suppliers/reassessment.py",
        '.order_by("pk")', '.order_by("-pk")', f"{REASSESSMENT} -k order_of_the_ids",
    ),
    Mutant(
        "changed-level-not-announced", "suppliers/reassessment.py",
        "        publish_all(events, actor=None)\n", "        pass\n", f"{REASSESSMENT} -k announces",
    ),
    Mutant(
        "repeated-closing-is-announced", "ncs/services.py",
        "    if nc.status == NcStatus.CLOSED:\n        return nc\n    if not may_move(",
        "    if nc.status != NcStatus.CLOSED and not may_move(",
        f"{NCS} -k repeated",
    ),
    Mutant(
        "closing-forgets-its-reason", "ncs/services.py",
        "        reason=reason,\n    )\n    publish(", "    )\n    publish(", f"{NCS} -k reason_in_the_trail",
    ),
    Mutant(
        "opening-in-pieces", "ncs/services.py",
        "@transaction.atomic\ndef open_nonconformity(", "def open_nonconformity(", f"{NCS} -k no_count_behind",
    ),
    Mutant(
        "closing-leaves-the-risk", "ncs/handlers.py",
        "handles_batch(NonConformityOpened, NonConformityClosed, ", "handles_batch(NonConformityOpened, ",
        "ncs/tests/test_handlers.py -k takes_the_level_back",
    ),
)  # fmt: skip
