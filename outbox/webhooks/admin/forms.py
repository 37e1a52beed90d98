"""What administrators may do with webhooks. Each form ends in one service."""

from __future__ import annotations

from typing import Any

from django import forms
from django.db.models import Model

from audit.words import what_happened
from outbox.events import event_types
from outbox.webhooks.models import EVERY_TYPE, WebhookDelivery, WebhookEndpoint
from outbox.webhooks.services import change_webhook, create_webhook, retry_delivery, rotate_secret
from qhse.adminsite.forms import ServiceForm, reason_field

URL_HELP = "https, on the public internet. No user name or password: the signature says who calls."


class EventBoxes(forms.CheckboxSelectMultiple):
    """Boxes of which the first can be linked to, by the summary of errors, and is described by the error."""

    def create_option(self, name: str, *args: Any, **kwargs: Any) -> dict[str, Any]:
        option = super().create_option(name, *args, **kwargs)
        if option["attrs"].get("aria-invalid") and option["index"] == "0":
            option["attrs"]["aria-describedby"] = f"id_{name}_helptext id_{name}_error"
        return option

    def id_for_label(self, id_: str, index: str | None = None) -> str:
        return super().id_for_label(id_, index) or f"{id_}_0"


class EndpointForm(ServiceForm):
    leaves_constraints = True
    event_types = forms.MultipleChoiceField(label="Events", widget=EventBoxes, help_text="What is sent to it.")

    class Meta:
        model = WebhookEndpoint
        fields = ("url", "description", "event_types")
        labels = {"url": "Address"}
        widgets = {"url": forms.TextInput(attrs={"inputmode": "url"})}
        help_texts = {"url": URL_HELP, "description": "By which people recognise it."}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        known = sorted(((name, what_happened(name)) for name in event_types), key=lambda choice: choice[1])
        self.fields["event_types"].choices = [(EVERY_TYPE, "All, later ones included"), *known]  # type: ignore[attr-defined]


class EndpointAddForm(EndpointForm):
    def write(self) -> Model:
        endpoint, secret = create_webhook(**self.cleaned_data, actor=self.actor)
        endpoint.told_secret = secret  # type: ignore[attr-defined]
        return endpoint


class EndpointChangeForm(EndpointForm):
    reason = reason_field(required=False)

    def write(self) -> Model:
        changes = {name: self.cleaned_data[name] for name in ("url", "description", "event_types")}
        return change_webhook(
            webhook_id=self.instance.pk, changes=changes, reason=self.cleaned_data["reason"], actor=self.actor,
            expected_versions=self.expected_versions,
        )  # fmt: skip


class _StepForm(ServiceForm):
    leaves_constraints = True
    reason = reason_field(required=False)
    # What its page sends with it tells it from an empty form, which does nothing.
    go = forms.CharField(widget=forms.HiddenInput, initial="1")

    class Meta:
        model = WebhookEndpoint
        fields: tuple[str, ...] = ()


class PauseForm(_StepForm):
    introduction = "Nothing is sent to it then. What waits stays; what is published meanwhile is not sent later."
    is_active = False

    def write(self) -> Model:
        return change_webhook(
            webhook_id=self.instance.pk, changes={"is_active": self.is_active}, actor=self.actor,
            reason=self.cleaned_data["reason"], expected_versions=self.expected_versions,
        )  # fmt: skip


class ResumeForm(PauseForm):
    introduction = "What waits for it is sent at once, and what is published from now on."
    is_active = True


class RotateForm(_StepForm):
    introduction = (
        "The new secret is shown once, on the next page. For 24 hours calls carry two signatures, so that the receiver "
        "can change over meanwhile."
    )

    def write(self) -> Model:
        endpoint, secret = rotate_secret(
            webhook_id=self.instance.pk, reason=self.cleaned_data["reason"], actor=self.actor,
            expected_versions=self.expected_versions,
        )  # fmt: skip
        endpoint.told_secret = secret  # type: ignore[attr-defined]
        return endpoint


class RetryForm(ServiceForm):
    introduction = "At once, with its attempts counted anew."
    reason = reason_field(required=False)
    go = forms.CharField(widget=forms.HiddenInput, initial="1")

    class Meta:
        model = WebhookDelivery
        fields: tuple[str, ...] = ()

    def write(self) -> Model:
        return retry_delivery(
            webhook_id=self.instance.endpoint_id, delivery_id=self.instance.pk, actor=self.actor,
            reason=self.cleaned_data["reason"],
        )  # fmt: skip
