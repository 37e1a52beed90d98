"""Mutants of what operators rely on: dismissal, signs of life, shared counters, answers that nobody keeps, commands."""

from __future__ import annotations

from lab.mutants.mutant import Mutant

COUNTERS = "qhse/observability/tests/test_shared_counters.py"
SEEN = "outbox/tests/test_selectors.py"

MUTANTS = (
    Mutant(
        "two-decide-on-one-dead-event", "outbox/services.py",
        "OutboxEvent.objects.select_for_update(no_key=True).filter(event_id=event_id).first()",
        "OutboxEvent.objects.filter(event_id=event_id).first()",
        "qhse/tests/test_races.py -k dismiss",
    ),
    Mutant(
        "database-that-loses-characters", "qhse/deployment/connections.py",
        'if kept != "UTF8":', "if False:", "qhse/deployment/tests/test_connections.py -k keep_every_text",
    ),
    Mutant(
        "encoding-that-nobody-tells", "qhse/deployment/connections.py",
        "    if kept is None:  # a pooler", "    if False:  # a pooler",
        "qhse/deployment/tests/test_connections.py -k keep_every_text",
    ),
    Mutant(
        "check-takes-what-each-line-refuses", "qhse/deployment/database_checks.py",
        "    _demand_good_line()\n    if not settings.PRODUCTION:\n        return []\n",
        "    if not settings.PRODUCTION:\n        return []\n",
        "qhse/deployment/tests/test_database_checks.py -k keep_every_text",
    ),
    Mutant(
        "drain-leaves-what-jobs-publish", "outbox/management/commands/run_outbox_worker.py",
        "result = worker.drain_with_jobs()", "result = worker.drain()\n                worker.do_jobs()",
        "outbox/tests/test_commands.py -k drain_handles_what_jobs",
    ),
    Mutant(
        "dismissal-without-its-right", "outbox/admin/pages.py",
        'if DISMISS in self.data and not is_allowed(self.actor, "dismiss", OUTBOX_ROLES):', "if False:",
        "qhse/adminsite/tests/test_writes.py -k does_not_list_it",
    ),
    Mutant(
        "dismissed-kept-for-ever", "outbox/pruning.py",
        "        OR (status = '{EventStatus.DISMISSED}' AND dismissed_at < %(before)s))", ")",
        "outbox/tests/test_pruning.py -k dismissed",
    ),
    Mutant(
        "sign-from-the-future-believed", "outbox/selectors.py",
        "WorkerSeen.objects.filter(seen_at__lte=Now())", "WorkerSeen.objects", f"{SEEN} -k future",
    ),
    Mutant(
        "frozen-worker-lives", "outbox/selectors.py",
        "Q(seen_at__gte=Now() - timedelta(seconds=allowed_silence()))", "Q()", f"{SEEN} -k silent_for_a_minute",
    ),
    Mutant(
        "replaced-worker-missed-for-a-day", "outbox/selectors.py",
        "            silent.remove(earlier[-1])\n", "            pass\n", f"{SEEN} -k in_whose_place",
    ),
    Mutant(
        "not-ready-without-workers", "qhse/deployment/probes.py",
        'ready = all(answer == "ok" for answer in checks.values())',
        'ready = all(answer == "ok" for answer in (*checks.values(), *remarks().values()))',
        "qhse/deployment/tests/test_probes.py -k remarks",
    ),
    Mutant(
        "counts-of-the-dead-lost", "qhse/observability/shared_counters.py",
        "            with suppress(PermissionError):  # another user's: its counts stay where they are\n"
        "                each.rename(own / _PAST / each.name)\n",
        "            shutil.rmtree(each)\n",
        f"{COUNTERS} -k ended_counted",
    ),
    Mutant(
        "counts-of-a-past-counted-twice", "qhse/observability/shared_counters.py",
        "            if each.suffix == _NEW or (each.suffix == _OLD and each.with_suffix(\"\").exists()):\n"
        "                continue\n",
        "", f"{COUNTERS} -k put_together",
    ),
    Mutant(
        "full-disk-ends-who-counts", "qhse/observability/shared_counters.py",
        "    values.MmapedDict = CountsFile  # type: ignore[attr-defined, assignment]\n", "",
        f"{COUNTERS} -k full_disk",
    ),
    Mutant(
        "database-that-is-away-called-up", "qhse/observability/metrics.py",
        "            answers = False  #", "            answers = True  #",
        "qhse/observability/tests/test_metrics.py -k away",
    ),
    Mutant(
        "counts-of-the-living-wiped", "qhse/observability/shared_counters.py",
        "dead = [each for each in programs if not _lives(each)]", "dead = programs", f"{COUNTERS} -k added_up",
    ),
    Mutant(
        "answers-that-may-be-kept", "qhse/observability/middleware.py",
        '        response.headers.setdefault("Cache-Control", "no-store")\n', "", "qhse/tests/test_caching.py",
    ),
    Mutant(
        "export-saved-by-windows-accused", "audit/proof/verify_export.py",
        '        return "utf-16"\n', '        return "utf-8"\n',
        "audit/proof/tests/test_export_saved_elsewhere.py -k good_export",
    ),
    Mutant(
        "export-that-broke-off-accused", "audit/proof/verify_export.py",
        "        raise Unreadable(f\"{place}: {why}\") from None\n", "        raise\n",
        "audit/proof/tests/test_export_saved_elsewhere.py -k cannot_be_read",
    ),
    Mutant(
        "command-that-hides-a-full-disk", "qhse/terminal.py",
        "        _complain(f\"not everything could be written: {error.strerror}\")\n        sys.exit(1)\n",
        "        sys.exit(0)\n",
        "qhse/tests/test_terminal.py -k cannot_be_written",
    ),
    Mutant(
        "batch-on-an-old-schema", "outbox/management/commands/run_outbox_worker.py",
        "            refuse_old_schema()  #", "            #", "outbox/tests/test_commands.py -k older_than_the_code",
    ),
    Mutant(
        "database-errors-with-a-traceback", "manage.py", "except Error as error:", "except OSError as error:",
        "qhse/tests/test_terminal.py -k whatever_kind",
    ),
    Mutant(
        "unrecorded-verification-accuses", "audit/management/commands/verify_audit_trail.py",
        'raise CommandError(f"the result could not be recorded: {str(error).strip()}", returncode=2) from error',
        "raise SystemExit(1) from error", "audit/tests/test_commands.py -k is_no_accusation",
    ),
    Mutant(
        "export-to-nowhere-in-the-trail", "qhse/api/management/commands/export_records.py",
        "    with NamedTemporaryFile(", "    begun = begin()\n    begin = lambda: begun\n    with NamedTemporaryFile(",
        "qhse/api/tests/test_export_records.py -k nowhere_to_go",
    ),
    Mutant(
        "interrupted-sheet-without-an-end", "qhse/exporting/exports.py",
        "(self.close if self._is_begun else self._release)()", "self._release()",
        "qhse/api/tests/test_export_records.py -k was_interrupted",
    ),
    Mutant(
        "mistyped-name-is-an-empty-proof", "audit/management/commands/export_audit_trail.py",
        "        if not chosen.exists():\n", "        if False:\n", "audit/proof/tests/test_export.py -k ever_fitted",
    ),
    Mutant(
        "mistyped-record-is-an-empty-replay", "outbox/management/commands/replay_events.py",
        "if not number and selection.aggregate and", "if False and",
        "outbox/relay/tests/test_couriers.py -k no_event_at_all",
    ),
    Mutant(
        "ended-command-leaves-its-draft", "qhse/terminal.py",
        "    _raise_on_signals()\n", "", "qhse/tests/test_ended_programs.py -k draft",
    ),
    Mutant(
        "ended-command-leaves-its-statement", "qhse/terminal.py",
        "class ProgramWasEnded(KeyboardInterrupt):", "class ProgramWasEnded(BaseException):",
        "qhse/tests/test_ended_programs.py -k draft",
    ),
    Mutant(
        "nohup-is-not-heard", "qhse/terminal.py",
        "if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:", "if True:",
        "qhse/tests/test_ended_programs.py -k nohup",
    ),
    Mutant(
        "command-that-fails-at-an-encoding", "qhse/terminal.py",
        'stream.reconfigure(errors="backslashreplace")', "pass", "qhse/tests/test_terminal.py -k either_stream",
    ),
)  # fmt: skip
