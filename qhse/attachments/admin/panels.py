"""The files of a record, below its page."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString

from qhse.adminsite.display import NONE, link, moment
from qhse.adminsite.panels import Content
from qhse.attachments.admin.forms import size_in_words
from qhse.attachments.admin.pages import ADD, VOID, FilesAdmin
from qhse.attachments.models import Attachment
from qhse.attachments.registry import kind_of

PANEL_ROWS = 100
_DIGITS = 12  # of a digest; enough to compare two at a glance


def files_panel(request: HttpRequest, record: Any) -> Content | None:
    """Return the files of a record, newest first. None for who may not read them."""
    page: Any = admin.site.get_model_admin(type(record))
    if not kind_of(page.entity_type).allows(request.user, "list"):
        return None
    takes_files = ADD in page.offered(request, record)
    rows = list(page.files_of(record).select_related("uploaded_by", "voided_by")[: PANEL_ROWS + 1])
    newest = f": the newest {PANEL_ROWS}" if len(rows) > PANEL_ROWS else ""
    return {
        "template": "adminsite/table_panel.html",
        "id": "files",
        "title": f"Files{newest}",
        "columns": ("File", "What it shows", "Size", "Added by", "When (UTC)", "Digest (SHA-256)",
                    *(("Mistake?",) if takes_files else ())),
        "rows": [
            (_name(page, record, each), each.description or NONE, _size(each), each.uploaded_by.username,
             moment(each.uploaded_at), _digest(each), *((_void_link(page, record, each),) if takes_files else ()))
            for each in rows[:PANEL_ROWS]
        ],
        "empty": "None has been added.",
        "links": [(page.step_url(record.pk, ADD), "Add a file")] if takes_files else [],
    }  # fmt: skip


def _name(page: FilesAdmin, record: Any, attachment: Attachment) -> SafeString:
    if attachment.voided_at is None or attachment.voided_by is None:
        url = page.file_url(record, attachment)
        if not attachment.preview_as:
            return format_html('<div class="file">{}</div>', link(url, attachment.name))
        # Its text is the link's: to say the name twice would help nobody.
        picture = format_html(
            '<img class="preview" src="{}" alt="" loading="lazy">', page.preview_url(record, attachment)
        )
        return format_html('<div class="file"><a href="{}">{}{}</a></div>', url, picture, attachment.name)
    return format_html(
        '<div class="file"><del>{}</del><br>Void since {} UTC, by {}: {}</div>',
        attachment.name, f"{attachment.voided_at:%Y-%m-%d %H:%M}", attachment.voided_by.username,
        attachment.void_reason,
    )  # fmt: skip


def _size(attachment: Attachment) -> SafeString:
    return format_html('<span class="nowrap">{}</span>', size_in_words(attachment.size))


def _digest(attachment: Attachment) -> SafeString:
    return format_html('<code title="{}">{}…</code>', attachment.sha256, attachment.sha256[:_DIGITS])


def _void_link(page: FilesAdmin, record: Any, attachment: Attachment) -> SafeString | str:
    if attachment.voided_at is not None:
        return NONE
    return format_html(
        '<a href="{}">Declare void<span class="visually-hidden"> {}</span></a>',
        page.step_url(record.pk, VOID, file=attachment.pk), attachment.name,
    )  # fmt: skip
