"""DATABASE_URL, taken apart as PostgreSQL's own client does it. What it refuses at the first use is refused here."""

from __future__ import annotations

import os
import re
from difflib import get_close_matches
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote

from psycopg import ProgrammingError, pq
from psycopg.conninfo import conninfo_to_dict, make_conninfo

_FORM = "the form is postgres://user:password@host:5432/name, with special characters percent-encoded"
_OF_DJANGO = ("assume_role",)  # a role to take on after connecting
_KNOWN = frozenset(option.keyword.decode() for option in pq.Conninfo.get_defaults())
_NUMBERS = ("connect_timeout", "keepalives", "keepalives_idle", "keepalives_interval", "keepalives_count",
            "tcp_user_timeout")  # fmt: skip
_FILES = ("sslrootcert", "sslcert", "sslkey", "sslcrl", "sslcrldir", "passfile")
_WHERE_AND_WHO = ("host", "hostaddr", "user", "password", "dbname", "service", "passfile")


def parse_database_url(url: str) -> dict[str, Any]:
    """
    Return a Django DATABASES entry without OPTIONS of our own. ValueError says what to change, and quotes no password.

    A PostgreSQL socket directory is given as `?host=/directory`. Several hosts are separated by commas, each with its
    port. The settings in `options` stand apart as SESSION, because they are set after connecting: poolers refuse them
    before. Other query parameters go to libpq as they are.
    """
    scheme, _, rest = url.partition("://")
    if scheme == "sqlite":
        return {"ENGINE": "django.db.backends.sqlite3", "NAME": _sqlite_file(rest)}
    if scheme not in ("postgres", "postgresql"):
        raise ValueError("must start with sqlite:/// or postgres://")
    before_query, _, query = rest.partition("?")
    own = {name: value for name, value in parse_qsl(query, keep_blank_values=True) if name in _OF_DJANGO}
    options = _parts(f"{scheme}://{before_query}", query)
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": options.pop("dbname"),
        "USER": options.pop("user", ""),
        "PASSWORD": options.pop("password", ""),
        "HOST": options.pop("host", ""),
        "PORT": options.pop("port", ""),
        "SESSION": _session(options.pop("options", "")),
        "OPTIONS": options | own,
    }


def _sqlite_file(rest: str) -> str | Path:
    path = unquote(rest.removeprefix("/"))
    if not rest.startswith("/") or not path or re.search(r"[?#]", rest):
        raise ValueError("sqlite needs a file alone: sqlite:///var/qhse.sqlite3, or sqlite:////srv/qhse.sqlite3")
    return path if path == ":memory:" else Path(path)


def _parts(address: str, query: str) -> dict[str, str]:
    """Take an address apart as libpq does. No message quotes it: it may hold a password."""
    given = [each for each in query.split("&") if each and each.partition("=")[0] not in _OF_DJANGO]
    for name in (each.partition("=")[0] for each in given):
        if name not in _KNOWN:  # not quoted: it may be the rest of a password with a question mark
            meant = "".join(f", perhaps {each}" for each in get_close_matches(name, _KNOWN, 1))
            raise ValueError(f"has a parameter after its ? that PostgreSQL's client does not know{meant}; {_FORM}")
    try:
        # A plus is a space to whoever makes queries of forms, and a plus to libpq.
        parts = conninfo_to_dict(f"{address}?{'&'.join(given).replace('+', '%20')}")
    except ProgrammingError:
        raise ValueError(f"cannot be read; {_FORM}") from None
    found = {name: str(value) for name, value in parts.items()}
    found["dbname"] = found.get("dbname", "").lstrip("/")
    if not found["dbname"]:
        raise ValueError(f"must name a database; {_FORM}")
    _demand_usable(found)
    return found


def _demand_usable(parts: dict[str, str]) -> None:
    ports = [port for port in parts.get("port", "").split(",") if port]
    if not all(port.isascii() and port.isdigit() and 1 <= int(port) <= 65535 for port in ports):
        raise ValueError(f"a port must be a number from 1 to 65535; {_FORM}")
    for name in _NUMBERS:
        if name in parts and not re.fullmatch(r"-?[0-9]{1,9}", parts[name], re.ASCII):
            raise ValueError(f"{name} must be a whole number, such as {name}=5, not {parts[name]!r}")
    for name in _FILES:
        if name in parts and parts[name] != "system" and not os.access(parts[name], os.R_OK):
            raise ValueError(f"{name} names a file that cannot be read: {parts[name]}")
    # libpq looks at the rest before it looks for a server. Here it finds none: a socket in the root directory.
    others = {name: value for name, value in parts.items() if name not in _WHERE_AND_WHO}
    hosts = ",".join("/" for _ in parts.get("host", "").split(","))
    line = pq.PGconn.connect_start(make_conninfo(host=hosts, dbname="x", user="x", **others).encode())
    complaint = line.error_message.decode(errors="replace").strip()
    line.finish()
    if not complaint.startswith("connection to server"):
        raise ValueError(f"is refused by PostgreSQL's client: {complaint}")


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
