"""Mutants of what is promised of imports: rows that are done are done, once, in the name of who may do it."""

from __future__ import annotations

from lab.mutants.mutant import Mutant

RUNNING = "qhse/exchange/running.py"
RUNS = "qhse/exchange/tests/test_running.py"
JOBS = "qhse/exchange/tests/test_jobs.py"
SERVICES = "qhse/exchange/tests/test_services.py"
VALUES = "qhse/exchange/tests/test_values.py"
TABLES = "qhse/exchange/tests/test_tables.py"
PEOPLE = "qhse/exchange/tests/test_people.py"
VOLUMES = "suppliers/tests/test_volumes.py"
CERTIFICATES = "suppliers/tests/test_certificate_imports.py"

MUTANTS = (
    Mutant(
        "all-workers-start-a-program-for-one-import", "qhse/exchange/jobs.py",
        "if not _waiting().update(beat_at=Now()):", "if not _waiting().exists():",
        f"{JOBS} -k one_starts_it",
    ),
    Mutant(
        "an-import-waits-behind-a-program-that-is-ending", "qhse/exchange/jobs.py",
        "        return None  # what is started now, it may have missed", "        return False",
        f"{JOBS} -k looks_again_soon",
    ),
    Mutant(
        "frozen-import-is-waited-for", "qhse/exchange/jobs.py",
        "            self.process.kill()\n", "", f"{JOBS} -k those_behind_it",
    ),
    Mutant(
        "import-that-lives-is-ended", "qhse/exchange/jobs.py",
        "            self._hear()\n", "", f"{JOBS} -k while_it_gives_signs",
    ),
    Mutant(
        "frozen-import-keeps-its-locks", "qhse/exchange/management/commands/run_imports.py",
        "idle_in_transaction=IDLE_SECONDS", "idle_in_transaction=0", f"{JOBS} -k nobody_ends_it",
    ),
    Mutant(
        "import-that-hangs-is-not-ended", "qhse/exchange/signs.py",
        "    faulthandler.dump_traceback_later(WATCHDOG_SECONDS, exit=True)\n", "", f"{JOBS} -k ends_itself",
    ),
    Mutant(
        "imports-wait-behind-one-whose-rows-are-locked", RUNNING,
        "if sqlstate(error) != SqlState.LOCK_NOT_AVAILABLE:", "if True:", f"{RUNS} -k somebody_else_holds",
    ),
    Mutant(
        "all-or-nothing-keeps-the-good-rows", RUNNING,
        "                transaction.set_rollback(True)\n", "                pass\n", f"{RUNS} -k undoes_all_rows",
    ),
    Mutant(
        "repeated-row-overwrites-the-first", RUNNING,
        "    if first is not None:\n        return None, [repeated(row.number, first)]\n", "",
        f"{RUNS} -k repeats_another",
    ),
    Mutant(
        "imports-after-the-right-is-gone", RUNNING,
        "                    _demand_right(job, User.objects.all())\n", "", f"{RUNS} -k stores_none",
    ),
    Mutant(
        "import-that-is-tried-for-ever", RUNNING,
        "if job.tried > MOST_STARTS:", "if False:", f"{RUNS} -k is_given_up",
    ),
    Mutant(
        "lot-of-sixteen-digits-rounded", "qhse/exchange/values.py",
        "if isinstance(cell, int | float) and abs(cell) >= _INEXACT:", "if False:", f"{VALUES} -k digits_are_lost",
    ),
    Mutant(
        "computed-number-refused", "qhse/exchange/values.py",
        "(shown := _as_shown(cell)).is_integer()", "(shown := cell).is_integer()", f"{VALUES} -k excel_shows",
    ),
    Mutant(
        "stray-mark-swallows-rows", "qhse/exchange/csv_quotes.py",
        "rows = csv.reader(lines, delimiter=separator, strict=True)", "rows = csv.reader(lines, delimiter=separator)",
        f"{TABLES} -k 'nothing_closes or goes_on'",
    ),
    Mutant(
        "two-stray-marks-swallow-rows", "qhse/exchange/csv_quotes.py",
        "    are_rows = first >= whole and last >= whole\n", "    are_rows = False\n", f"{TABLES} -k stray_marks",
    ),
    Mutant(
        "errors-of-excel-are-empty", "qhse/exchange/table_reader.py",
        "        row[place - first] = {UNREAD: what}\n", "        pass\n", f"{SERVICES} -k content_and_no_value",
    ),
    Mutant(
        "american-day-guessed", "qhse/exchange/checking.py",
        'if column.get("month_first") and is_doubtful(cell):', "if False:", f"{SERVICES} -k could_be_two",
    ),
    Mutant(
        "reader-without-bound-of-memory", "qhse/exchange/table_reader.py",
        "            (resource.RLIMIT_AS, MEMORY),\n", "", f"{TABLES} -k huge_in_memory",
    ),
    Mutant(
        "reader-that-knows-our-secrets", "qhse/exchange/tables.py",
        "cwd=\"/\", env={}, check=False", "cwd=\"/\", env=None, check=False", f"{TABLES} -k knows_no_secret",
    ),
    Mutant(
        "same-month-announced-again", "suppliers/services/volumes.py",
        "    if row is not None and before == values:\n        vars(row)", "    if False:\n        vars(row)",
        f"{VOLUMES} -k store_and_publish_nothing",
    ),
    Mutant(
        "month-added-over-another", "suppliers/admin/volumes.py",
        "expected_versions={NO_VERSION},", "", f"{VOLUMES} -k that_has_figures",
    ),
    Mutant(
        "month-of-the-future", "suppliers/services/volumes.py",
        "    check_month(month, today=clock.today())\n", "", f"{VOLUMES} -k has_not_begun",
    ),
    Mutant(
        "decided-certificate-corrected-by-a-table", "suppliers/imports/certificates.py",
        "if there.status != CertificateStatus.SUBMITTED and (other := differing(there, told)):",
        "if False and (other := differing(there, told)):", f"{CERTIFICATES} -k of_a_verified_one",
    ),
    Mutant(
        "rejected-certificate-comes-back-with-each-import", "suppliers/imports/certificates.py",
        "return next((each for each in found if not differing(each, told)), None)", "return None",
        f"{CERTIFICATES} -k same_file_again",
    ),
    Mutant(
        "a-case-looked-for-before-the-lock", "ncs/imports.py",
        "    locked_supplier(supplier_id)\n", "", f"{RUNS} -k two_imports",
    ),
    Mutant(
        "a-number-without-its-year", "ncs/imports.py",
        "return nc is not None and nc.created_at.year == self.year", "return nc is not None",
        f"{RUNS} -k another_systems_case",
    ),
    Mutant(
        "a-supplier-by-two-names-is-two", "suppliers/imports/naming.py",
        "return meant[reference].pk if reference in meant else name_key(reference)", "return name_key(reference)",
        f"{SERVICES} -k by_another_name",
    ),
    Mutant(
        "who-prepared-an-import-verifies-what-it-wrote", "suppliers/services/certificates.py",
        '        or prepared_import_of(user, "certificate", certificate.pk)\n', "",
        f"{PEOPLE} -k verifies",
    ),
    Mutant(
        "who-prepared-an-import-concedes-its-case", "ncs/services/steps.py",
        '    return prepared_import_of(user, "nonconformity", nc.pk)\n', "    return False\n",
        f"{PEOPLE} -k concession",
    ),
    Mutant(
        "import-of-two-days", RUNNING,
        ", source=source), clock.one_day(clock.day_of(job.started_at)):", ", source=source):", f"{RUNS} -k one_day",
    ),
    Mutant(
        "import-that-goes-on-is-of-another-day", RUNNING,
        "clock.one_day(clock.day_of(job.started_at))", "clock.one_day()", f"{RUNS} -k another_process",
    ),
    Mutant(
        "hidden-sheet-is-read", "qhse/exchange/table_reader.py",
        "if each.visible == SheetVisibleEnum.Visible]", "]", f"{TABLES} -k people_see",
    ),
    Mutant(
        "numbers-of-1904-read-as-of-1900", "qhse/exchange/checking.py",
        "                cell += _DAYS_TO_1904\n", "                pass\n", f"{SERVICES} -k counts_days",
    ),
    Mutant(
        "of-two-columns-the-first-is-guessed", "qhse/exchange/checking.py",
        "if name is not None and meant.count(name) > 1", "if False", f"{SERVICES} -k mean_the_same",
    ),
    Mutant(
        "errors-in-the-order-in-which-they-are-found", "qhse/exchange/checking.py",
        "for number in sorted(wrong):", "for number in wrong:", f"{SERVICES} -k order_of_rows",
    ),
    Mutant(
        "who-left-goes-on-importing", RUNNING,
        "if locked.started_by is None or not may_import(locked.started_by, kind_of(job.kind)):", "if False:",
        f"{RUNS} -k stops_in_the_middle",
    ),
    Mutant(
        "who-left-imports-all-rows", RUNNING,
        "                _demand_right(job, User.objects.select_for_update(no_key=True))\n", "",
        f"{RUNS} -k stores_none",
    ),
    Mutant(
        "who-leaves-does-not-wait-for-the-import", RUNNING,
        "User.objects.select_for_update(no_key=True)", "User.objects.all()", f"{RUNS} -k waits_for_the_commit",
    ),
)  # fmt: skip
