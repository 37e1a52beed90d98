"""
One process of the audit benchmark: `python -m lab.bench.audit_process write N`, `… seal SECONDS` or `… raw`.

`write` and `seal` connect, say so, and begin at the first line of their input. `write` sets N certification dates, each
with its audit entry and its event. `seal` seals every so many seconds until the next line.

`raw` does the least that a verifier could do. It reads the whole trail with a server-side cursor, encodes and hashes
each entry, and prints how many there were.
"""

from __future__ import annotations

import hashlib
import json
import os
import select
import sys
from datetime import date, timedelta

import django

from qhse.env import choose_settings

choose_settings()
django.setup()

from django.db import connection, transaction  # noqa: E402 (needs the apps)

from audit.proof.sealing import Sealer  # noqa: E402
from qhse.accounts.roles import Role  # noqa: E402
from qhse.accounts.services.users import create_user  # noqa: E402
from suppliers.services import create_supplier, update_certification  # noqa: E402


def write(times: int) -> None:
    name = f"Benchmark {os.getpid()}"
    user = create_user(username=name.replace(" ", "-"), password=None, role=Role.ADMIN, actor=None)
    supplier = create_supplier(name=name, actor=user)
    _begin()
    for number in range(times):
        expiry = date(2030, 1, 1) + timedelta(days=number)
        update_certification(supplier_id=supplier.pk, certification_expiry=expiry, actor=user, reason="measured")
    print("written", flush=True)


def seal(seconds: float) -> None:
    connection.ensure_connection()
    _begin()
    sealer = Sealer()
    while not select.select([sys.stdin], [], [], seconds)[0]:
        sealer()
    while sealer().sealed:
        pass
    print("sealed", flush=True)


def raw() -> None:
    connection.ensure_connection()
    names = "id, actor_id, actor_role, action, entity_type, entity_id, changes, reason, source, request_id, created_at"
    count = 0
    with transaction.atomic(), connection.connection.cursor("trail") as cursor:
        cursor.itersize = 1_000
        for row in cursor.execute(f"SELECT {names} FROM audit_auditentry ORDER BY id"):
            document = dict(zip(names.split(", "), row, strict=True)) | {"created_at": row[-1].isoformat()}
            hashlib.sha256(json.dumps(document, sort_keys=True, separators=(",", ":")).encode()).digest()
            count += 1
    print(count)


def _begin() -> None:
    print("ready", flush=True)
    sys.stdin.readline()


if __name__ == "__main__":
    what, *arguments = sys.argv[1:]
    if what == "write":
        write(int(arguments[0]))
    elif what == "seal":
        seal(float(arguments[0]))
    else:
        raw()
