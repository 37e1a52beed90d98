"""Django's sessions in the database, ended by its clock, behind a check of the key that a browser sends."""

from __future__ import annotations

import re
from typing import Any

from django.contrib.sessions.backends.db import SessionStore as DatabaseSessionStore
from django.db.models.functions import Now

from qhse.database import database_time

_KEY = re.compile(r"[a-z0-9]{32}", re.ASCII)


class SessionStore(DatabaseSessionStore):
    def _validate_session_key(self, key: Any) -> bool:
        """Answer whether Django can have made this key. A NUL in a forged one would be a 500 on PostgreSQL."""
        return bool(key) and _KEY.fullmatch(key) is not None

    def _get_session_from_db(self) -> Any:
        """Return the row, unless it has ended. Django's own would ask the clock of this host."""
        row = self.model.objects.filter(session_key=self.session_key, expire_date__gt=Now()).first()
        if row is None:
            self._session_key = None
        return row

    def get_expiry_date(self, **kwargs: Any) -> Any:
        return super().get_expiry_date(**({"modification": database_time()} | kwargs))
