"""Proving who somebody is by a password. Tries are limited, counted exactly and audited."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from django.conf import settings
from django.contrib.auth import authenticate
from django.db import transaction
from django.db.models import F
from django.db.models.functions import Now

from audit.services import record
from qhse.accounts.errors import REFUSAL, CredentialsAreInvalid, LoginIsBlocked
from qhse.accounts.models import FamiliarAddress, LoginCounter, User
from qhse.accounts.services.tokens import TokenPair, issue_tokens
from qhse.accounts.usernames import username_key
from qhse.observability import context


@dataclass
class _Stranger:
    """Somebody who has not proven who they are, as audit entries name them."""

    pk: None = None
    username: str = "anonymous"
    role: str = "anonymous"


def log_in(*, username: str, password: str) -> TokenPair:
    """
    Return tokens for a user who proves who they are.

    Raises CredentialsAreInvalid and LoginIsBlocked: see `prove_identity`.
    """
    proven = prove_identity(username=username, password=password)
    with transaction.atomic():
        # Locked and compared, because somebody may have set a new password, or deactivated the user, since it was
        # read: whoever does so locks the user too, and ends the logins that are there.
        user = User.objects.select_for_update(no_key=True).filter(pk=proven.pk).first()
        if user is None or not user.is_active or user.password != proven.password:
            raise CredentialsAreInvalid(REFUSAL)
        return issue_tokens(user)


@transaction.atomic
def note_logout(user: User) -> None:
    """Record that a person has ended their session of the admin site. The API's logout revokes tokens: see there."""
    record(actor=user, action="LOGGED_OUT", entity_type="user", entity_id=user.pk, changes={}, with_address=True)


def prove_identity(
    *, username: str, password: str, may_enter: Callable[[User], bool] = lambda user: True, purpose: str = ""
) -> User:
    """
    Return the active user of this name and password, for whom `may_enter` says yes.

    Unknown user, wrong password, inactive user and one who may not enter get the same answer: CredentialsAreInvalid.
    Each costs one password hash and counts as a failure. So nobody learns which accounts exist.

    After LOGIN_FAILURES_PER_ACCOUNT or LOGIN_FAILURES_PER_ADDRESS failures within LOGIN_WINDOW seconds it raises
    LoginIsBlocked and hashes nothing. The counters are locked while the password is hashed: of any number of tries at
    once, in any number of processes, no more than the limit reach the hash. Successes count nowhere.

    At an address from which the account has logged in before it has a count of its own, and failures elsewhere do not
    block it. So nobody far away can lock a person out of their own desk.

    Where the address is not known, failures count for the account alone. One count for all unknown ones would let
    anybody lock out everybody.

    Each outcome leaves an audit entry with the `purpose`. Of blocked tries, only the one that brought the block does.
    """
    with transaction.atomic():
        # Raised outside of the transaction, because what has been counted must outlive the refusal.
        outcome = _try(username, password, may_enter, purpose)
    if isinstance(outcome, Exception):
        raise outcome
    return outcome


def _try(
    username: str, password: str, may_enter: Callable[[User], bool], purpose: str
) -> User | CredentialsAreInvalid | LoginIsBlocked:
    address = context.current().counted_address
    account = User.objects.named(username)
    counters, wait, wait_of_strangers = _open_counters(username, account, address)
    if wait:
        return LoginIsBlocked(wait)
    user = authenticate(username=username, password=password)
    if isinstance(user, User) and may_enter(user):
        _note_success(user, address, purpose)
        return user
    LoginCounter.objects.filter(pk__in=[counter.bucket for counter in counters]).update(failures=F("failures") + 1)
    full = [counter for counter in counters if counter.failures + 1 == _limit(counter.bucket)]
    _note_failure(account, full, purpose)
    # As whoever has not logged in from here is answered, so that a guesser does not learn who has.
    return LoginIsBlocked(wait_of_strangers) if wait_of_strangers else CredentialsAreInvalid(REFUSAL)


AHEAD = timedelta(minutes=1)


def _open_counters(username: str, account: User | None, address: str) -> tuple[list[LoginCounter], float, float]:
    """
    Lock the counters of this try. All tries lock in one order: address, account, account at this address. An address
    that is not known has no counter, and is familiar to nobody.

    Return the counters that a failure adds to, the seconds for which the try is blocked, and those for an account that
    has never logged in from this address.
    """
    by_account = f"account:{_digest(username)}"
    if not address:
        of_account, wait = _open(by_account)
        return [of_account], wait, wait
    # A blocked address blocks everybody on it, and leaves no rows for the names that it makes up.
    of_address, wait = _open(f"address:{address}")
    if wait:
        return [], wait, wait
    of_account, wait = _open(by_account)
    if account is None or not FamiliarAddress.objects.filter(user=account, address=address).exists():
        return [of_address, of_account], wait, wait
    own, own_wait = _open(f"{by_account}@{address}")
    return [of_address, own], own_wait, wait


def _open(bucket: str) -> tuple[LoginCounter, float]:
    """
    Lock one counter and return it with the seconds that it blocks. A window that is over begins anew.

    So does one that was begun by a clock that was ahead. Not by moments: who waited for the lock asked before.
    """
    LoginCounter.objects.bulk_create([LoginCounter(bucket=bucket)], ignore_conflicts=True)
    counter = LoginCounter.objects.select_for_update().annotate(now=Now()).get(pk=bucket)
    left: timedelta = counter.window_started_at + timedelta(seconds=settings.LOGIN_WINDOW) - counter.now
    if left <= timedelta(0) or counter.window_started_at > counter.now + AHEAD:
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
    return hashlib.sha256(username_key(username).encode("utf-8", "surrogatepass")).hexdigest()


def _note_success(user: User, address: str, purpose: str) -> None:
    if address:
        FamiliarAddress.objects.bulk_create(
            [FamiliarAddress(user=user, address=address, last_login_at=Now())],
            update_conflicts=True,
            unique_fields=["user", "address"],
            update_fields=["last_login_at"],
        )
    record(
        actor=user, action="LOGIN_SUCCEEDED", entity_type="user", entity_id=user.pk, changes={}, reason=purpose,
        with_address=True,
    )  # fmt: skip


def _note_failure(account: User | None, full: list[LoginCounter], purpose: str) -> None:
    # Of an unknown name nothing is kept: it may be a password in the wrong field.
    entity_id = "unknown" if account is None else account.pk
    record(
        actor=_Stranger(), action="LOGIN_FAILED", entity_type="user", entity_id=entity_id, changes={}, reason=purpose,
        with_address=True,
    )  # fmt: skip
    for counter in full:
        whose = counter.bucket.partition(":")[0]
        record(
            actor=_Stranger(), action="LOGIN_BLOCKED", entity_type="user", entity_id=entity_id,
            changes={"failures": (0, _limit(counter.bucket))}, reason=f"too many failed logins by {whose}",
            with_address=True,
        )  # fmt: skip
