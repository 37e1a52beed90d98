"""People's words for what happens to users and their logins."""

from __future__ import annotations

from audit.words import Field, Group, Words, register
from qhse.accounts.roles import Role

register(
    Words(
        record="user",
        name="user",
        group=Group.PEOPLE,
        happened={
            "USER_CREATED": "User recorded",
            "USER_CHANGED": "User changed",
            "USER_PASSWORD_SET": "User password set",
            "USER_PSEUDONYMISED": "Name replaced by a pseudonym",
            "LOGIN_SUCCEEDED": "Logged in",
            "LOGIN_FAILED": "Login failed",
            "LOGIN_BLOCKED": "Login blocked after too many failures",
            "LOGGED_OUT": "Logged out",
            "TOKEN_REUSED": "Spent token used again, login ended",
        },
        fields={
            "username": Field("user name"),
            "email": Field("e-mail address"),
            "first_name": Field("first name"),
            "last_name": Field("last name"),
            "role": Field("role", choices=dict(Role.choices)),
            "is_staff": Field("may use the admin site"),
            "is_active": Field("active"),
            "failures": Field("failed logins"),
        },
    )
)
