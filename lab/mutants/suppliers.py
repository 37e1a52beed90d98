"""Mutants of what is said, decided and merged about suppliers."""

from __future__ import annotations

from lab.mutants.mutant import Mutant

MERGING = "qhse/tests/test_merging_suppliers.py"
STATUS = "suppliers/tests/test_services_status.py"
RULES = "suppliers/tests/test_status.py"
CORRECTION = "suppliers/tests/test_services_correction.py"
RACES = "qhse/tests/test_races_of_suppliers.py"
PAGE = "suppliers/tests/test_admin_steps.py"

MUTANTS = (
    Mutant(
        "supplier-without-lock", "suppliers/services/storing.py",
        'Supplier.objects.select_for_update(no_key=True, of=("self",)).filter', "Supplier.objects.filter",
        f"{RACES} -k certificate",
    ),
    Mutant(
        "merged-supplier-takes-writes", "suppliers/services/storing.py",
        "    refuse_merged(supplier)\n", "", f"{MERGING} -k takes_no_write",
    ),
    Mutant(
        "merged-supplier-takes-cases", "suppliers/services/counts.py",
        "_count_opened = WrittenUpdate(\n    lambda: Supplier.objects.standing().filter",
        "_count_opened = WrittenUpdate(\n    lambda: Supplier.objects.filter",
        f"{RACES} -k recorded_afterwards",
    ),
    Mutant(
        "merged-suppliers-counted", "kpi/selectors.py",
        "Supplier.objects.standing()", "Supplier.objects", f"{MERGING} -k counted_once",
    ),
    Mutant(
        "merged-suppliers-listed", "suppliers/api/views.py",
        "    always = STANDING\n", "", "suppliers/tests/test_api_supplier.py -k every_list",
    ),
    Mutant(
        "merger-into-a-duplicate", "suppliers/services/merging.py",
        '    refuse_merged(target, field="into_id")\n', "", f"{MERGING} -k into_a_duplicate",
    ),
    Mutant(
        "merger-leaves-a-chain", "suppliers/services/merging.py",
        "Supplier.objects.filter(merged_into=source).update(merged_into=target, ",
        "Supplier.objects.filter(merged_into=source).update(",
        f"{MERGING} -k merged_before",
    ),
    Mutant(
        "merger-forgets-the-counts", "ncs/merging.py",
        "        move_counts(source, target)\n", "", f"{MERGING} -k both_counts",
    ),
    Mutant(
        "merger-without-locked-cases", "ncs/merging.py",
        'NonConformity.objects.select_for_update(no_key=True, of=("self",)).filter(supplier_id=supplier_id)',
        "NonConformity.objects.filter(supplier_id=supplier_id)",
        f"{RACES} -k deadlocked",
    ),
    Mutant(
        "merger-passes-over-new-cases", "suppliers/services/merging.py",
        "                    raise _MoreHaveCome\n", "                    pass\n", f"{RACES} -k deadlocked",
    ),
    Mutant(
        "certificates-not-counted-anew", "suppliers/services/merging.py",
        "    recount(target)\n", "", f"{MERGING} -k counted_anew",
    ),
    Mutant(
        "certificates-prove-before-they-begin", "suppliers/coverage.py",
        "if each.valid_from <= today or takes_over:", "if True:", "suppliers/tests/test_coverage.py -k verified",
    ),
    Mutant(
        "certificates-begin-when-somebody-writes", "suppliers/reassessment.py",
        "    _count_certificates(suppliers, figures, day)\n", "",
        "suppliers/tests/test_reassessment.py -k without_anybody",
    ),
    Mutant(
        "approved-by-an-ended-certificate", "suppliers/services/status.py",
        ", valid_to__gte=today", "", f"{STATUS} -k in_date",
    ),
    Mutant(
        "approved-by-an-unverified-certificate", "suppliers/services/status.py",
        "supplier=supplier, status=CertificateStatus.VERIFIED, ", "supplier=supplier, ", f"{STATUS} -k in_date",
    ),
    Mutant(
        "suspension-ended-by-purchasing", "suppliers/status.py",
        "able & _QUALITY if present == SupplierStatus.SUSPENDED else able", "able", RULES,
    ),
    Mutant(
        "suspension-forgotten-by-a-way-round", "suppliers/services/status.py",
        "after_suspension=supplier.nc_open_high > 0 and _is_after_suspension(supplier),", "after_suspension=False,",
        f"{STATUS} -k way_round",
    ),
    Mutant(
        "suspension-that-no-approval-ends", "suppliers/status.py",
        "        if SupplierStatus.APPROVED in (source, target):\n            return False\n", "",
        f"{RULES} -k next_approval",
    ),
    Mutant(
        "standards-required-afterwards-show-nowhere", "suppliers/models/supplier.py",
        "self.status, is_proven=self.is_proven", "self.status, is_proven=True", f"{STATUS} -k afterwards",
    ),
    Mutant(
        "override-renewed-by-the-same-person-for-ever", "suppliers/services/risk.py",
        "        _demand_another(supplier, until, actor)\n", "        pass\n",
        "suppliers/tests/test_override.py -k Renewal",
    ),
    Mutant(
        "override-bound-forgotten-by-a-short-break", "suppliers/overriding.py",
        "or (began - each.until).days > OVERRIDE_DAYS", "or began > each.until",
        "suppliers/tests/test_overriding.py",
    ),
    Mutant(
        "merged-supplier-keeps-its-override", "suppliers/services/merging.py",
        ", **nothing, **override})", ", **nothing})", f"{MERGING} -k end_the_override",
    ),
    Mutant(
        "merged-supplier-is-at-risk", "suppliers/models/supplier.py",
        "self.filter(at_risk_on(today), **STANDING)", "self.filter(at_risk_on(today))",
        f"{MERGING} -k end_the_override",
    ),
    Mutant(
        "status-decided-by-anybody", "suppliers/services/status.py",
        "    if actor.role not in able:\n", "    if False:\n", f"{STATUS} -k another_role",
    ),
    Mutant(
        "correction-without-reason", "suppliers/services/correction.py",
        'reason = demanded(reason, to="to correct what was recorded")', "pass", f"{CORRECTION} -k without_a_reason",
    ),
    Mutant(
        "required-standards-not-counted-anew", "suppliers/services/correction.py",
        "        recount(supplier)\n", "        pass\n", f"{CORRECTION} -k looked_for",
    ),
    Mutant(
        "step-of-others-is-only-late", "qhse/adminsite/steps.py",
        " or self._is_others(request, record)", "", f"{PAGE} -k another_role",
    ),
    Mutant(
        "renewal-left-at-the-duplicate", "suppliers/services/moving.py",
        "        Certificate.objects.filter(pk=pk).update(supersedes_id=renewed)", "        pass",
        f"{MERGING} -k renew",
    ),
)  # fmt: skip
