"""Mutants of exports: the whole list and no more, safe in a spreadsheet, in the trail."""

from __future__ import annotations

from lab.mutants.mutant import Mutant

CELLS = "qhse/exporting/tests/test_cells.py"
CSV = "qhse/exporting/tests/test_csv_out.py"
TABLES = "qhse/exchange/tests/test_tables.py"
XLSX = "qhse/exporting/tests/test_xlsx_out.py"
STREAM = "qhse/exporting/tests/test_exports.py"
ROUND_TRIPS = "qhse/tests/test_round_trips.py"
TEMPORARY = "qhse/tests/test_temporary.py"
LISTS = "qhse/tests/test_exported_lists.py"
PAGES = "qhse/adminsite/tests/test_exports.py"

MUTANTS = (
    Mutant(
        "file-that-came-meanwhile-is-replaced", "qhse/api/management/commands/export_records.py",
        "        output.touch(0o640, exist_ok=False)\n", "", "qhse/api/tests/test_export_records.py -k come_meanwhile",
    ),
    Mutant(
        "full-disk-is-a-defect", "qhse/temporary.py",
        "    except OSError as error:\n        raise no_space(error) from error\n", "",
        f"{TEMPORARY} -k error_of_the_system",
    ),
    Mutant(
        "full-disk-is-a-table-too-large", "qhse/exchange/tables.py",
        "if done.returncode == table_reader.NO_SPACE:", "if False:", f"{TEMPORARY} -k find_no_room",
    ),
    Mutant(
        "picture-without-room-holds-up-all", "qhse/attachments/previews.py",
        "    except (StorageIsAway, NoTemporarySpace):\n", "    except StorageIsAway:\n", f"{TEMPORARY} -k holds_up",
    ),
    Mutant(
        "days-beside-their-words", "qhse/adminsite/exports.py",
        " | self._days_told(shown)", "", f"{ROUND_TRIPS} -k of_the_admin_site",
    ),
    Mutant(
        "months-that-a-merger-emptied", "suppliers/admin/volumes.py",
        ".filter(supplier__merged_into__isnull=True)", "", f"{ROUND_TRIPS} -k of_the_admin_site",
    ),
    Mutant(
        "formulas-in-a-csv", "qhse/exporting/cells.py",
        "return f\"'{text}\" if _MAY_BE_RUN.match(text) else text", "return text", f"{CELLS} -k would_be_run",
    ),
    Mutant(
        "formulas-behind-white-space", "qhse/exporting/cells.py",
        "_MAY_BE_RUN = re.compile(rf\"'*(?:[\\t\\r\\n]|\\s*[{_RUN}])\")", "_MAY_BE_RUN = re.compile(rf\"'*[{_RUN}]\")",
        f"{CELLS} -k would_be_run",
    ),
    Mutant(
        "guarded-text-cannot-be-read-again", "qhse/exchange/table_reader.py",
        "return text[1:] if _GUARDED.match(text) else text", "return text", f"{TABLES} -k as_it_was",
    ),
    Mutant(
        "export-that-is-imported-keeps-its-guard", "qhse/exchange/table_reader.py",
        "yield [as_it_was(cell) for cell in row]", "yield list(row)", f"{ROUND_TRIPS} -k csv",
    ),
    Mutant(
        "what-a-list-shows-is-imported-as-what-is-stored", "qhse/exchange/checking.py",
        "None if name in stored and not header.endswith(STORED) else name",
        "name if not header.endswith(STORED) else None",
        f"{ROUND_TRIPS} -k shortened",
    ),
    Mutant(
        "text-becomes-a-formula-when-it-is-edited", "qhse/exporting/xlsx_out.py",
        "sheet.write_string(row, place, whole, text if may_be_run(whole) else None)",
        "sheet.write_string(row, place, whole)", f"{XLSX} -k stays_one",
    ),
    Mutant(
        "texts-of-a-sheet-are-guessed-at", "qhse/exporting/xlsx_out.py",
        "sheet.write_string(row, place, whole, text if may_be_run(whole) else None)",
        "sheet.write(row, place, whole)", f"{XLSX} -k 'stays_one or no_number'",
    ),
    Mutant(
        "sheet-held-in-memory", "qhse/exporting/xlsx_out.py",
        '"constant_memory": True', '"constant_memory": False', f"{XLSX} -k memory",
    ),
    Mutant(
        "excel-takes-utf-8-for-something-else", "qhse/exporting/csv_out.py",
        'EXCEL = Dialect(";", "\\ufeff", ",",', 'EXCEL = Dialect(";", "", ",",', f"{CSV} -k excel",
    ),
    Mutant(
        "rows-in-any-order", "qhse/exporting/exports.py",
        "return [found[key] for key in keys if key in found]", "return list(found.values())",
        f"{STREAM} -k in_its_order",
    ),
    Mutant(
        "export-not-in-the-trail", "qhse/exporting/exports.py",
        "            self._record(is_complete=True)\n", "            pass\n", f"{STREAM} -k names_who",
    ),
    Mutant(
        "last-bytes-before-the-entry", "qhse/exporting/exports.py",
        "        if len(self._ready) < 2:\n            self._record(is_complete=True)",
        "        if len(self._ready) < 1:\n            self._record(is_complete=True)", f"{STREAM} -k last_bytes",
    ),
    Mutant(
        "long-export-without-its-beginning", "qhse/exporting/exports.py",
        "if len(self._keys) > PIECE:", "if False:", f"{STREAM} -k last_bytes",
    ),
    Mutant(
        "broken-off-export-is-called-whole", "qhse/exporting/exports.py",
        "self._context.run(self._record, is_complete=False)", "self._context.run(self._record, is_complete=True)",
        f"{STREAM} -k broken_off",
    ),
    Mutant(
        "turn-never-given-back", "qhse/exporting/exports.py",
        "    def _release(self) -> None:\n        self._give_back()\n", "    def _release(self) -> None:\n",
        f"{STREAM} -k leaves_no_turn",
    ),
    Mutant(
        "any-number-of-exports-at-once", "qhse/exporting/turns.py",
        "if len(_running) >= settings.EXPORTS_AT_ONCE:", "if False:", f"{STREAM} -k beyond_the_bound",
    ),
    Mutant(
        "persons-not-counted-across-processes", "qhse/exporting/turns.py",
        "if not hold_turn(_NAMESPACE + user_id):", "if hold_turn(_NAMESPACE + user_id) is None:",
        f"{STREAM} -k all_processes",
    ),
    Mutant(
        "sheet-longer-than-a-sheet-can-be", "qhse/exporting/exports.py",
        "if limit is not None and len(keys) > limit:", "if limit is None:", f"{STREAM} -k spreadsheet_of_more",
    ),
    Mutant(
        "page-taken-for-the-whole", "qhse/api/exports.py",
        "    if problems:\n        raise ValidationError(problems)", "    if problems:\n        pass",
        f"{LISTS} -k part_of_itself",
    ),
    Mutant(
        "filters-do-not-hold-for-the-file", "qhse/api/exports.py",
        "        chosen=chosen,\n", "        chosen=base,\n", f"{LISTS} -k as_for_the_page",
    ),
    Mutant(
        "head-exports", "qhse/exporting/exports.py",
        'if request.method == "HEAD":', 'if request.method == "NONE":', f"{LISTS} -k head",
    ),
    Mutant(
        "export-open-to-every-role", "qhse/adminsite/exports.py",
        "if not self.has_view_permission(request):", "if False:", f"{PAGES} -k same_right",
    ),
    Mutant(
        "misread-address-exports-everything", "qhse/adminsite/lists.py",
        "        try:\n            return self._understood(request)\n        except RUBBISH:\n"
        "            return None\n",
        "        return self.get_changelist_instance(request)\n", f"{PAGES} -k not_understood",
    ),
    Mutant(
        "trail-leaves-without-an-event", "qhse/exporting/recording.py",
        "    )  # fmt: skip\n    react_to(exported)\n", "    )  # fmt: skip\n",
        "outbox/tests/test_trail.py -k publishes_who",
    ),
)  # fmt: skip
