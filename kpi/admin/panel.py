"""The key figures on the first page of the admin."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest

from kpi.permissions import KPI_ROLES
from kpi.selectors import current_kpi
from outbox.permissions import OUTBOX_ROLES
from qhse.accounts.rights import is_allowed
from qhse.adminsite.panels import show_on_front_page
from qhse.replica.reading import read
from suppliers.choices import RENEWAL_NOTICE_DAYS


def kpi_panel(request: HttpRequest) -> dict[str, Any] | None:
    """Return the tiles. None for who may not read the key figures."""
    if not is_allowed(request.user, "retrieve", KPI_ROLES):
        return None
    return {
        "template": "kpi/panel.html",
        "kpi": read(lambda using: current_kpi(using=using), user=request.user, exact=True),
        "renewal_notice_days": RENEWAL_NOTICE_DAYS,
        "may_open_outbox": is_allowed(request.user, "list", OUTBOX_ROLES),
    }


show_on_front_page(kpi_panel, order=0)
