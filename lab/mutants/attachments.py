"""Mutants of the files on records: their storage, their kinds, and how they come in and go out."""

from __future__ import annotations

from lab.mutants.mutant import Mutant

API = "qhse/attachments/tests/test_api.py"
ATTACH = "qhse/attachments/tests/test_api_attach.py"
CONTENTS = "qhse/attachments/tests/test_contents.py"
SERVICES = "qhse/attachments/tests/test_services.py"
RACES = "qhse/attachments/tests/test_races.py"
ORPHANS = "qhse/attachments/tests/test_remove_orphaned_files.py"
PREVIEWS = "qhse/attachments/tests/test_previews.py"
BODIES = "qhse/api/tests/test_bodies.py"
PAGES = "qhse/attachments/tests/test_admin_pages.py"
ADD = "qhse/attachments/tests/test_admin_add.py"
PAGE_UPLOADS = "qhse/api/requests/page_uploads.py"

MUTANTS = (
    Mutant(
        "uploads-wait-for-a-restart", "qhse/api/requests/uploads.py",
        "        directory.mkdir(mode=0o750, exist_ok=True)\n", "        raise\n", f"{ATTACH} -k made_anew_when",
    ),
    Mutant(
        "all-workers-paint-the-same-picture", "qhse/attachments/previews.py",
        "        if hold_turn(_TURNS + picture.pk):", "        if hold_turn(_TURNS + picture.pk) is not None:",
        f"{PREVIEWS} -k two_workers",
    ),
    Mutant(
        "one-refused-picture-holds-up-all-previews", "qhse/attachments/previews.py",
        "waiting.filter(pk__gt=_refused.behind)", "waiting.filter(pk__gt=0)", f"{PREVIEWS} -k those_behind",
    ),
    Mutant(
        "a-disk-that-is-not-mounted-costs-all-previews", "qhse/attachments/previews.py",
        "if storage.lacks(error) and _has_others(picture):", "if storage.lacks(error):",
        f"{PREVIEWS} -k may_not_be_mounted",
    ),
    Mutant(
        "a-file-is-removed-when-the-commit-failed", "qhse/attachments/services.py",
        "        if not is_decided:\n", "        if True:\n", f"{SERVICES} -k commit_that_failed",
    ),
    Mutant(
        "a-file-stays-when-its-row-is-refused", "qhse/attachments/services.py",
        "            storage.discard(stored_as)\n", "            pass\n", f"{SERVICES} -k refusal_leaves",
    ),
    Mutant(
        "files-are-counted-without-the-lock", "qhse/attachments/services.py",
        "        kind.lock(entity_id)\n    except", "        pass\n    except", f"{RACES} -k waits_for",
    ),
    Mutant(
        "a-closed-case-takes-files", "ncs/attachments.py",
        "    locked_open(int(text))\n", "    pass\n", f"{ATTACH} -k closed_case_takes_none",
    ),
    Mutant(
        "the-only-evidence-is-voided", "qhse/attachments/services.py",
        "    _demand_another(kind, attachment)\n", "", "ncs/tests/test_services_actions.py -k keeps_one_in_force",
    ),
    Mutant(
        "a-stored-file-is-overwritten", "qhse/attachments/storage.py",
        "os.O_CREAT | os.O_EXCL", "os.O_CREAT | os.O_TRUNC", f"{SERVICES} -k never_written_to",
    ),
    Mutant(
        "a-row-comes-before-its-file-is-on-the-disk", "qhse/attachments/storage.py",
        "                written.flush()\n                _flush(written.fileno())\n", "                pass\n",
        f"{SERVICES} -k flushed_to_the_disk",
    ),
    Mutant(
        "the-extension-is-believed", "qhse/attachments/contents.py",
        "    if not kind.looks_so(read):\n", "    if False:\n", f"{CONTENTS} -k none_of_these",
    ),
    Mutant(
        "the-size-that-an-archive-claims-is-believed", "qhse/attachments/office.py",
        "damaged = archive.testzip()", "damaged = None", f"{CONTENTS} -k lies_about",
    ),
    Mutant(
        "archives-may-have-something-in-front", "qhse/attachments/office.py",
        "if begin + listed != size - _END.size:", "if False:", f"{CONTENTS} -k none_of_these",
    ),
    Mutant(
        "files-are-shown-in-place", "qhse/attachments/downloads.py",
        "as_attachment=True", "as_attachment=False", f"{API} -k is_the_file_as",
    ),
    Mutant(
        "void-files-are-given-back", "qhse/attachments/downloads.py",
        "    if attachment.voided_at is not None:\n", "    if False:\n", f"{API} -k void_one_is_gone",
    ),
    Mutant(
        "the-record-s-table-is-not-asked", "qhse/attachments/permissions.py",
        "    if not kind.allows(user, action):\n", "    if False:\n",
        f"{API} -k table_of_the_record",
    ),
    Mutant(
        "a-key-forgets-the-content", "qhse/api/requests/uploads.py",
        "self._size, self._digest.hexdigest()]", "self._size]", f"{ATTACH} -k another_content",
    ),
    Mutant(
        "a-form-that-was-cut-off-counts", "qhse/api/requests/uploads.py",
        "    if not has_end(watched.tail, boundary):\n", "    if False:\n", f"{ATTACH} -k cut_off_behind",
    ),
    Mutant(
        "a-body-may-end-before-its-length", "qhse/api/requests/uploads.py",
        "            if self._length is not None:\n                raise IncompleteRequest\n", "",
        f"{BODIES} -k Upload",
    ),
    Mutant(
        "young-files-are-orphans", "qhse/attachments/orphans.py",
        "written_at < before", "written_at", f"{ORPHANS} -k old_files",
    ),
    Mutant(
        "the-database-s-clock-alone-makes-files-old", "qhse/attachments/orphans.py",
        "min(storage.present(), database_time())", "database_time()", f"{ORPHANS} -k two_days_ahead",
    ),
    Mutant(
        "a-row-is-stored-whose-file-was-removed-meanwhile", "qhse/attachments/services.py",
        "            _demand_file(stored_as)\n", "", f"{SERVICES} -k removed_meanwhile",
    ),
    Mutant(
        "a-page-receives-files-of-anybody", PAGE_UPLOADS,
        "        if not self._is_wanted():\n", "        if False:\n", f"{ADD} -k read_off_the_line",
    ),
    Mutant(
        "every-step-of-a-page-takes-files", "qhse/attachments/admin/pages.py",
        " and request.GET.get(STEP) == ADD", "", f"{ADD} -k no_more_than_before",
    ),
    Mutant(
        "a-page-s-form-that-was-cut-off-counts", PAGE_UPLOADS,
        "        elif not has_end(self._stream.tail, self._boundary):\n", "        elif False:\n",
        f"{ADD} -k closing_line",
    ),
    Mutant(
        "a-page-s-file-has-no-bound", PAGE_UPLOADS,
        "        if room <= 0:\n            return\n", "        room = len(raw_data)\n",
        f"{ADD} -k keeps_one_byte_more",
    ),
    Mutant(
        "two-photos-of-one-name-and-size-are-one", "qhse/adminsite/once.py",
        "    if known is not None:\n        return known\n", "    if known is not None:\n        return known[:2]\n",
        f"{ADD} -k same_name_and_size",
    ),
    Mutant(
        "pages-give-files-without-asking-the-table", "qhse/attachments/admin/pages.py",
        'if not kind_of(self.entity_type).allows(request.user, give):', "if False:",
        f"{PAGES} -k may_not_read_the_record",
    ),
    Mutant(
        "pages-give-files-of-other-records", "qhse/attachments/admin/pages.py",
        "known = Attachment.objects.filter(entity_type=self.entity_type, entity_id=entity_id)",
        "known = Attachment.objects.all()", f"{PAGES} -k another_record",
    ),
)  # fmt: skip
