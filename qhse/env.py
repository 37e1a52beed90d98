"""Environment variables for `qhse.settings`. Every missing or bad one is reported by name, all at once."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import parse_qsl, unquote, urlsplit

from django.core.exceptions import ImproperlyConfigured
from psycopg import ProgrammingError
from psycopg.conninfo import conninfo_to_dict

T = TypeVar("T")
_FORM = "the form is postgres://user:password@host:5432/name, with special characters percent-encoded"


class Env:
    """
    One reading of the environment.

    Each reader returns a usable value and remembers a problem instead of raising it. So an operator sees the whole list
    after one start. `finish()` raises ImproperlyConfigured with it.
    """

    def __init__(self, values: Mapping[str, str]) -> None:
        self._values = values
        self._seen: set[str] = set()
        self._problems: list[str] = []

    def _read(self, name: str, default: T, parse: Callable[[str], T]) -> T:
        self._seen.add(name)
        raw = self._values.get(name, "").strip()
        if not raw:
            return default
        try:
            return parse(raw)
        except ValueError as error:
            self._problems.append(f"{name}: {error}")
            return default

    def text(self, name: str, default: str = "") -> str:
        return self._read(name, default, str)

    def required(self, name: str, *, default_outside_production: str, production: bool) -> str:
        """Return the value. In production a missing one is a problem, elsewhere the default serves."""
        value = self.text(name)
        if value or not production:
            return value or default_outside_production
        self._problems.append(f"{name}: is required when QHSE_ENV=production")
        return ""

    def choice(self, name: str, choices: Collection[str], default: str) -> str:
        def parse(raw: str) -> str:
            if raw not in choices:
                raise ValueError(f"must be one of {', '.join(sorted(choices))}, not {raw!r}")
            return raw

        return self._read(name, default, parse)

    def boolean(self, name: str, default: bool) -> bool:
        return self.choice(name, ("true", "false"), "true" if default else "false") == "true"

    def words(self, name: str, default: Collection[str] = ()) -> list[str]:
        """Return a comma-separated list."""
        return self._read(name, list(default), lambda raw: [part.strip() for part in raw.split(",") if part.strip()])

    def number(self, name: str, default: float, *, minimum: float, maximum: float) -> float:
        def parse(raw: str) -> float:
            try:
                value = float(raw)
            except ValueError:
                raise ValueError(f"must be a number, not {raw!r}") from None
            if not minimum <= value <= maximum:
                raise ValueError(f"must be between {minimum:g} and {maximum:g}, not {raw}")
            return value

        return self._read(name, default, parse)

    def address(self, name: str) -> tuple[str, int] | None:
        """Return host and port of `host:port`, None without a value."""

        def parse(raw: str) -> tuple[str, int] | None:
            host, colon, port = raw.rpartition(":")
            if not (colon and host and port.isascii() and port.isdigit() and 1 <= int(port) <= 65535):
                raise ValueError(f"must be host:port, such as 127.0.0.1:9100, not {raw!r}")
            return host.strip("[]"), int(port)

        return self._read(name, None, parse)

    def pairs(self, name: str) -> dict[str, str]:
        """Return the mapping of a comma-separated list of `theirs=ours`, in its order."""

        def parse(raw: str) -> dict[str, str]:
            pairs = [part.strip().rpartition("=") for part in raw.split(",") if part.strip()]
            if not all(left and right for left, _, right in pairs):
                raise ValueError(f"must be pairs such as theirs=ours, separated by commas, not {raw!r}")
            return {left.strip(): right.strip() for left, _, right in pairs}

        return self._read(name, {}, parse)

    def networks(self, name: str, *, words: Collection[str] = ()) -> list[Any]:
        """
        Return the networks of a comma-separated list of addresses and networks (10.0.0.0/8), and the words among them.

        An IPv4 network that is written as an IPv6 one is returned as what it is, and an address without its zone.
        """

        def parse(raw: str) -> list[Any]:
            return [part if part in words else _network(part) for part in map(str.strip, raw.split(",")) if part]

        return self._read(name, [], parse)

    def integer(self, name: str, default: int, *, minimum: int, maximum: int) -> int:
        value = self.number(name, default, minimum=minimum, maximum=maximum)
        if value != int(value):
            self._problems.append(f"{name}: must be a whole number, not {value}")
        return int(value)

    def database(self, name: str, default: str) -> dict[str, Any]:
        """Return a Django DATABASES entry for `sqlite:///relative.db`, `sqlite:////absolute.db` or `postgres://…`."""
        return self._read(name, {}, parse_database_url) or parse_database_url(default)

    def refuse_unknown(self, prefix: str) -> None:
        """Report variables of our own prefix that nothing reads. A misspelt bound would silently not hold."""
        known = ", ".join(sorted(name for name in self._seen if name.startswith(prefix)))
        for name in sorted(self._values):
            if name.startswith(prefix) and name not in self._seen:
                self._problems.append(f"{name}: is not a setting; known are {known}")

    def finish(self) -> None:
        if self._problems:
            raise ImproperlyConfigured("bad environment: " + "; ".join(self._problems))


def _network(text: str) -> IPv4Network | IPv6Network:
    plain = re.sub(r"%[^/]*", "", text)
    try:
        network = ip_network(plain, strict=False)
    except ValueError:
        raise ValueError(f"must be addresses or networks, such as 10.0.0.7 or 10.0.0.0/8, not {text!r}") from None
    if ip_address(plain.partition("/")[0]) != network.network_address:
        raise ValueError(f"must be a whole network, such as {network}, not {text!r}")
    mapped = network.network_address.ipv4_mapped if isinstance(network, IPv6Network) else None
    return ip_network((mapped, network.prefixlen - 96)) if mapped and network.prefixlen >= 96 else network


def parse_database_url(url: str) -> dict[str, Any]:
    """
    Return a Django DATABASES entry without OPTIONS of our own. ValueError says what to change.

    A PostgreSQL socket directory is given as `?host=/directory`. Several hosts are separated by commas, each with its
    port. The settings in `options` stand apart as SESSION, because they are set after connecting: poolers refuse them
    before. Other query parameters go to libpq as they are.
    """
    scheme, _, rest = url.partition("://")
    if scheme == "sqlite":
        path = unquote(urlsplit(url).path)[1:]
        if not path:
            raise ValueError("sqlite needs a file: sqlite:///var/qhse.sqlite3")
        return {"ENGINE": "django.db.backends.sqlite3", "NAME": path if path == ":memory:" else Path(path)}
    if scheme not in ("postgres", "postgresql"):
        raise ValueError("must start with sqlite:/// or postgres://")
    before_query, _, query = rest.partition("?")
    parts = _parts(f"{scheme}://{before_query}")
    options = dict(parse_qsl(query, keep_blank_values=True))
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": parts["dbname"].lstrip("/"),
        "USER": parts.get("user", ""),
        "PASSWORD": parts.get("password", ""),
        "HOST": options.pop("host", parts.get("host", "")),
        "PORT": parts.get("port", ""),
        "SESSION": _session(options.pop("options", "")),
        "OPTIONS": options,
    }


def _parts(url: str) -> dict[str, str]:
    """Take an address apart as libpq does. No message quotes it: it may hold a password."""
    try:
        parts = {name: str(value) for name, value in conninfo_to_dict(url).items()}
    except ProgrammingError:
        raise ValueError(f"cannot be read; {_FORM}") from None
    if not parts.get("dbname", "").lstrip("/"):
        raise ValueError(f"must name a database; {_FORM}")
    ports = [port for port in parts.get("port", "").split(",") if port]
    if not all(port.isascii() and port.isdigit() and 1 <= int(port) <= 65535 for port in ports):
        raise ValueError(f"a port must be a number from 1 to 65535; {_FORM}")
    return parts


def _session(options: str) -> dict[str, str]:
    """Return the settings of libpq's `options`: `-c name=value` or `--name=value`, with a backslash before spaces."""
    words = iter(re.sub(r"\\(.)", r"\1", word) for word in re.findall(r"(?:\\.|[^\s\\])+", options))
    settings = {}
    for word in words:
        given = next(words, "") if word == "-c" else word.removeprefix("-c" if word.startswith("-c") else "--")
        name, equals, value = given.partition("=")
        name = name.lower().replace("-", "_")
        if not (word.startswith(("-c", "--")) and equals and re.fullmatch(r"[a-z_][a-z0-9_.]*", name)):
            raise ValueError(f"options must be settings such as -c lock_timeout=5s, not {word!r}")
        if name in ("timezone", "client_encoding"):
            raise ValueError(f"options must not set {name}: times and texts would be misread")
        settings[name] = value
    return settings
