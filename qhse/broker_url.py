"""BROKER_URL, taken apart. What a broker's client would stumble over at its first use is refused here."""

from __future__ import annotations

import os
import re
import ssl
import unicodedata
from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path
from typing import NoReturn
from urllib.parse import parse_qsl, unquote, urlsplit

RABBITMQ, NATS = "rabbitmq", "nats"
_SCHEMES = {"amqp": (RABBITMQ, False), "amqps": (RABBITMQ, True), "nats": (NATS, False), "tls": (NATS, True)}
_PORTS = {"amqp": 5672, "amqps": 5671, "nats": 4222, "tls": 4222}
_FILES = ("cafile", "certfile", "keyfile")
_HOST = re.compile(r"[a-z0-9_-]+(?:\.[a-z0-9_-]+)*\.?", re.ASCII | re.IGNORECASE)
_FORM = (
    "the form is amqps://user:password@broker.example.com:5671/vhost or tls://user:password@broker.example.com:4222, "
    "with special characters percent-encoded"
)


@dataclass(frozen=True, slots=True)
class BrokerAddress:
    """
    Where a broker is, who we are there, and how it is known.

    `broker` says which kind it is. Names and password stand here as the broker wants them, decoded. A scheme with TLS
    `is_encrypted`: nothing is said to the broker before the line is.
    """

    broker: str
    host: str
    port: int
    is_encrypted: bool
    user: str
    password: str = field(repr=False)
    vhost: str
    files: dict[str, str]

    def context(self) -> ssl.SSLContext | None:
        """
        Return what the broker's certificate is judged by, and ours if there is one. None on a plain line.

        Files are read anew at each call: certificates are renewed while a process runs. Raises ValueError for a file
        that does not serve any more.
        """
        if not self.is_encrypted:
            return None
        try:
            context = ssl.create_default_context(cafile=self.files.get("cafile"))
        except (OSError, ValueError):
            raise ValueError("cafile must name a file of certificates in PEM format") from None
        if "certfile" in self.files:
            try:
                context.load_cert_chain(self.files["certfile"], self.files.get("keyfile"), _no_password)
            except (OSError, ValueError):
                raise ValueError(
                    "certfile and keyfile must name a certificate and its own key, in PEM format and not encrypted"
                ) from None
        return context


def parse_broker_url(url: str) -> BrokerAddress:
    """
    Take an address apart. ValueError says what to change, and quotes nothing of it: a password may stand anywhere.

    `?cafile=…` is who signs the broker's certificate, if the system does not know. `certfile` and `keyfile` are ours.
    """
    scheme = url.partition("://")[0].lower()
    if scheme not in _SCHEMES or "://" not in url:
        raise ValueError(f"must begin with one of {', '.join(f'{each}://' for each in _SCHEMES)}; {_FORM}")
    broker, is_encrypted = _SCHEMES[scheme]
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise ValueError(f"cannot be read; {_FORM}") from None
    if parts.fragment or not re.fullmatch(r"[\x21-\x7e]+", url) or "#" in url:
        raise ValueError(f"has characters that must be percent-encoded, such as # or a space; {_FORM}")
    if not _is_host(host, "[" in parts.netloc) or port == 0:
        raise ValueError(f"must name one host, and its port as a number from 1 to 65535; {_FORM}")
    user, password = _who(parts.netloc, broker)
    address = BrokerAddress(
        broker, host, port or _PORTS[scheme], is_encrypted, user, password, _vhost(parts.path, broker),
        _files(parts.query, is_encrypted),
    )  # fmt: skip
    address.context()
    return address


def _who(place: str, broker: str) -> tuple[str, str]:
    """Return name and password. NATS takes a name alone, which is a token; RabbitMQ has a guest if nobody is named."""
    given, at, _ = place.rpartition("@")
    name, colon, password = given.partition(":")
    if at and (not name or (colon and not password) or (not password and broker == RABBITMQ)):
        raise ValueError(f"must name a user and a password in front of its @, or have none; {_FORM}")
    return _decoded(name), _decoded(password)


def _vhost(path: str, broker: str) -> str:
    if broker == NATS and path not in ("", "/"):
        raise ValueError(f"must have no path: NATS has no virtual hosts; {_FORM}")
    if "/" in path[1:]:
        raise ValueError(f"must name one virtual host, whose own slashes are %2F; {_FORM}")
    return _decoded(path[1:]) or "/"


def _files(query: str, is_encrypted: bool) -> dict[str, str]:
    given = parse_qsl(query, keep_blank_values=True)
    files = {name: path for name, path in given if name in _FILES}
    if len(files) < len(given) or (query and not given):  # not quoted: it may be the rest of a password
        raise ValueError(f"may have {', '.join(_FILES)} behind its question mark, each once and nothing else; {_FORM}")
    if files and not is_encrypted:
        raise ValueError(f"has files for TLS, so it must begin with amqps:// or tls://; {_FORM}")
    if "keyfile" in files and "certfile" not in files:
        raise ValueError("has a keyfile, so it must name its certfile as well")
    for name, path in files.items():
        if "\x00" in path or not path or not os.access(path, os.R_OK) or Path(path).is_dir():
            raise ValueError(f"{name} must name a file that can be read")
    return files


def _decoded(text: str) -> str:
    try:
        plain = unquote(text, errors="strict")
    except UnicodeDecodeError:
        raise ValueError(f"has percent-encoded characters that are no UTF-8; {_FORM}") from None
    if any(unicodedata.category(character) == "Cc" for character in plain):
        raise ValueError("must have no control characters in names and password, percent-encoded ones neither")
    return plain


def _is_host(host: str, in_brackets: bool) -> bool:
    try:
        if in_brackets or re.fullmatch(r"[0-9.]+", host):
            return bool(ip_address(host))
    except ValueError:
        return False
    return bool(_HOST.fullmatch(host))


def _no_password() -> NoReturn:
    """Answer for a key that is encrypted: without this, OpenSSL would ask at the terminal."""
    raise ValueError("the key is encrypted")
