"""Proving who somebody is by a password: limited, counted exactly, audited, and saying nothing about accounts."""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from django.conf import settings
from django.contrib.auth import authenticate
from django.db import transaction
from django.db.models import F
from django.db.models.functions import Now

from audit.services import record
from qhse.accounts.errors import CredentialsAreInvalid, LoginIsBlocked
from qhse.accounts.models import FamiliarAddress, LoginCounter, User
from qhse.accounts.tokens import REFUSAL
from qhse.observability import context
from qhse.observability.addresses import counted_address

MAX_PASSWORD_LENGTH = 128  # characters: more would only make the hash work longer


@dataclass
class _Stranger:
    """Who has not proven who he is, as audit entries name him."""

    pk: None = None
    username: str = "anonymous"
    role: str = "anonymous"


def prove_identity(*, username: str, password: str, may_enter: Callable[[User], bool] = lambda user: True) -> User:
    """
    Return the active user of this name and password, for whom `may_enter` says yes.

    Unknown user, wrong password, inactive user and one who may not enter cost one password hash each, count as a
    failure and raise the same CredentialsAreInvalid, so that nobody learns which accounts exist. After
    LOGIN_FAILURES_PER_ACCOUNT or LOGIN_FAILURES_PER_ADDRESS failures within LOGIN_WINDOW seconds it raises
    LoginIsBlocked and hashes nothing. Where an account has logged in before, only failures from there count against
    it: nobody can lock a person out of his own desk. Successes count nowhere. Each outcome leaves an audit entry, of
    blocked tries only the one that brought the block.

    The counters' rows are locked while the password is hashed, so that of any number of tries at once, in however
    many processes, no more than the limit reach the hash.
    """
    with transaction.atomic():
        # Raised outside of the transaction, because what has been counted must outlive the refusal.
        outcome = _try(username, password, may_enter)
    if isinstance(outcome, Exception):
        raise outcome
    return outcome


def _try(
    username: str, password: str, may_enter: Callable[[User], bool]
) -> User | CredentialsAreInvalid | LoginIsBlocked:
    address = counted_address(context.current().client_address)
    account = User.objects.filter(username=username).first()
    counters, wait = _open_counters(username, account, address)
    if wait:
        return LoginIsBlocked(wait)
    user = authenticate(username=username, password=password)
    if isinstance(user, User) and may_enter(user):
        _note_success(user, address)
        return user
    LoginCounter.objects.filter(pk__in=[counter.bucket for counter in counters]).update(failures=F("failures") + 1)
    _note_failure(account, [counter for counter in counters if counter.failures + 1 == _limit(counter.bucket)])
    return CredentialsAreInvalid(REFUSAL)


def _open_counters(username: str, account: User | None, address: str) -> tuple[list[LoginCounter], float]:
    """Lock the counters of this try, the address before the account, and return how long one of them blocks it."""
    by_account = f"account:{_digest(username)}"
    familiar = account is not None and FamiliarAddress.objects.filter(user=account, address=address).exists()
    if familiar:
        counter, wait = _open(f"{by_account}@{address}")
        return [counter], wait
    counters = []
    # An address that is blocked already leaves no rows for the names that it makes up.
    for bucket in (f"address:{address}", by_account):
        counter, wait = _open(bucket)
        counters.append(counter)
        if wait:
            return counters, wait
    return counters, 0


def _open(bucket: str) -> tuple[LoginCounter, float]:
    """Lock one counter, begin its window anew if that is over, and return it with the seconds that it blocks."""
    LoginCounter.objects.bulk_create([LoginCounter(bucket=bucket)], ignore_conflicts=True)
    counter = LoginCounter.objects.select_for_update().annotate(now=Now()).get(pk=bucket)
    left: timedelta = counter.window_started_at + timedelta(seconds=settings.LOGIN_WINDOW) - counter.now
    if left <= timedelta(0):
        counter.failures, counter.window_started_at = 0, counter.now
        counter.save(update_fields=["failures", "window_started_at"])
        return counter, 0
    return counter, max(1.0, left.total_seconds()) if counter.failures >= _limit(bucket) else 0


def _limit(bucket: str) -> int:
    limit: int = settings.LOGIN_FAILURES_PER_ADDRESS
    if bucket.startswith("account:"):
        limit = settings.LOGIN_FAILURES_PER_ACCOUNT
    return limit


def _digest(username: str) -> str:
    return hashlib.sha256(unicodedata.normalize("NFKC", username).casefold().encode()).hexdigest()


def _note_success(user: User, address: str) -> None:
    FamiliarAddress.objects.bulk_create(
        [FamiliarAddress(user=user, address=address, last_login_at=Now())],
        update_conflicts=True,
        unique_fields=["user", "address"],
        update_fields=["last_login_at"],
    )
    record(actor=user, action="LOGIN_SUCCEEDED", entity_type="user", entity_id=user.pk, changes={}, with_address=True)


def _note_failure(account: User | None, full: list[LoginCounter]) -> None:
    # Of an unknown name nothing is kept: it may be a password in the wrong field.
    entity_id = "unknown" if account is None else account.pk
    record(
        actor=_Stranger(), action="LOGIN_FAILED", entity_type="user", entity_id=entity_id, changes={},
        with_address=True,
    )  # fmt: skip
    for counter in full:
        whose = counter.bucket.partition(":")[0]
        record(
            actor=_Stranger(), action="LOGIN_BLOCKED", entity_type="user", entity_id=entity_id,
            changes={"failures": (0, _limit(counter.bucket))}, reason=f"too many failed logins by {whose}",
            with_address=True,
        )  # fmt: skip
