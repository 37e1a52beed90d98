"""Environment variables for `qhse.settings`. Every missing or bad one is reported by name, all at once."""

from __future__ import annotations

import os
import re
import unicodedata
from collections.abc import Callable, Collection, Mapping
from difflib import get_close_matches
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

from django.core.exceptions import ImproperlyConfigured

from qhse.broker_url import parse_broker_url
from qhse.database_url import parse_database_url

T = TypeVar("T")

_NUMBER = re.compile(r"[+-]?[0-9]{1,15}(?:\.[0-9]{1,15})?", re.ASCII)
_LABELS = r"[a-z0-9-]+(?:\.[a-z0-9-]+)*"
_NAME_OR_IPV6 = rf"(?:{_LABELS}|\[[0-9a-f:.]+\])"
_HOST = re.compile(rf"\*|\.{_LABELS}|{_NAME_OR_IPV6}", re.ASCII)
_ORIGIN = re.compile(rf"https?://(?:\*\.{_LABELS}|{_NAME_OR_IPV6})(?::[0-9]{{1,5}})?", re.ASCII)
_BIND = re.compile(rf"({_NAME_OR_IPV6}):([0-9]{{1,5}})", re.ASCII)
# What Kubernetes and Docker put into every container for each service that they know. A service called `outbox` is no
# misspelt setting of ours.
_LINK = re.compile(r"\w+_(SERVICE_HOST|SERVICE_PORT(_\w+)?|PORT_[0-9]+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?|ENV_\w+)")
_LINKED = re.compile(r"\w+_PORT=(tcp|udp|sctp)://.*|\w+_NAME=/.*")
_LIKENESS = 0.85  # from which on another name may be a misspelt one of ours


def choose_settings() -> None:
    """Name our settings to Django, unless others are named. An empty name is none, as with every variable."""
    if not os.environ.get("DJANGO_SETTINGS_MODULE", "").strip():
        os.environ["DJANGO_SETTINGS_MODULE"] = "qhse.settings"


