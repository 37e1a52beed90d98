"""Django's sessions in the database, behind a check of the key that a browser sends."""

from __future__ import annotations

import re
from typing import Any

from django.contrib.sessions.backends.db import SessionStore as DatabaseSessionStore

_KEY = re.compile(r"[a-z0-9]{32}", re.ASCII)


class SessionStore(DatabaseSessionStore):
    def _validate_session_key(self, key: Any) -> bool:
        """Answer whether Django can have made this key. A NUL in a forged one would be a 500 on PostgreSQL."""
        return bool(key) and _KEY.fullmatch(key) is not None
