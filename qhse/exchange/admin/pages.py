"""Imports in the admin: choose a file, look at its check, start it, see how far it is."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse
from django.utils.html import format_html
from django.utils.http import urlencode
from django.utils.safestring import SafeString

from audit.history import HistoryPanel
from qhse.adminsite.display import NONE, badge, moment
from qhse.adminsite.forms import ServiceForm
from qhse.adminsite.marks import number_in
from qhse.adminsite.panels import Content, show_on_records
from qhse.adminsite.steps import Step, SteppedAdmin
from qhse.exchange.admin.forms import (
    CancelForm,
    ImportAddForm,
    SetUpForm,
    StartForm,
    StartGoodForm,
    set_up_form,
)
from qhse.exchange.models import ENDED, ImportJob, ImportMode, ImportStatus
from qhse.exchange.registry import all_kinds, kind_of, kinds_written_by, may_import, roles

START, START_GOOD, SET_UP, CANCEL = "start", "start_good", "set_up", "cancel"
SHOWN_PROBLEMS = 50  # at a time
SHOWN_LEFT_OUT = 12
FROM_PROBLEM = "errors_from"  # in the address
STATUS_BADGES = {
    ImportStatus.PREVIEWED: "warn",
    ImportStatus.RUNNING: "warn",
    ImportStatus.DONE: "good",
    ImportStatus.FAILED: "bad",
    ImportStatus.CANCELLED: "mute",
}


@admin.register(ImportJob)
class ImportAdmin(HistoryPanel, SteppedAdmin):
    roles = roles
    menu_order = 40
    empty_list = (
        "Nothing has been imported yet. Here will stand each table of suppliers, certificates, volumes or cases that "
        "somebody imports, with what became of its rows."
    )
    entity_type = "import"
    add_form = ImportAddForm
    steps = {
        START: Step("Import all rows", StartForm, "start", "has been started"),
        START_GOOD: Step("Import the good rows", StartGoodForm, "start", "has been started"),
        SET_UP: Step("Assign the columns", SetUpForm, "change", "has been checked again"),
        CANCEL: Step("Cancel", CancelForm, "cancel", "has been cancelled", is_named=True),
    }
    list_display = ("file_name", "what", "status_badge", "rows_total", "made", "refused", "by", "when")
    list_filter = ("status",)
    list_select_related = ("created_by", "started_by")
    search_fields = ("file_name",)
    search_help_text = "Part of the file's name"
    ordering = ("-id",)
    _shown = ("what", "file", "status_badge", "progress", "foreseen", "if_errors", "by", "when")

    # --- Rights: the kind of record decides ---------------------------------------------------------------------------

    def may_take(self, request: HttpRequest, record: ImportJob, step: str) -> bool:
        return super().may_take(request, record, step) and may_import(request.user, kind_of(record.kind))

    # --- Steps --------------------------------------------------------------------------------------------------------

    def possible(self, request: HttpRequest, record: ImportJob) -> list[str]:
        if record.status == ImportStatus.RUNNING:
            return [CANCEL]
        if record.status != ImportStatus.PREVIEWED:
            return []
        if record.missing_columns or record.doubled_columns:
            return [SET_UP, CANCEL]
        if record.foreseen_bad == record.rows_total:
            return [SET_UP, CANCEL]
        return [START_GOOD if record.foreseen_bad else START, SET_UP, CANCEL]

    def finished(self, record: ImportJob) -> str:
        return f"has ended: {record.get_status_display().lower()}" if record.status in ENDED else ""

    def form_for(self, request: HttpRequest, record: ImportJob) -> type[ServiceForm] | None:
        form = super().form_for(request, record)
        return set_up_form(record) if form is SetUpForm else form

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        form_class = super().get_form(request, obj, change, **kwargs)
        if issubclass(form_class, ImportAddForm):
            form_class.lost_file = getattr(request, "lost_file", "")
        return form_class

    def get_fieldsets(self, request: HttpRequest, obj: ImportJob | None = None) -> Any:
        fieldsets = super().get_fieldsets(request, obj)
        if obj is None or self.step(request, obj) != SET_UP:
            return fieldsets
        *shown, (label, options) = fieldsets
        return (*shown, (label, options | {"fields": tuple(set_up_form(obj).base_fields)}))

    def introduction(self, request: HttpRequest, record: ImportJob, step: str) -> SafeString | str:
        told = super().introduction(request, record, step)
        return format_html("{} {}", record.not_ready, told) if step == SET_UP and record.not_ready else told

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        """Choose the kind that the address names, or the first."""
        kinds = [kind.name for kind in kinds_written_by(request.user)]
        asked = request.GET.get("kind", "")
        return {"kind": asked if asked in kinds else next(iter(kinds), ""), "mode": ImportMode.ALL_OR_NOTHING}

    # --- Files on their way in: see qhse/api/requests/page_uploads.py -------------------------------------------------

    def takes_file_at(self, request: HttpRequest) -> bool:
        return request.path_info.endswith("/add/")

    def wants_file(self, request: HttpRequest) -> bool:
        return self.admin_site.has_permission(request) and self.has_add_permission(request)

    # --- Pages --------------------------------------------------------------------------------------------------------

    def get_readonly_fields(self, request: HttpRequest, obj: ImportJob | None = None) -> Any:
        return self._shown if obj else ()

    def shown_fieldsets(self, request: HttpRequest, record: ImportJob | None) -> tuple[Any, ...]:
        if record is None:
            return ((None, {"fields": ("kind", "file", "mode")}),)
        left_out = set() if record.status == ImportStatus.PREVIEWED else {"foreseen", "if_errors"}
        return ((None, {"fields": tuple(name for name in self._shown if name not in left_out)}),)

    def render_change_form(self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any) -> Any:
        """Say on the button that a file is checked, and not yet imported."""
        response = super().render_change_form(request, context, *args, **kwargs)
        if kwargs.get("obj") is None:
            response.context_data |= {"save_label": "Check the file", "show_save_and_add_another": False}
        return response

    def response_add(self, request: HttpRequest, obj: Any, post_url_continue: Any = None) -> HttpResponse:
        """Lead to the check. Nothing has been imported, and the message must not sound as if it had."""
        response = super().response_add(request, obj, post_url_continue)
        queued = vars(request)["_messages"]._queued_messages
        queued.clear()
        self.message_user(request, f"{obj.file_name} has been checked. Nothing is imported yet.", messages.SUCCESS)
        return response

    @admin.display(description="what", ordering="kind")
    def what(self, job: ImportJob) -> str:
        return next((kind.label for kind in all_kinds() if kind.name == job.kind), job.kind)

    @admin.display(description="file")
    def file(self, job: ImportJob) -> SafeString:
        facts = ["1 row" if job.rows_total == 1 else f"{job.rows_total:,} rows"]
        if job.facts.get("sheets", 1) > 1:
            facts.append(f"of the sheet {job.facts['sheet']}, the first of {job.facts['sheets']}")
        return format_html(
            '{} <span class="quiet">{}</span> <code title="{}">{}…</code>',
            job.file_name, ", ".join(facts), job.sha256, job.sha256[:12],
        )  # fmt: skip

    @admin.display(description="state", ordering="status")
    def status_badge(self, job: ImportJob) -> SafeString:
        return badge(job.get_status_display(), STATUS_BADGES[ImportStatus(job.status)])

    @admin.display(description="done")
    def progress(self, job: ImportJob) -> SafeString | str:
        if job.status == ImportStatus.PREVIEWED:
            return "Nothing is imported yet."
        told = (
            f"{job.rows_new:,} new, {job.rows_changed:,} changed, {job.rows_same:,} as they were, "
            f"{job.rows_refused:,} refused."
        )
        if job.status == ImportStatus.RUNNING:
            return format_html(
                '<progress max="{}" value="{}">{}</progress> {} of {} rows. Load the page again to see how far it is.',
                job.rows_total, job.rows_tried, job.rows_tried, f"{job.rows_tried:,}", f"{job.rows_total:,}",
            )  # fmt: skip
        return f"{told} {job.why}".strip()

    @admin.display(description="what it will do")
    def foreseen(self, job: ImportJob) -> str:
        if job.missing_columns or job.doubled_columns:
            return job.not_ready
        rows = f"{job.foreseen_new:,} new, {job.foreseen_known:,} there already"
        return f"{rows}, {job.foreseen_bad:,} with errors" if job.foreseen_bad else f"{rows}, none with an error"

    @admin.display(description="if rows have errors")
    def if_errors(self, job: ImportJob) -> str:
        return job.get_mode_display()

    @admin.display(description="new or changed")
    def made(self, job: ImportJob) -> str:
        return f"{job.rows_new + job.rows_changed:,}" if job.started_at else NONE

    @admin.display(description="with errors")
    def refused(self, job: ImportJob) -> str:
        return f"{job.rows_refused if job.status == ImportStatus.DONE else job.foreseen_bad:,}"

    @admin.display(description="by")
    def by(self, job: ImportJob) -> str:
        return (job.started_by or job.created_by).username

    @admin.display(description="when (UTC)", ordering="created_at")
    def when(self, job: ImportJob) -> SafeString | str:
        return moment(job.started_at or job.created_at)


def problems_panel(request: HttpRequest, job: ImportJob) -> Content | None:
    """Return the errors of the rows, each with where it stands in the file: so many at a time, from that asked for."""
    if not job.problems:
        return None
    kept = len(job.problems)
    asked = number_in(request.GET.get(FROM_PROBLEM, "")) or 1
    first = asked if asked <= kept else 1
    last = min(first + SHOWN_PROBLEMS - 1, kept)
    steps = (
        (max(first - SHOWN_PROBLEMS, 1), f"Previous {SHOWN_PROBLEMS}", first > 1),
        (last + 1, f"Next {min(SHOWN_PROBLEMS, kept - last)}", last < kept),
    )
    return {
        "template": "adminsite/table_panel.html",
        "id": "problems",
        "title": "Errors" if last - first + 1 == job.problems_in_all else f"Errors: {first:,} to {last:,}",
        "note": _told_of(kept, job.problems_in_all),
        "columns": ("Row", "Column", "What is wrong"),
        "rows": [
            (f"{each['row']:,}", each["column"] or each["field"] or NONE, each["detail"])
            for each in job.problems[first - 1 : last]
        ],
        "empty": "",
        "links": [
            (f"?{urlencode({FROM_PROBLEM: start})}#problems", text) for start, text, is_there in steps if is_there
        ],
    }


def _told_of(kept: int, in_all: int) -> str:
    if in_all <= SHOWN_PROBLEMS:
        return ""
    return f"{in_all:,} in all." if kept == in_all else f"{in_all:,} in all; the first {kept:,} are kept."


def columns_panel(request: HttpRequest, job: ImportJob) -> Content | None:
    """Return which field each column of the file means. Those that mean none share a line, however many they are."""
    labels = {each.name: each.label for each in kind_of(job.kind).columns}

    def meaning(column: dict[str, Any]) -> SafeString | str:
        note = badge("month first: days that could be two are refused", "warn") if column.get("month_first") else ""
        return format_html("{} {}", labels.get(column["field"], column["field"]), note)

    absent = format_html('<span class="quiet">{}</span>', "not in the file")
    unused = [label for name, label in labels.items() if name not in {each["field"] for each in job.columns}]
    doubled = [
        (each["header"], format_html("{} {}", labels[each["doubled"]], badge("Another column can mean it too", "warn")))
        for each in job.columns
        if "doubled" in each
    ]
    left_out = [each["header"] or NONE for each in job.columns if each["field"] is None and "doubled" not in each]
    more = f" and {len(left_out) - SHOWN_LEFT_OUT} more" if len(left_out) > SHOWN_LEFT_OUT else ""
    return {
        "template": "adminsite/table_panel.html",
        "id": "columns",
        "title": "Columns of the file",
        "columns": ("In the file", "Means"),
        "rows": [
            *((each["header"] or NONE, meaning(each)) for each in job.columns if each["field"] is not None),
            *doubled,
            *(((f"{', '.join(left_out[:SHOWN_LEFT_OUT])}{more}", badge("Left out", "mute")),) if left_out else ()),
            *(((absent, ", ".join(unused)),) if unused else ()),
        ],
        "empty": "",
    }


show_on_records(ImportJob, problems_panel)
show_on_records(ImportJob, columns_panel)
