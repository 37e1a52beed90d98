"""Mutants of certificates: four eyes, what counts for a supplier, what supersedes, and what time tells."""

from __future__ import annotations

from lab.mutants.mutant import Mutant

SERVICES = "suppliers/tests/test_certificates.py"
IN_TURN = "suppliers/tests/test_certificates_in_turn.py"
REMINDERS = "suppliers/tests/test_certificate_reminders.py"
PAGES = "suppliers/tests/test_admin_certificates.py"
WRITES = "suppliers/services/certificates.py"
STORING = "suppliers/services/certificate_storing.py"

MUTANTS = (
    Mutant(
        "reminders-stand-behind-what-is-locked", "suppliers/reminders.py",
        'skip_locked=True, of=("supplier",))', 'of=("supplier",))',
        "suppliers/tests/test_certificate_reminders.py -k what_is_free",
    ),
    Mutant(
        "own-correction-verified", WRITES,
        "        or corrected.filter(actor_id=user.pk).exists()\n", "", f"{SERVICES} -k who_corrected_it",
    ),
    Mutant(
        "verified-certificate-corrected", WRITES,
        '    _demand_submitted(certificate, "corrected")\n', "", f"{SERVICES} -k ends_with_the_verification",
    ),
    Mutant(
        "corrected-end-is-not-told-anew", WRITES,
        '{"expiry_told": None} if "valid_to" in new else {}', "{}", f"{SERVICES} -k told_anew",
    ),
    Mutant(
        "same-values-are-announced", WRITES,
        "    if not new:\n        return certificate\n", "", f"{SERVICES} -k stores_and_publishes_nothing",
    ),
    Mutant(
        "refused-without-the-first", WRITES,
        "            existing=known,\n", "", f"{SERVICES} -k twice_is_refused",
    ),
    Mutant(
        "renews-anothers-certificate", WRITES,
        'of_supplier.filter(pk=whole["supersedes_id"], standard=whole["standard"])',
        'Certificate.objects.filter(pk=whole["supersedes_id"])', f"{SERVICES} -k supplier_and_standard_alone",
    ),
    Mutant(
        "withdrawn-certificate-counts", WRITES,
        '"CERTIFICATE_WITHDRAWN", reason, actor)\n    recount(supplier)\n',
        '"CERTIFICATE_WITHDRAWN", reason, actor)\n', f"{SERVICES} -k withdrawn_one_counts",
    ),
    Mutant(
        "superseded-before-the-renewal-begins", "suppliers/models/certificate.py",
        "status=CertificateStatus.VERIFIED, valid_from__lte=today,", "status=CertificateStatus.VERIFIED,",
        f"{SERVICES} -k begins_later",
    ),
    Mutant(
        "two-supersede-each-other", "suppliers/models/certificate.py",
        ', supersedes__valid_from__lt=F("valid_from"),', ",", f"{SERVICES} -k one_stays",
    ),
    Mutant(
        "merge-takes-the-certificate-away", STORING,
        "        if moved_to == supplier_id:\n", "        if True:\n", f"{IN_TURN} -k moved_certificate",
    ),
    Mutant(
        "certificates-counted-without-the-lock", "suppliers/services/storing.py",
        'Supplier.objects.select_for_update(no_key=True, of=("self",)).filter(', "Supplier.objects.filter(",
        f"{IN_TURN} -k hand_one_in",
    ),
    Mutant(
        "unverified-counts-as-verified", "suppliers/coverage.py",
        "sum(not is_verified for", "sum(False for", "suppliers/tests/test_coverage.py",
    ),
    Mutant(
        "every-passed-threshold-is-told", "suppliers/reminders.py",
        "THRESHOLDS = (0, 7, 30, 60, 90)", "THRESHOLDS = (90, 60, 30, 7, 0)", f"{REMINDERS} -k nearest",
    ),
    Mutant(
        "ends-are-told-again", "suppliers/reminders.py",
        'found.filter(Q(expiry_told=None) | Q(expiry_told__gt=F("threshold")))', "found", f"{REMINDERS} -k told_once",
    ),
    Mutant(
        "renewed-certificates-are-told", "suppliers/reminders.py",
        "Certificate.objects.unrenewed(today=today).filter(near)", "Certificate.objects.current().filter(near)",
        f"{REMINDERS} -k at_hand_until",
    ),
    Mutant(
        "reminders-beside-each-other", "suppliers/reminders.py",
        '    free = free.select_for_update(no_key=True, skip_locked=True, of=("supplier",))\n', "",
        f"{REMINDERS} -k tell_each_once",
    ),
    Mutant(
        "superseding-stands-behind-what-is-locked", "suppliers/reminders.py",
        'skip_locked=True, of=("self",))', 'of=("self",))', f"{REMINDERS} -k supersede_what_is_free",
    ),
    Mutant(
        "certificate-stays-without-its-file", "qhse/adminsite/forms.py",
        "            with transaction.atomic():\n                self.instance = self.write()",
        "            if True:\n                self.instance = self.write()", f"{PAGES} -k document_that_is_none",
    ),
    Mutant(
        "work-waits-for-who-may-not-do-it", "suppliers/work.py",
        "about.filter(corrected | imported)", "about.filter(corrected)",
        "qhse/exchange/tests/test_people.py -k exactly_those",
    ),
)  # fmt: skip
