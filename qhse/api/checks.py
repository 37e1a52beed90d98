"""System checks of settings that are about the installation as a whole."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register

MINIMUM_KEY_LENGTH = 50  # characters; as Django asks of SECRET_KEY


@register(Tags.security)
def check_production_settings(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """Refuse the settings with which a production installation would only look safe."""
    if not settings.PRODUCTION:
        return []
    problems: list[CheckMessage] = []
    for name in ("SECRET_KEY", "JWT_SIGNING_KEY"):
        value = getattr(settings, name)
        if len(value) < MINIMUM_KEY_LENGTH or value.startswith("dev-only"):
            hint = 'Generate one: python -c "import secrets; print(secrets.token_urlsafe(64))"'
            problems.append(
                Error(f"{name} is shorter than {MINIMUM_KEY_LENGTH} characters.", hint=hint, id="qhse.E001")
            )
    if settings.SECRET_KEY == settings.JWT_SIGNING_KEY:
        problems.append(Error("SECRET_KEY and JWT_SIGNING_KEY are equal; use two keys.", id="qhse.E002"))
    if settings.DEBUG:
        problems.append(Error("DEBUG shows settings and code to visitors; unset it.", id="qhse.E003"))
    if not settings.ALLOWED_HOSTS or "*" in settings.ALLOWED_HOSTS:
        problems.append(Error("ALLOWED_HOSTS must name the hosts that this site serves.", id="qhse.E004"))
    return problems


@register()
def check_reserved_settings(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """Say aloud that a setting has no effect, so that nobody believes his events are relayed."""
    return [
        Warning(f"{name} is set, but this version does nothing with it.", hint="Unset it.", id="qhse.W001")
        for name in settings.RESERVED_SETTINGS_PRESENT
    ]
