"""System checks of settings that are about the installation as a whole."""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import IPv4Network, IPv6Network, collapse_addresses
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register

from qhse.accounts.roles import Role
from qhse.observability.addresses import Network

# With a shared secret as key, whoever knows the public one could sign.
ASYMMETRIC_ALGORITHMS = frozenset({"RS256", "ES256"})
MINIMUM_TOKEN_LENGTH = 20  # characters
DEVELOPMENT = "dev-only"  # how the keys of development begin
_SHORTEST_PREFIX = {4: 8, 6: 7}  # bits, by IP version: 10.0.0.0/8 and fc00::/7


@register(Tags.security)
def check_production_settings(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """Refuse the settings with which a production installation would only look safe."""
    if not settings.PRODUCTION:
        return []
    problems: list[CheckMessage] = []
    for name in ("SECRET_KEY", "JWT_SIGNING_KEY"):
        value = getattr(settings, name)
        if len(value) < settings.MINIMUM_KEY_LENGTH or value.startswith(DEVELOPMENT):
            hint = 'Generate one: python -c "import secrets; print(secrets.token_urlsafe(64))"'
            problems.append(
                Error(f"{name} is shorter than {settings.MINIMUM_KEY_LENGTH} characters.", hint=hint, id="qhse.E001")
            )
    problems += _former_keys()
    if settings.SECRET_KEY == settings.JWT_SIGNING_KEY:
        problems.append(Error("SECRET_KEY and JWT_SIGNING_KEY are equal; use two keys.", id="qhse.E002"))
    if settings.DEBUG:
        problems.append(Error("DEBUG shows settings and code to visitors; unset it.", id="qhse.E003"))
    if not settings.ALLOWED_HOSTS or "*" in settings.ALLOWED_HOSTS:
        problems.append(Error("ALLOWED_HOSTS must name the hosts that this site serves.", id="qhse.E004"))
    if _trusts_the_internet(settings.TRUSTED_PROXIES):
        problems.append(Error("TRUSTED_PROXIES trusts half the Internet; name your proxies.", id="qhse.E005"))
    if settings.METRICS_TOKEN and len(settings.METRICS_TOKEN) < MINIMUM_TOKEN_LENGTH:
        text = f"METRICS_TOKEN is shorter than {MINIMUM_TOKEN_LENGTH} characters; make it as the keys, or unset it."
        problems.append(Error(text, id="qhse.E010"))
    if any(not origin.startswith("https://") for origin in settings.CSRF_TRUSTED_ORIGINS):
        problems.append(Error("CSRF_TRUSTED_ORIGINS must begin with https://.", id="qhse.E008"))
    if settings.DATABASES["default"]["ENGINE"].endswith("sqlite3"):
        text = "The database is SQLite: one writer at a time, on one machine, and no database role without rights."
        problems.append(Warning(text, hint="Set DATABASE_URL to a PostgreSQL.", id="qhse.W003"))
    if not settings.TRUSTED_PROXIES:
        hint = "Set it to the address from which your proxy connects."
        text = "TRUSTED_PROXIES is empty: no proxy can say that a request came by TLS, and all are redirected."
        problems.append(Warning(text, hint=hint, id="qhse.W002"))
    return problems


def _former_keys() -> list[CheckMessage]:
    """With a key that can be guessed, or that everybody knows, anybody could write what the trail believes."""
    if any(key.startswith(DEVELOPMENT) for key in settings.AUDIT_KEY_FALLBACKS):
        return [Error("AUDIT_KEY_FALLBACKS holds the key of development, which everybody knows.", id="qhse.E011")]
    pieces, shortest = len(settings.AUDIT_KEY_PIECES), settings.MINIMUM_KEY_LENGTH
    if pieces and not settings.AUDIT_KEY_FALLBACKS:
        return [Error(f"AUDIT_KEY_FALLBACKS holds no key of {shortest} characters or more.", id="qhse.E011")]
    if not pieces:
        return []
    text = f"AUDIT_KEY_FALLBACKS: {pieces} of the parts between its commas are shorter than {shortest} characters."
    hint = "They count as parts of a key that holds commas. Keys of their own they are not."
    return [Warning(text, hint=hint, id="qhse.W005")]


def _trusts_the_internet(networks: Sequence[Network]) -> bool:
    """Answer whether networks, neighbours taken together, are larger than the largest private ones."""
    together: list[Network] = [
        *collapse_addresses(network for network in networks if isinstance(network, IPv4Network)),
        *collapse_addresses(network for network in networks if isinstance(network, IPv6Network)),
    ]
    return any(network.prefixlen < _SHORTEST_PREFIX[network.version] for network in together)


@register(Tags.security)
def check_identity_provider(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """Refuse half a configuration of the identity provider, and keys that somebody on the way could replace."""
    needed = ("OIDC_ISSUER", "OIDC_AUDIENCE", "OIDC_JWKS_URL", "OIDC_ROLES")
    missing = [name for name in needed if not getattr(settings, name)]
    if len(missing) == len(needed):
        return []
    problems: list[str] = []
    if missing:
        problems.append(f"The identity provider also needs {', '.join(missing)}.")
    if unknown := sorted(set(settings.OIDC_ROLES.values()) - set(Role.values)):
        problems.append(f"OIDC_ROLES: no such role: {', '.join(unknown)}; there are {', '.join(Role.values)}.")
    if not settings.OIDC_ALGORITHMS or set(settings.OIDC_ALGORITHMS) - ASYMMETRIC_ALGORITHMS:
        problems.append(f"OIDC_ALGORITHMS must be among {', '.join(sorted(ASYMMETRIC_ALGORITHMS))}.")
    scheme = settings.OIDC_JWKS_URL.partition("://")[0]
    if settings.OIDC_JWKS_URL and (scheme not in ("http", "https") or (settings.PRODUCTION and scheme != "https")):
        problems.append("OIDC_JWKS_URL must begin with https://.")
    return [Error(text, id="qhse.E009") for text in problems]


@register()
def check_misspelt_settings(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """Name what looks like a setting of ours. It may belong to another program, so that it stops no start."""
    return [
        Warning(f"{name} is set, and is no setting.", hint=f"Is it meant to be {meant}?", id="qhse.W004")
        for name, meant in settings.MISSPELT_SETTINGS
    ]