class Env:
    """
    One reading of the environment.

    Each reader returns a usable value and remembers a problem instead of raising it. So an operator sees the whole list
    after one start. `finish()` raises ImproperlyConfigured with it. A value that is read as `secret` is never quoted.
    Readers check the form of a value: what would only fail at its first use fails here.
    """

    def __init__(self, values: Mapping[str, str]) -> None:
        self._values = values
        self._seen: set[str] = set()
        self._problems: list[str] = []

    @property
    def names(self) -> frozenset[str]:
        """All that was asked for."""
        return frozenset(self._seen)

    def refuse(self, name: str, why: str) -> None:
        """Remember a problem that only the caller can see."""
        self._problems.append(f"{name}: {why}")

    def _read(self, name: str, default: T, parse: Callable[[str], T], *, quotes: bool = False) -> T:
        self._seen.add(name)
        # Secrets that come from files end in a line break.
        raw = self._values.get(name, "").strip()
        if not raw:
            return default
        try:
            return parse(_plain(raw, quotes))
        except ValueError as error:
            self.refuse(name, str(error))
            return default

    def leave(self, *names: str) -> None:
        """Know names that others read."""
        self._seen.update(names)

    def text(self, name: str, default: str = "", *, form: str = "", example: str = "", secret: bool = False) -> str:
        """Return a text, which the regular expression `form` must describe as a whole, if there is one."""

        def parse(raw: str) -> str:
            if form and not re.fullmatch(form, raw, re.ASCII):
                raise ValueError(f"must be {example}" + ("" if secret else f", not {raw!r}"))
            return raw

        return self._read(name, default, parse)

    def required(
        self, name: str, *, default_outside_production: str, production: bool, form: str = "", example: str = ""
    ) -> str:
        """Return a secret. In production a missing one is a problem, elsewhere the default serves."""
        value = self.text(name, form=form, example=example, secret=True)
        if value or not production:
            return value or default_outside_production
        if not self._values.get(name, "").strip():
            self.refuse(name, "is required when QHSE_ENV=production")
        return ""

    def choice(self, name: str, choices: Collection[str], default: str) -> str:
        return self._read(name, default, lambda raw: _one_of(raw, choices))

    def choices(self, name: str, choices: Collection[str], default: Collection[str]) -> list[str]:
        """Return a comma-separated list of some of these."""
        return self._read(name, list(default), lambda raw: [_one_of(part, choices) for part in _parts(raw)])

    def boolean(self, name: str, default: bool) -> bool:
        return self.choice(name, ("true", "false"), "true" if default else "false") == "true"

    def words(self, name: str, default: Collection[str] = (), *, with_commas: bool = False) -> list[str]:
        """
        Return a comma-separated list. Quotes are part of what stands in them.

        Words that were made elsewhere may hold commas themselves. `with_commas` adds each run of neighbours as one
        word, as it stands there.
        """
        return self._read(name, list(default), _runs if with_commas else _parts, quotes=True)

    def number(self, name: str, default: float, *, minimum: float, maximum: float) -> float:
        return self._number(name, default, minimum, maximum, "a number")

    def integer(self, name: str, default: int, *, minimum: int, maximum: int) -> int:
        return int(self._number(name, default, minimum, maximum, "a whole number"))

    def integers(self, name: str, default: tuple[int, ...], *, minimum: int, maximum: int) -> list[int]:
        """Return as many whole numbers as the default has, of a comma-separated list."""

        def parse(raw: str) -> list[int]:
            parts = _parts(raw)
            whole = [int(part) for part in parts if re.fullmatch(r"[0-9]{1,9}", part, re.ASCII)]
            if (
                len(parts) != len(default)
                or len(whole) != len(default)
                or not all(minimum <= n <= maximum for n in whole)
            ):
                example = ",".join(map(str, default))
                raise ValueError(
                    f"must be {len(default)} whole numbers from {minimum} to {maximum} with commas between them, "
                    f"such as {example}, not {raw[:40]!r}"
                )
            return whole

        return self._read(name, list(default), parse)

    def _number(self, name: str, default: float, minimum: float, maximum: float, kind: str) -> float:
        def parse(raw: str) -> float:
            value = float(raw) if _NUMBER.fullmatch(raw) else None
            if value is None or not minimum <= value <= maximum or ("whole" in kind and value != int(value)):
                bounds = f"from {minimum:.15g} to {maximum:.15g}"
                raise ValueError(f"must be {kind} {bounds} without a unit, such as {default:.15g}, not {raw[:40]!r}")
            return value

        return self._read(name, default, parse)

    def address(self, name: str) -> tuple[str, int] | None:
        """Return host and port of `host:port`, None without a value."""

        def parse(raw: str) -> tuple[str, int] | None:
            parts = _BIND.fullmatch(raw.lower())
            if not parts or not 1 <= int(parts[2]) <= 65535 or not _is_host(parts[1]):
                raise ValueError(f"must be host:port, such as 127.0.0.1:9100 or [::1]:9100, not {raw!r}")
            return parts[1].strip("[]"), int(parts[2])

        return self._read(name, None, parse)

    def hosts(self, name: str, default: Collection[str] = ()) -> list[str]:
        """Return names as a Host header may hold them, without its port. `.example.com` has all below it."""

        def host(text: str) -> str:
            if not _HOST.fullmatch(text.lower()) or not _is_host(text):
                example = "qhse.example.com, .example.com, 192.0.2.7 or [2001:db8::7]"
                raise ValueError(f"must be host names without scheme and port, such as {example}, not {text!r}")
            return text.lower()

        return self._read(name, list(default), lambda raw: [host(part) for part in _parts(raw)])

    def origins(self, name: str) -> list[str]:
        """Return origins as a browser sends them."""

        def origin(text: str) -> str:
            usual = text.lower().endswith((":443", ":80"))  # a browser leaves those out
            if usual or not _ORIGIN.fullmatch(text.lower()) or not _is_url(text):
                example = "https://qhse.example.com or https://qhse.example.com:8443"
                raise ValueError(f"must be origins without path and usual port, such as {example}, not {text!r}")
            return text.lower()

        return self._read(name, [], lambda raw: [origin(part) for part in _parts(raw)])

    def broker(self, name: str) -> str:
        """Return the address of a message broker. It is not quoted, because a password may stand in it."""

        def parse(raw: str) -> str:
            parse_broker_url(raw)
            return raw

        return self._read(name, "", parse)

    def url(self, name: str) -> str:
        """Return the address of something on the web. It is not quoted, because a password may stand in it."""

        def parse(raw: str) -> str:
            if not _is_url(raw):
                raise ValueError("must be an address, such as https://login.example.com/realms/quality")
            return raw

        return self._read(name, "", parse)

    def pairs(self, name: str) -> dict[str, str]:
        """Return the mapping of a comma-separated list of `theirs=ours`, in its order."""

        def parse(raw: str) -> dict[str, str]:
            pairs = [(left.strip(), right.strip()) for left, _, right in (part.rpartition("=") for part in _parts(raw))]
            if not all(left and right for left, right in pairs):
                raise ValueError(f"must be pairs such as theirs=ours, separated by commas, not {raw!r}")
            if repeated := sorted({left for left, _ in pairs if sum(left == each for each, _ in pairs) > 1}):
                raise ValueError(f"must give each name once, and gives {', '.join(repeated)} several times")
            return dict(pairs)

        return self._read(name, {}, parse)

    def networks(self, name: str, *, words: Collection[str] = ()) -> list[Any]:
        """
        Return the networks of a comma-separated list of addresses and networks (10.0.0.0/8), and the words among them.

        An IPv4 network that is written as an IPv6 one is returned as what it is, and an address without its zone.
        """
        return self._read(name, [], lambda raw: [part if part in words else _network(part) for part in _parts(raw)])

    def database(self, name: str, default: str = "") -> dict[str, Any]:
        """
        Return a Django DATABASES entry for `sqlite:///relative.db`, `sqlite:////absolute.db` or `postgres://…`.

        Without a value and a default it is empty.
        """
        return self._read(name, {}, parse_database_url) or (parse_database_url(default) if default else {})

    def demand_file(self, name: str, path: Path) -> None:
        """Make the directory of a database's file. It and the file must be writable."""
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            self.refuse(name, f"the directory {path.parent} cannot be made ({error.strerror})")
            return
        if path.is_dir() or not all(os.access(each, os.W_OK) for each in (path.parent, path) if each.exists()):
            self.refuse(name, f"{path} must be a file, and it and its directory writable")

    def directory(self, name: str, default: str, *, base: Path, outside: Collection[Path]) -> Path:
        """Return the path of a directory that shares nothing with those `outside` of it. It need not be there yet."""

        def parse(raw: str) -> Path:
            path = base.joinpath(raw).resolve()
            if any(path == each or each in path.parents or path in each.parents for each in outside):
                raise ValueError(f"must be a directory of its own, that nobody serves, not {str(path)!r}")
            return path

        return self._read(name, base / default, parse)

    def refuse_unknown(self, prefix: str) -> None:
        """Report variables of our own prefix that nothing reads. A misspelt bound would silently not hold."""
        known = ", ".join(sorted(name for name in self._seen if name.startswith(prefix)))
        for name in self._strangers():
            if name.startswith(prefix):
                self.refuse(name, f"is not a setting; known are {known}")

    def lookalikes(self) -> list[tuple[str, str]]:
        """Return names that nothing reads, each with the one of ours that it resembles and that has no value."""
        unset = [name for name in self._seen if not self._values.get(name, "").strip()]
        likely = {name: get_close_matches(name, unset, 1, _LIKENESS) for name in self._strangers() if len(name) > 5}
        return [(name, meant[0]) for name, meant in likely.items() if meant]

    def _strangers(self) -> list[str]:
        strangers = sorted(name for name in self._values if name not in self._seen)
        return [
            name
            for name in strangers
            if not _LINK.fullmatch(name) and not _LINKED.fullmatch(f"{name}={self._values[name]}")
        ]

    def finish(self) -> None:
        if self._problems:
            raise ImproperlyConfigured("bad environment: " + "; ".join(self._problems))


