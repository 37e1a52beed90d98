"""The audit trail in the admin: read only."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.core.exceptions import PermissionDenied
from django.http import FileResponse, HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from audit.admin.banner import banner, verify_newest
from audit.admin.proof_page import ProofPages
from audit.history import EXCERPT, LONGEST_ID, ROLES, changes_as_html, history_pages, names_for, records_in, who_as_html
from audit.models import AuditEntry
from audit.permissions import AUDIT_ROLES
from audit.proof.export import Again, TooManyEntries, export_as_zip
from audit.proof.findings import counted
from audit.words import SOURCES, Group, actions_called, kind_of, records_of, what_happened
from qhse.accounts.models import User
from qhse.adminsite.base import ReadOnlyAdmin
from qhse.adminsite.bulk import BulkActionsAdmin
from qhse.adminsite.display import NONE, prose
from qhse.adminsite.filters import ChoiceFilter, PeriodFilter, days_filter, indexed_values
from qhse.adminsite.once import keep_for_repetition, made_before
from qhse.temporary import NoTemporarySpace


class _ColumnFilter(ChoiceFilter):
    choices_of_column: Sequence[tuple[str, str]] = ()

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return list(self.choices_of_column)

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        return queryset.filter(**{str(self.parameter_name): self.value()}) if self.value() else queryset


class RoleFilter(_ColumnFilter):
    title = "role at that time"
    parameter_name = "actor_role"
    choices_of_column = tuple(ROLES.items())


class SourceFilter(_ColumnFilter):
    title = parameter_name = "source"
    choices_of_column = tuple(SOURCES.items())


class GroupFilter(ChoiceFilter):
    """Parts what the company's people did from what the machinery notes. By default both are shown: it is a trail."""

    title = "about"
    parameter_name = "about"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return list(Group.choices)

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        return queryset.filter(entity_type__in=records_of(str(self.value()))) if self.value() else queryset


