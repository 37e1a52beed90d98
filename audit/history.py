"""The history of one record, as a panel on its admin page."""

from __future__ import annotations

from typing import Any

from django.db.models import Model
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse

from audit.models import AuditEntry
from audit.permissions import AUDIT_ROLES
from qhse.adminsite.base import ServiceModelAdmin
from qhse.api.permissions import is_allowed

SHOWN = 50


class HistoryPanel(ServiceModelAdmin):
    """Shows the newest audit entries of a record below its form; Django's own history page leads there too."""

    entity_type: str = ""
    change_form_template = "audit/change_form_with_history.html"

    def entity_id(self, record: Model) -> str:
        return str(record.pk)

    def render_change_form(self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any) -> Any:
        record = kwargs.get("obj")
        if record is not None and is_allowed(request.user, "record_history", AUDIT_ROLES):
            entries = AuditEntry.objects.about(self.entity_type, self.entity_id(record))
            context["history"] = entries[:SHOWN]
        return super().render_change_form(request, context, *args, **kwargs)

    def history_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> HttpResponse:
        url = reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_change", args=(object_id,))
        return HttpResponseRedirect(f"{url}#history")
