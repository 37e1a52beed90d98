"""How a report is given away: as a file to be saved, in which nothing runs."""

from __future__ import annotations

from ncs.report.page import policy

PDF, HTML = "application/pdf", "text/html"
_ENDINGS = {PDF: "pdf", HTML: "html"}
_PDF_POLICY = "sandbox; default-src 'none'"


def headers_of(number: str, form: str) -> dict[str, str]:
    """Return the headers that every answer with this report has."""
    return {
        "Content-Disposition": f'attachment; filename="8D-{number}.{_ENDINGS[form]}"',
        "Content-Security-Policy": _PDF_POLICY if form == PDF else policy(),
        "X-Content-Type-Options": "nosniff",
    }
