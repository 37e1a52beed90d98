"""What an admin of records with files has more: two steps, the panel's addresses, and downloads."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from django.contrib.admin.utils import quote, unquote
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponseNotAllowed
from django.http.response import HttpResponseBase
from django.urls import URLPattern, path, reverse

from qhse.adminsite.forms import ServiceForm
from qhse.adminsite.steps import STEP, Step, SteppedAdmin
from qhse.attachments.admin.forms import AddFileForm, FileForm, VoidFileForm
from qhse.attachments.downloads import content_of, preview_of
from qhse.attachments.errors import FileIsVoided, PreviewNotFound, StorageIsAway
from qhse.attachments.models import Attachment
from qhse.attachments.registry import kind_of
from qhse.refused_pages import refused_page

ADD, VOID = "add_file", "void_file"  # the names of the steps
_LARGEST_KEY = 2**63 - 1


def file_steps(action: str) -> dict[str, Step]:
    """Return the steps of a record with files. `action` is the one that its kind asks to `write`."""
    return {
        ADD: Step("Add a file", AddFileForm, action, "has a new file", is_named=True),
        VOID: Step("Declare a file void", VoidFileForm, action, "has a file less", is_named=True),
    }


class FilesAdmin(SteppedAdmin):
    """
    An admin of records that take files. Its `entity_type` is the one by which their kind is registered.

    Among its `steps` are those of `file_steps`. While a record takes files, those of `possible_with_files` are among
    the `possible` ones. The panel, `files_panel`, is registered like any other.
    """

    entity_type: str = ""

    def possible_with_files(self, request: HttpRequest) -> list[str]:
        """Return the steps about files. A file is declared void from its row: the link there names it."""
        return [ADD, *([VOID] if request.GET.get(STEP) == VOID else [])]

    def files_of(self, record: Any) -> QuerySet[Attachment]:
        return Attachment.objects.filter(entity_type=self.entity_type, entity_id=str(record.pk))

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        form_class = super().get_form(request, obj, change, **kwargs)
        if obj is not None and issubclass(form_class, FileForm):
            form_class.entity_type, form_class.entity_id = self.entity_type, str(obj.pk)
            form_class.chosen = request.GET.get("file", "")
            form_class.lost_file = getattr(request, "lost_file", "")
        return form_class

    def _written(self, form: ServiceForm) -> str:
        return form.told if isinstance(form, FileForm) else super()._written(form)

    # --- Files on their way in: see qhse/api/requests/page_uploads.py ------------------------------------------------

    def takes_file_at(self, request: HttpRequest) -> bool:
        """Answer whether this is the address of the form that adds a file."""
        return request.path_info.endswith("/change/") and request.GET.get(STEP) == ADD

    def wants_file(self, request: HttpRequest) -> bool:
        """Answer whether who sends a file may add one. Whether the record takes it is asked under its lock."""
        return self.admin_site.has_permission(request) and kind_of(self.entity_type).allows(request.user, "create")

    # --- Files on their way out ---------------------------------------------------------------------------------------

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.file_view)
        return [
            path("<path:object_id>/files/<int:attachment_id>/", view, name=self._file_name),
            path(
                "<path:object_id>/files/<int:attachment_id>/preview/", view, {"give": "preview"},
                name=f"{self._file_name}_preview",
            ),
            *super().get_urls(),
        ]  # fmt: skip

    @property
    def _file_name(self) -> str:
        return f"{self.opts.app_label}_{self.opts.model_name}_file"

    def file_url(self, record: Any, attachment: Attachment) -> str:
        return reverse(f"admin:{self._file_name}", args=(quote(record.pk), attachment.pk))

    def preview_url(self, record: Any, attachment: Attachment) -> str:
        return reverse(f"admin:{self._file_name}_preview", args=(quote(record.pk), attachment.pk))

    def file_view(
        self, request: HttpRequest, object_id: str, attachment_id: int, give: str = "content"
    ) -> HttpResponseBase:
        """Give a file to who may read its record, as the API does. What cannot be given is a page that says why."""
        if not kind_of(self.entity_type).allows(request.user, give):
            raise PermissionDenied
        if request.method not in ("GET", "HEAD"):
            return HttpResponseNotAllowed(["GET", "HEAD"])
        entity_id = unquote(object_id)
        known = Attachment.objects.filter(entity_type=self.entity_type, entity_id=entity_id)
        attachment = known.filter(pk=min(attachment_id, _LARGEST_KEY)).select_related("voided_by").first()
        if attachment is None:
            raise Http404
        told = {"file": attachment, "record_url": f"{self.record_url(entity_id)}#files"}
        try:
            return preview_of(attachment) if give == "preview" else content_of(attachment)
        except PreviewNotFound:
            raise Http404 from None
        except FileIsVoided:
            return refused_page(request, "attachments/no_file.html", HTTPStatus.GONE, **told)
        except StorageIsAway:
            return refused_page(request, "attachments/no_file.html", HTTPStatus.SERVICE_UNAVAILABLE, **told)
