"""What staff may do with a certificate. Each form ends in one service; handing one in, in that of its file as well."""

from __future__ import annotations

from typing import Any, ClassVar

from django import forms
from django.conf import settings
from django.db.models import Q

from qhse.adminsite.forms import ServiceForm, reason_field
from qhse.adminsite.once import FILES_AGAIN
from qhse.attachments.admin.forms import ACCEPTED, size_in_words
from qhse.attachments.services import attach
from suppliers.choices import VerifyMethod
from suppliers.models import Certificate
from suppliers.models.certificate import CURRENT, MAX_REFERENCE
from suppliers.services import (
    correct_certificate,
    reject_certificate,
    submit_certificate,
    verify_certificate,
    withdraw_certificate,
)

FACTS = ("standard", "edition", "number", "issuer", "valid_from", "valid_to")
MORE = ("accreditation_body", "scope", "sites", "last_surveillance_on")
_SMALL = {"class": "vLargeTextField", "rows": 3}


class RenewedField(forms.ModelChoiceField):
    """One of the earlier certificates of the supplier. Where none is known, nothing is asked."""

    def __init__(self) -> None:
        super().__init__(
            queryset=Certificate.objects.none(),
            required=False,
            label="Renews",
            empty_label="– none –",
            help_text="The certificate that this one takes the place of, once it is verified and has begun.",
        )

    def label_from_instance(self, certificate: Any) -> str:
        return f"{certificate}, until {certificate.valid_to}"

    def offer(self, *, supplier: Any, without: int | None = None, present: int | None = None) -> None:
        """Offer those of this supplier, which may be what somebody has typed. For each request anew."""
        text = str(supplier or "")
        if not (text.isascii() and text.isdecimal() and len(text) <= 18):
            self.widget = forms.HiddenInput()
            return
        able = Q(status__in=CURRENT) if present is None else Q(status__in=CURRENT) | Q(pk=present)
        offered = Certificate.objects.filter(able, supplier_id=int(text)).order_by("standard", "-valid_to")
        self.queryset = offered if without is None else offered.exclude(pk=without)
        if not self.queryset.exists():
            self.widget = forms.HiddenInput()


class _DetailedForm(ServiceForm):
    leaves_constraints = True

    def values(self) -> dict[str, Any]:
        renewed = self.cleaned_data["supersedes"]
        found = {name: self.cleaned_data[name] for name in (*FACTS, *MORE)}
        return found | {"supersedes_id": None if renewed is None else renewed.pk}


class CertificateAddForm(_DetailedForm):
    """Hands in a certificate with its document. Both are stored, or neither."""

    lost_file: str = ""  # set by CertificateAdmin.get_form

    supersedes = RenewedField()
    file = forms.FileField(
        label="File",
        required=False,
        allow_empty_file=True,
        widget=forms.FileInput(attrs={"accept": ACCEPTED, "class": "file"}),
    )

    class Meta:
        model = Certificate
        fields = ("supplier", *FACTS, *MORE, "supersedes")
        labels: ClassVar[dict[str, str]] = {"valid_to": "Valid until", "last_surveillance_on": "Last surveillance"}
        help_texts: ClassVar[dict[str, str]] = {
            "edition": "The year of the standard's edition, such as 2015.",
            "issuer": "The certification body.",
            "valid_to": "The last valid day.",
        }
        widgets: ClassVar[dict[str, Any]] = {"scope": forms.Textarea(_SMALL), "sites": forms.Textarea(_SMALL)}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        supplier = self.data.get("supplier") if self.is_bound else self.initial.get("supplier")
        self.fields["supersedes"].offer(supplier=supplier)  # type: ignore[attr-defined]
        most = size_in_words(settings.ATTACHMENT_MAX_BYTES)
        self.fields["file"].help_text = f"The certificate itself: a PDF, or a photo of it, of at most {most}."

    def clean_file(self) -> Any:
        file = self.cleaned_data["file"]
        if self.lost_file:
            raise forms.ValidationError(self.lost_file)
        if file is not None and file.size > settings.ATTACHMENT_MAX_BYTES:
            raise forms.ValidationError(
                f"The file is larger than {size_in_words(settings.ATTACHMENT_MAX_BYTES)}. Choose a smaller one."
            )
        return file

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        self._ask_for_the_file_again()
        return cleaned

    def write(self) -> Certificate:
        certificate = submit_certificate(
            supplier_id=self.cleaned_data["supplier"].pk, **self.values(), actor=self.actor
        )
        file = self.cleaned_data["file"]
        if file is not None:
            attach(
                entity_type="certificate", entity_id=str(certificate.pk), name=file.name, content=file,
                actor=self.actor,
            )  # fmt: skip
        return certificate

    def _post_clean(self) -> None:
        super()._post_clean()
        self._ask_for_the_file_again()

    def _ask_for_the_file_again(self) -> None:
        """No page keeps a file. Whatever else was refused, the one that was chosen has to be chosen anew."""
        if self.errors and not self.notice and "file" not in self.errors and self.files.get("file") is not None:
            self.add_error("file", FILES_AGAIN)

    def _input_for(self, field: str | None) -> str | None:
        """What refuses the file names its own fields: the record, the description."""
        return super()._input_for(field) or ("file" if field in ("entity_id", "description") else None)


