"""Cases on other pages: a supplier's, the first one; and what stands below a case."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.text import Truncator

from ncs.admin.columns import due_words
from ncs.admin.report import report_links
from ncs.choices import Disposition
from ncs.models import BY_WEIGHT, CorrectiveAction, NonConformity
from ncs.repeats import repeats_of
from ncs.work import actions_of, cases_of, to_verify_by
from qhse.accounts.models import User
from qhse.adminsite.display import NONE, badge, link
from suppliers.choices import Severity
from suppliers.models import Supplier

PANEL_ROWS = 20
WORK_ROWS = 5
MY_ROWS = 10
TABLE = "adminsite/table_panel.html"


def open_ncs_panel(request: HttpRequest, supplier: Supplier) -> dict[str, Any] | None:
    """Return a supplier's open NCs, severest first, for its page."""
    page: Any = admin.site.get_model_admin(NonConformity)
    if not page.has_view_permission(request):
        return None
    of_supplier = NonConformity.objects.filter(supplier=supplier)
    listed = reverse("admin:ncs_nonconformity_changelist")
    number = supplier.nc_total + supplier.nc_void
    links = [(f"{listed}?supplier={supplier.pk}&status=all", f"All non-conformities ({number})")]
    if page.has_add_permission(request) and supplier.merged_into_id is None:
        links.append((reverse("admin:ncs_nonconformity_add", query={"supplier": supplier.pk}), "Report a new one"))
    return {
        "template": TABLE,
        "id": "open-ncs",
        "title": "Open non-conformities",
        "columns": ("Number", "Severity", "Phase", "Due", "Age", "Description"),
        "rows": [
            (_to(page, nc), page.severity_badge(nc), page.phase_badge(nc), page.due(nc), page.age(nc), page.summary(nc))
            for nc in of_supplier.open().order_by(BY_WEIGHT.desc(), "id")[:PANEL_ROWS]
        ],
        "empty": "None is open.",
        "links": links,
    }


def severe_panel(request: HttpRequest) -> dict[str, Any] | None:
    """Return the open high NCs, oldest first. None for who may not close."""
    page: Any = admin.site.get_model_admin(NonConformity)
    if not page.has_change_permission(request):
        return None
    severe = NonConformity.objects.open().filter(severity=Severity.HIGH)
    severe = severe.select_related("supplier", "owner").order_by("id")
    listed = reverse("admin:ncs_nonconformity_changelist")
    return {
        "template": TABLE,
        "id": "severe-ncs",
        "title": "Open with severity high, oldest first",
        "columns": ("Number", "Supplier", "Phase", "Owner", "Age", "Description"),
        "rows": [
            (_to(page, nc), page.supplier_link(nc), page.phase_badge(nc), page.owner_name(nc), page.age(nc),
             page.summary(nc))
            for nc in severe[:WORK_ROWS]
        ],
        "empty": "No open non-conformity has severity high.",
        "links": (
            (f"{listed}?status=OPEN&severity__exact=high", "All of them"),
            (f"{listed}?status=OPEN&overdue=yes", "Overdue ones"),
            (reverse("admin:ncs_nonconformity_add"), "Report a new one"),
        ),
    }  # fmt: skip


def my_work_panel(request: HttpRequest) -> dict[str, Any] | None:
    """Return what waits for this person, what is due first at the top. None for who works on no cases."""
    page: Any = admin.site.get_model_admin(NonConformity)
    user = request.user
    if not page.has_change_permission(request) or not isinstance(user, User):
        return None
    rows: list[tuple[Any, ...]] = []
    for nc in cases_of(user).select_related("supplier")[:MY_ROWS]:
        late = nc.overdue
        rows.append((not late, nc.due_on, "Case", _to(page, nc), page.phase_badge(nc), due_words(nc.due_on, late=late),
                     page.summary(nc)))  # fmt: skip
    steps: Any = admin.site.get_model_admin(CorrectiveAction)
    for action in actions_of(user).select_related("nc")[:MY_ROWS]:
        late = action.overdue
        rows.append((not late, action.due_on, "Action", _to(steps, action, _number(action.nc)),
                     badge(action.get_status_display(), "warn"), due_words(action.due_on, late=late),
                     action.title))  # fmt: skip
    rows.sort(key=lambda row: (row[0], str(row[1] or "9999")))
    waiting = [
        ("To verify", _to(steps, action, _number(action.nc)), badge("Completed", "mute"), NONE, action.title)
        for action in to_verify_by(user).select_related("nc")[:MY_ROWS]
    ]
    listed = reverse("admin:ncs_nonconformity_changelist")
    actions = reverse("admin:ncs_correctiveaction_changelist")
    return {
        "template": TABLE,
        "id": "my-work",
        "leads": True,
        "title": "My work",
        "columns": ("What", "Number", "State", "Due", "About"),
        "rows": [row[2:] for row in rows] + waiting,
        "empty": "Nothing waits for you.",
        "links": (
            (f"{listed}?status=OPEN&owner=me", "My cases"),
            (f"{actions}?owner=me", "My actions"),
            (f"{actions}?status=DONE", "All actions to verify"),
        ),
    }


