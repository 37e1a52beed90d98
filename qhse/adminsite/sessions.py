"""Django's sessions in the database, ended by its clock, prolonged by use, behind a check of the key from a browser."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.contrib.sessions.backends.db import SessionStore as DatabaseSessionStore
from django.db.models.functions import Now

from qhse.database import database_time

LONGEST = timedelta(days=1)  # from the login: then a person proves anew who they are, however busy they were
UNNOTED = timedelta(minutes=10)  # of use; noting each request would write a row each time
_KEY = re.compile(r"[a-z0-9]{32}", re.ASCII)


class SessionStore(DatabaseSessionStore):
    read_at: datetime | None = None  # by the database; None of a session that this request has begun
    ends_at: datetime
    has_deleted_row = False  # by this request: of several that end a session, the one that the database let do it

    def _validate_session_key(self, key: Any) -> bool:
        """Answer whether Django can have made this key. A NUL in a forged one would be a 500 on PostgreSQL."""
        return bool(key) and _KEY.fullmatch(key) is not None

    def _get_session_from_db(self) -> Any:
        """Return the row, unless it has ended. Django's own would ask the clock of this host."""
        rows = self.model.objects.annotate(now=Now())
        row = rows.filter(session_key=self.session_key, expire_date__gt=Now()).first()
        if row is None:
            self._session_key = None
        else:
            self.read_at, self.ends_at = row.now, row.expire_date
        return row

    def delete(self, session_key: str | None = None) -> None:
        """Delete the row in one statement. Django's own reads it first, and does not know who was quicker."""
        deleted, _ = self.model.objects.filter(session_key=session_key or self.session_key).delete()
        self.has_deleted_row = self.has_deleted_row or deleted > 0

    def get_expiry_date(self, **kwargs: Any) -> Any:
        return super().get_expiry_date(**({"modification": database_time()} | kwargs))

    def prolong(self) -> bool:
        """Let the session last SESSION_COOKIE_AGE seconds from now. False when it has lasted LONGEST, and must end."""
        self._get_session()  # type: ignore[attr-defined]
        if self.read_at is None:
            return True
        if "begun_at" not in self:
            self["begun_at"] = self.read_at.isoformat()
        if self.read_at - datetime.fromisoformat(self["begun_at"]) > LONGEST:
            return False
        if self.ends_at - self.read_at < timedelta(seconds=settings.SESSION_COOKIE_AGE) - UNNOTED:
            self.modified = True  # so that Django stores it with a new end, and sends the cookie again
        return True
