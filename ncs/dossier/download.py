"""How a dossier is given away: as a file to be saved, in which nothing runs."""

from __future__ import annotations

from django.http import FileResponse

from ncs.dossier.making import Dossier
from ncs.report.download import HTML
from ncs.report.page import policy

_NOTHING_RUNS = "sandbox; default-src 'none'"


def as_download(dossier: Dossier) -> FileResponse:
    media_type = f"{HTML}; charset=utf-8" if dossier.media_type == HTML else dossier.media_type
    response = FileResponse(dossier.file, as_attachment=True, filename=dossier.filename, content_type=media_type)
    response["Content-Security-Policy"] = policy() if dossier.media_type == HTML else _NOTHING_RUNS
    response["X-Content-Type-Options"] = "nosniff"
    return response