def eight_d_panel(request: HttpRequest, nc: NonConformity) -> dict[str, Any]:
    """Return the case in the order of an 8D report: what is said and done, and what is missing."""
    asked = {gap.value for gap in nc.missing}

    def state(done: Any, gap: str = "") -> Any:
        if done:
            return badge("Done", "good")
        return badge("Missing", "bad") if gap in asked else badge("Open", "mute")

    settled = nc.actions_effective and not (nc.actions_open or nc.actions_to_verify)
    told = Truncator
    return {
        "template": TABLE,
        "id": "eight-d",
        "title": "From D1 to D8",
        "columns": ("Step", "State", "What", "By", "When (UTC)"),
        "rows": [
            ("D1 Owner", state(nc.owner_id), _name(nc.owner), "", ""),
            ("D2 What was found", state(True), told(nc.description).chars(200), _name(nc.reported_by),
             _at(nc.created_at)),
            ("D3 Containment", state(nc.containment, "containment"), told(nc.containment).chars(200) or NONE,
             _name(nc.contained_by), _at(nc.contained_at)),
            ("D3 Disposition", state(nc.disposition, "disposition"), _disposition(nc), _name(nc.disposed_by),
             _at(nc.disposed_at)),
            ("D4 Root cause", state(nc.root_cause, "root_cause"), _cause(nc), _name(nc.analysed_by),
             _at(nc.analysed_at)),
            ("D5 to D7 Actions", state(settled, "effective_action"), _counts(nc), "", ""),
            ("D8 Closed", state(nc.closed_at), told(nc.closure_reason).chars(200) or NONE, _name(nc.closed_by),
             _at(nc.closed_at)),
        ],
        "empty": "",
        "links": report_links(nc),
    }  # fmt: skip


def actions_panel(request: HttpRequest, nc: NonConformity) -> dict[str, Any]:
    """Return the actions on a case, with a link that adds one."""
    page: Any = admin.site.get_model_admin(CorrectiveAction)
    links = []
    if page.has_add_permission(request) and nc.phase is not None:
        links.append((reverse("admin:ncs_correctiveaction_add", query={"nc": nc.pk}), "Agree on an action"))
    return {
        "template": TABLE,
        "id": "actions",
        "title": "Actions",
        "columns": ("Action", "Kind", "State", "Whose", "Due"),
        "rows": [
            (_to(page, action, action.title), action.get_kind_display(), page.status_badge(action), page.whose(action),
             page.due(action))
            for action in nc.actions.select_related("owner").order_by("id")
        ],
        "empty": "None has been agreed on.",
        "links": links,
    }  # fmt: skip


def similar_panel(request: HttpRequest, nc: NonConformity) -> dict[str, Any] | None:
    """Return earlier cases of the supplier with the same part or category."""
    page: Any = admin.site.get_model_admin(NonConformity)
    repeats = repeats_of(supplier_id=nc.supplier_id, category=nc.category, part_no=nc.part_no, before=nc.pk)
    if not repeats.ids:
        return None
    return {
        "template": TABLE,
        "id": "similar",
        "title": f"Earlier ones with the same {repeats.rule}",
        "columns": ("Number", "Severity", "State", "Part", "Root cause"),
        "rows": [
            (_to(page, each), page.severity_badge(each), page.phase_badge(each), each.part_no or NONE,
             Truncator(each.root_cause).chars(90) or NONE)
            for each in NonConformity.objects.filter(pk__in=repeats.ids).order_by("-id")
        ],
        "empty": "",
    }  # fmt: skip


def _to(page: Any, record: Any, text: str | None = None) -> Any:
    return link(page.record_url(str(record.pk)), text or _number(record))


def _number(nc: NonConformity) -> SafeString:
    return format_html('<span class="nowrap">{}</span>', nc.number)


def _name(user: User | None) -> str:
    return NONE if user is None else user.username


def _at(moment: Any) -> str:
    return NONE if moment is None else f"{moment:%Y-%m-%d %H:%M}"


def _disposition(nc: NonConformity) -> str:
    if not nc.disposition:
        return NONE
    pieces = f", {nc.disposition_qty:,} pieces" if nc.disposition_qty is not None else ""
    conceded = ""
    if nc.disposition == Disposition.USE_AS_IS:
        conceded = f"; concession by {_name(nc.concession_by)}" if nc.concession_by_id else "; concession missing"
    return f"{nc.get_disposition_display()}{pieces}{conceded}"


def _cause(nc: NonConformity) -> str:
    return f"{nc.get_cause_code_display()}: {Truncator(nc.root_cause).chars(200)}" if nc.root_cause else NONE


def _counts(nc: NonConformity) -> str:
    told = ((nc.actions_open, "running"), (nc.actions_to_verify, "to verify"), (nc.actions_effective, "effective"))
    return ", ".join(f"{number} {what}" for number, what in told if number) or "None"
