"""What is looked up by a key at each write, login and renewal of a token, among few rows and among very many."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import count
from typing import Any
from uuid import uuid4

from django.test import override_settings
from rest_framework.test import APIClient
from tqdm import tqdm

from lab.bench.figures import Figure, Target, compared
from lab.bench.http import data
from lab.bench.run import Run
from lab.database import Database
from qhse.accounts.models import User
from qhse.accounts.roles import Role
from qhse.accounts.services.tokens import issue_tokens
from qhse.accounts.services.users import create_user

FLAT = Target("≤", 1.2, "ratio")
CHUNK = 1_000_000
# As they lie in a table before they are removed: the youngest of them now, the oldest as old as they get.
FILLS = (
    "INSERT INTO api_idempotencyrecord (id, user_id, fingerprint, status, body, etag, created_at) "
    "SELECT encode(sha256(i::text::bytea), 'hex'), %(user)s, md5(i::text), 201, '{\"id\": 4711}', '', "
    "now() - interval '1 day' * (1 - i::float8 / %(of)s) FROM generate_series(%(first)s::int, %(last)s::int) AS i",
    "INSERT INTO accounts_tokenfamily (id, user_id, current, created_at, expires_at) "
    "SELECT gen_random_uuid(), %(user)s, md5(i::text), now() - interval '7 days' * (1 - i::float8 / %(of)s), "
    "now() + interval '7 days' * (i::float8 / %(of)s) FROM generate_series(%(first)s::int, %(last)s::int) AS i",
    "INSERT INTO accounts_logincounter (bucket, failures, window_started_at) "
    "SELECT 'account:' || encode(sha256(i::text::bytea), 'hex'), 1, "
    "now() - interval '1 hour' * (1 - i::float8 / %(of)s) FROM generate_series(%(first)s::int, %(last)s::int) AS i",
)
TRIES = count(1)
TABLES = ("api_idempotencyrecord", "accounts_tokenfamily", "accounts_logincounter")


@dataclass(frozen=True, slots=True)
class Side:
    """A database, and somebody who asks."""

    database: Database
    user: User


def measure(run: Run) -> Iterator[Figure]:
    """Yield the CPU of a request of each kind with very many rows, beside one with few."""
    with run.database_of_its_own("few") as few, run.database_of_its_own("many") as many:
        sides = [_side(run, few, run.sizes.few_keys), _side(run, many, run.sizes.keys)]
        costs = [dict[str, list[float]](), dict[str, list[float]]()]
        for number in range(run.sizes.rounds + 1):
            for side, found in zip(sides, costs, strict=True):
                with run.pointed_to(side.database):
                    for name, cost in _costs(run, side.user).items():
                        if number:  # the first round warms up
                            found.setdefault(name, []).append(cost)
        beside, costly = costs
        for name in beside:
            label = f"{name}, {run.sizes.keys:,} rows of its kind, beside {run.sizes.few_keys:,}; CPU"
            yield compared("keys", label, "ms", costly[name], beside[name], target=FLAT)


def _side(run: Run, database: Database, rows: int) -> Side:
    with run.pointed_to(database):
        user = create_user(username="benchmark-keys", password=None, role=Role.QUALITY, actor=None)
        data.add_suppliers()
    _fill(database, user, rows)
    return Side(database, user)


def _fill(database: Database, user: User, rows: int) -> None:
    database.execute("SET synchronous_commit = off")
    for fill in FILLS:
        for start in tqdm(range(0, rows, CHUNK), desc=fill.split()[2], disable=None):
            given = {"user": user.pk, "of": rows, "first": start + 1, "last": min(start + CHUNK, rows)}
            database.execute(fill, given)
    for table in TABLES:
        database.execute(f"VACUUM (ANALYZE) {table}")
    database.execute("CHECKPOINT")


# What is measured is looking up: a hash that takes a tenth of a second would hide it.
@override_settings(PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"])
def _costs(run: Run, user: User) -> dict[str, float]:
    """Return the milliseconds of CPU of one request of each kind."""
    client, requests = APIClient(SERVER_NAME="localhost"), run.sizes.key_requests
    bearer = {"HTTP_AUTHORIZATION": f"Bearer {issue_tokens(user).access_token}"}

    def repeat(ask: Callable[[], None]) -> None:
        for _ in range(requests):
            ask()

    return {
        name: run.spent(partial(repeat, ask)) / requests * 1000 for name, ask in _kinds(client, user, bearer).items()
    }


def _kinds(client: APIClient, user: User, bearer: dict[str, str]) -> dict[str, Callable[[], None]]:
    refresh = [issue_tokens(user).refresh_token]
    case = {"supplier_id": 1, "severity": "low", "description": "Bore out of tolerance"}

    def post(path: str, body: dict[str, Any], expected: int, **headers: str) -> Any:
        answer = client.post(path, body, format="json", **headers)  # type: ignore[arg-type]
        if answer.status_code != expected:
            raise RuntimeError(f"{path} was answered {answer.status_code}: {answer.content[:500]!r}")
        return answer.json()

    def write() -> None:
        post("/ncs", case, 201, HTTP_IDEMPOTENCY_KEY=str(uuid4()), **bearer)

    def write_again() -> None:
        post("/ncs", case, 201, HTTP_IDEMPOTENCY_KEY=f"the-same-{user.pk}", **bearer)

    def renew() -> None:
        refresh[0] = post("/auth/refresh", {"refresh_token": refresh[0]}, 200)["refresh_token"]

    def fail() -> None:
        n = next(TRIES)
        address = f"10.{n >> 16 & 255}.{n >> 8 & 255}.{n & 255}"
        post("/auth/login", {"username": f"nobody-{n}", "password": "x"}, 401, REMOTE_ADDR=address)

    return {
        "POST /ncs with a new Idempotency-Key": write,
        "POST /ncs again with the same one": write_again,
        "POST /auth/refresh": renew,
        "POST /auth/login with a wrong password, but for its hash": fail,
    }
