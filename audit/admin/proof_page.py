"""The page of the proof: the whole trail verified with one click and its progress, and reviews up to a seal."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import path, reverse

from audit.admin.banner import banner
from audit.models import MOST_NOTE, ReviewStamp, TrailVerification
from audit.proof.reading import newest_seal
from audit.reviewing import stamp_review
from audit.verifying import start_verification
from qhse.accounts.models import User
from qhse.adminsite.base import ServiceModelAdmin
from qhse.adminsite.forms import PlainTextForm
from qhse.adminsite.late import given_back_if_denied
from qhse.adminsite.numbers import WholeNumberField
from qhse.adminsite.once import held_back
from qhse.errors import DomainError

SHOWN = 20  # verifications, and reviews
PAGE = "audit_auditentry_proof"


class ReviewForm(PlainTextForm, forms.Form):
    seal = WholeNumberField(
        min_value=1, max_value=2**31 - 1, label="Reviewed up to seal",
        help_text="The last seal whose entries were looked at. It and what it covers are verified first.",
    )  # fmt: skip
    note = forms.CharField(
        max_length=MOST_NOTE, widget=forms.Textarea(attrs={"rows": 3, "class": "vLargeTextField"}),
        help_text="What was looked at, and what was found. Kept in the audit trail.",
    )  # fmt: skip


class ProofPages(ServiceModelAdmin):
    """Adds the page of the proof, and the address behind its button, to the pages of the trail."""

    def get_urls(self) -> list[Any]:
        page, start = self.admin_site.admin_view(self.proof_page), self.admin_site.admin_view(self.verify_all)
        return [
            path("proof/", page, name=PAGE),
            path("verify-all/", start, name="audit_auditentry_verify_all"),
            *super().get_urls(),
        ]

    def verify_all(self, request: HttpRequest) -> HttpResponse:
        """Let the workers verify the whole trail, and lead to where its progress is shown."""
        if not (isinstance(request.user, User) and self.allows(request, "verify")):
            raise PermissionDenied
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        try:
            start_verification(actor=request.user)
        except DomainError as refusal:
            self.message_user(request, refusal.detail, messages.WARNING)
        return HttpResponseRedirect(reverse(f"admin:{PAGE}"))

    def proof_page(self, request: HttpRequest) -> HttpResponse:
        """Show what proves the trail. A POST is a review."""
        with given_back_if_denied(request, [ReviewForm]):
            return self._proof_page(request)

    def _proof_page(self, request: HttpRequest) -> HttpResponse:
        if not (isinstance(request.user, User) and self.allows(request, "verify")):
            raise PermissionDenied
        if request.method not in ("GET", "HEAD", "POST"):
            return HttpResponseNotAllowed(["GET", "POST"])
        form = ReviewForm(request.POST if request.method == "POST" else None, initial=self._last_seal())
        notice = held_back(request)
        if form.is_bound and not notice and form.is_valid() and self._stamped(request, form, request.user):
            return HttpResponseRedirect(reverse(f"admin:{PAGE}"))
        verifications = list(TrailVerification.objects.select_related("started_by")[:SHOWN])
        context = {
            **self.admin_site.each_context(request),
            "title": "Proof of the audit trail",
            "opts": self.opts,
            "trail": banner(may_verify=True),
            "form": form,
            "notice": notice,
            "may_review": self.allows(request, "review"),
            "running": next((each for each in verifications if each.finished_at is None), None),
            "verifications": verifications,
            "reviews": ReviewStamp.objects.select_related("reviewed_by")[:SHOWN],
        }
        return TemplateResponse(request, "audit/proof.html", context)

    def _stamped(self, request: HttpRequest, form: ReviewForm, actor: User) -> bool:
        if not self.allows(request, "review"):
            raise PermissionDenied
        try:
            stamp = stamp_review(**form.cleaned_data, actor=actor)
        except DomainError as refusal:
            form.add_error(refusal.field, refusal.detail)
            return False
        self.message_user(request, f"The trail has been reviewed up to seal {stamp.seal:,}.", messages.SUCCESS)
        return True

    def _last_seal(self) -> dict[str, int]:
        head = newest_seal()
        return {"seal": head.number} if head else {}