@admin.register(AuditEntry)
class AuditEntryAdmin(ProofPages, BulkActionsAdmin, ReadOnlyAdmin):
    roles = AUDIT_ROLES
    may_read_replica = True
    empty_list = (
        "Nothing has been recorded yet. Each change, login and refusal will stand here, with who, when and why."
    )
    menu_order = 30
    change_list_template = "audit/entry_list.html"
    actions = ("export_selected",)
    list_filter = (
        GroupFilter,
        ("created_at", PeriodFilter),
        days_filter("created_at", "days (UTC)"),
        indexed_values("action", "what happened", words=what_happened),
        indexed_values("entity_type", "kind of record", words=kind_of),
        RoleFilter,
        SourceFilter,
    )
    export_fields = (
        "actor_id", "actor", "actor_role", "action", "entity_type", "entity_id", "shown_changes", "shown_reason",
        "source", "request_id",
    )  # fmt: skip
    url_filters = ("request_id", "entity_id", "actor")
    search_fields = ("actor", "entity_id", "request_id", "reason")
    search_columns = ("actor", "reason")
    search_help_text = "NC number, supplier, person, what or why"
    list_display_links = ("when",)

    def get_urls(self) -> list[Any]:
        verify = self.admin_site.admin_view(self.verify)
        return [path("verify/", verify, name="audit_auditentry_verify"), *super().get_urls()]

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        response = super().changelist_view(request, extra_context)
        if isinstance(response, TemplateResponse) and response.context_data and "cl" in response.context_data:
            response.context_data["trail"] = banner(self.allows(request, "verify"))
        return response

    def look_up_for(self, request: HttpRequest, records: Sequence[AuditEntry]) -> None:
        names_for(request).look_up(records_in(records))

    def get_search_results(self, request: HttpRequest, queryset: Any, search_term: str) -> tuple[Any, bool]:
        """Find what people mean: a record by its name or number, what happened in words, or a text of the entry."""
        found, _ = super().get_search_results(request, queryset, search_term)
        for page in history_pages():
            if ids := list(page.ids_called(search_term)):
                found = found | queryset.filter(entity_type=page.entity_type, entity_id__in=ids)
        if actions := actions_called(search_term) if search_term.strip() else []:
            found = found | queryset.filter(action__in=actions)
        return found, False

    def verify(self, request: HttpRequest) -> HttpResponse:
        """Verify the end of the trail, and say on the list what was found."""
        if not (isinstance(request.user, User) and self.allows(request, "verify")):
            raise PermissionDenied
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        summary, findings = verify_newest(request.user)
        checked = f"{summary.sealed} and {counted(summary.unsealed, 'unsealed entry')}"
        verdict, level = ("not all are", messages.ERROR) if findings else ("all", messages.SUCCESS)
        self.message_user(request, f"{checked}: {verdict} as they were written.", level)
        for line in findings:
            self.message_user(request, line, messages.ERROR)
        return HttpResponseRedirect(self.on_the_way_back(request, reverse("admin:audit_auditentry_changelist")))

    def has_export_permission(self, request: HttpRequest) -> bool:
        return self.allows(request, "export")

    @admin.action(description="Export with proofs", permissions=["export"])
    def export_selected(self, request: HttpRequest, queryset: Any) -> HttpResponseBase | None:
        user = request.user
        if not isinstance(user, User):
            return None
        if any("\x00" in value for value in request.GET.values()):
            # Django's list ignores a search with it and shows everything; and it cannot be stored as what was chosen.
            self.message_user(request, "The filter was not understood; nothing has been exported.", messages.ERROR)
            return None
        try:
            before = made_before(request)
            again = None if before is None else Again(**before)
            file, exported = export_as_zip(queryset, described_as=_description(request), actor=user, again=again)
        except (TooManyEntries, NoTemporarySpace) as refusal:
            self.message_user(request, str(refusal), messages.ERROR)
            return None
        for problem in exported.problems:
            self.message_user(request, f"Left out, because not as it was written: {problem}", messages.ERROR)
        if not exported.entries:
            file.close()
            if exported.problems:
                return None
            self.message_user(request, "None of these entries is sealed yet; try again in a minute.", messages.WARNING)
            return None
        response = FileResponse(file, as_attachment=True, filename=f"audit-export-{exported.sha256[:12]}.zip")
        keep_for_repetition(response, Again(exported.created_at, exported.end, exported.sha256)._asdict())
        return response

    def get_list_display(self, request: HttpRequest) -> Any:
        return (
            "when", "who", "what", self._record_column(request, excerpt=LONGEST_ID),
            self._changes_column(request, excerpt=EXCERPT), "reason_excerpt", "origin",
        )  # fmt: skip

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return (
            "when", "who", "what", self._record_column(request), self._changes_column(request), "full_reason",
            "origin", "client_address",
        )  # fmt: skip

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return self.get_fields(request, obj)

    def _record_column(self, request: HttpRequest, *, excerpt: int | None = None) -> Any:
        """Return the column that names the record, as a link where this user may open it."""

        @admin.display(description="record")
        def entity(entry: AuditEntry) -> SafeString | str:
            return names_for(request).link(entry.entity_type, entry.entity_id, excerpt=excerpt)

        return entity

    def _changes_column(self, request: HttpRequest, *, excerpt: int | None = None) -> Any:
        @admin.display(description="old → new")
        def changes(entry: AuditEntry) -> SafeString | str:
            return changes_as_html(entry, names_for(request), excerpt=excerpt)

        return changes

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Any:
        entry = super().get_object(request, object_id, from_field)
        if entry is not None:
            names_for(request).look_up(records_in([entry]))
        return entry

    def render_change_form(self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any) -> Any:
        response = super().render_change_form(request, context, *args, **kwargs)
        entry = kwargs["obj"]
        name = names_for(request).text(entry.entity_type, entry.entity_id)
        response.context_data["title"] = f"{what_happened(entry.action)}: {name}"
        return response

    @admin.display(description="when (UTC)", ordering="id")
    def when(self, entry: AuditEntry) -> SafeString:
        time: datetime | None = entry.created_at  # None: what is there is no time
        return format_html('<span class="nowrap">{}</span>', f"{time:%Y-%m-%d %H:%M:%S}" if time else "cannot be read")

    @admin.display(description="who", ordering="actor")
    def who(self, entry: AuditEntry) -> SafeString | str:
        return who_as_html(entry)

    @admin.display(description="what happened", ordering="action")
    def what(self, entry: AuditEntry) -> str:
        return what_happened(entry.action)

    @admin.display(description="reason")
    def reason_excerpt(self, entry: AuditEntry) -> str:
        reason = entry.shown_reason
        return f"{reason[:EXCERPT]}…" if len(reason) > EXCERPT else reason or NONE

    @admin.display(description="reason")
    def full_reason(self, entry: AuditEntry) -> SafeString | str:
        return prose(entry.shown_reason)

    @admin.display(description="from")
    def origin(self, entry: AuditEntry) -> SafeString | str:
        source = SOURCES.get(entry.source, entry.source)
        if not entry.request_id:
            return source
        url = reverse("admin:audit_auditentry_changelist", query={"request_id": entry.request_id})
        return format_html(
            '{}<br><a class="mono" href="{}" title="All that this request changed">{}</a>',
            source, url, entry.request_id[:8],
        )  # fmt: skip


def _description(request: HttpRequest) -> dict[str, Any]:
    across = request.POST.get("select_across") == "1"
    chosen = [] if across else sorted(int(pk) for pk in request.POST.getlist(ACTION_CHECKBOX_NAME))
    return dict(request.GET.items()) | ({} if across else {"ids": chosen})