def _plain(raw: str, quotes: bool) -> str:
    """Refuse what no value may hold. The message does not tell the value, which may be a secret."""
    if any(unicodedata.category(character) in ("Cc", "Cs") for character in raw):
        raise ValueError("must be one line of UTF-8, without control characters")
    if not quotes and raw[0] in "'\"" and raw[-1] == raw[0]:
        raise ValueError("stands in quotes, which become part of the value here; leave them out")
    return raw


def _parts(raw: str) -> list[str]:
    parts = [part for each in raw.split(",") if (part := each.strip())]
    if not parts:
        raise ValueError("must name something between its commas, or be empty")
    return parts


def _runs(raw: str) -> list[str]:
    pieces = raw.split(",")
    size = len(pieces)
    runs = [",".join(pieces[begin:end]).strip() for begin in range(size) for end in range(begin + 1, size + 1)]
    return list(dict.fromkeys(_parts(raw) + [run for run in runs if run.strip(", ")]))


def _one_of(text: str, choices: Collection[str]) -> str:
    if text not in choices:
        raise ValueError(f"must be one of {', '.join(sorted(choices))}, not {text!r}")
    return text


def _is_host(text: str) -> bool:
    """Answer whether what has the form of an IPv6 address, or of an IPv4 one, is one."""
    try:
        if text.startswith("[") or re.fullmatch(r"[0-9.]+", text):
            ip_address(text.strip("[]"))
    except ValueError:
        return False
    return True


def _is_url(text: str) -> bool:
    try:
        parts = urlsplit(text)
        host, port = parts.hostname, parts.port
    except ValueError:
        return False
    fitting = parts.scheme in ("http", "https") and bool(host) and port != 0 and not parts.fragment
    return fitting and bool(re.fullmatch(r"[\x21-\x7e]+", text))


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
