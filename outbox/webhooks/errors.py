"""What webhooks refuse."""

from __future__ import annotations

from qhse.errors import DomainError, InvalidInput, RecordNotFound


class WebhookNotFound(RecordNotFound):
    code = "webhook_not_found"


class WebhookDeliveryNotFound(RecordNotFound):
    code = "webhook_delivery_not_found"


class WebhookUrlIsRefused(InvalidInput):
    """Webhooks do not go to this address: not https, not on the public internet, or no address at all."""

    code = "webhook_url_refused"


class EventTypesAreUnknown(InvalidInput):
    code = "unknown_event_type"


class WebhookIsPaused(DomainError):
    """Nothing is sent to a paused endpoint, not by hand either. Make it active first."""

    code = "webhook_is_paused"


class WebhookSecretIsUnreadable(DomainError):
    """The secret was encrypted by a SECRET_KEY that is not known here. If it is lost, rotate it and make it active."""

    code = "webhook_secret_unreadable"