class CertificateCorrectForm(_DetailedForm):
    supersedes = RenewedField()
    reason = reason_field(required=True, help_text="Why it is corrected. Kept in the audit trail beside old and new.")

    class Meta(CertificateAddForm.Meta):
        fields = (*FACTS, *MORE, "supersedes")  # type: ignore[assignment]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["supersedes"].offer(  # type: ignore[attr-defined]
            supplier=self.instance.supplier_id, without=self.instance.pk, present=self.instance.supersedes_id
        )

    def write(self) -> Certificate:
        return correct_certificate(
            certificate_id=self.instance.pk,
            values=self.values(),
            reason=self.cleaned_data["reason"],
            actor=self.actor,
            expected_versions=self.expected_versions,
        )


class _StepForm(ServiceForm):
    leaves_constraints = True

    class Meta:
        model = Certificate
        fields: tuple[str, ...] = ()


class CertificateVerifyForm(_StepForm):
    introduction = "Say that it is what it seems to be. Whoever handed it in or corrected it leaves that to you."
    method = forms.ChoiceField(
        label="How was that found out?",
        choices=VerifyMethod.choices,
        widget=forms.RadioSelect(attrs={"class": "radiolist"}),
    )
    ref = forms.CharField(
        label="Where",
        required=False,
        max_length=MAX_REFERENCE,
        widget=forms.TextInput(attrs={"class": "vLargeTextField"}),
        help_text="An address in the register, or who answered for the issuer, and when.",
    )

    def write(self) -> Certificate:
        return verify_certificate(
            certificate_id=self.instance.pk,
            method=self.cleaned_data["method"],
            ref=self.cleaned_data["ref"],
            actor=self.actor,
            expected_versions=self.expected_versions,
        )


class CertificateRejectForm(_StepForm):
    introduction = "It does not count, and may be handed in anew."
    reason = reason_field(required=True, help_text="Why it is not accepted. Kept in the audit trail.")

    def write(self) -> Certificate:
        return reject_certificate(
            certificate_id=self.instance.pk,
            reason=self.cleaned_data["reason"],
            actor=self.actor,
            expected_versions=self.expected_versions,
        )


class CertificateWithdrawForm(_StepForm):
    introduction = "It does not count any more, from now on and for good."
    reason = reason_field(required=True, help_text="Why it does not count any more. Kept in the audit trail.")

    def write(self) -> Certificate:
        return withdraw_certificate(
            certificate_id=self.instance.pk,
            reason=self.cleaned_data["reason"],
            actor=self.actor,
            expected_versions=self.expected_versions,
        )
