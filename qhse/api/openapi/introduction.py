"""What stands above the routes in `/docs`: how all of them work, and their sections in the order of use."""

from __future__ import annotations

INTRODUCTION = """
Suppliers, non-conformities (NCs) and the audit trail of one company.

**Log in.** `POST /auth/login` with user name and password gives an `access_token`, good for five minutes, and a
`refresh_token`. Press *Authorize* and paste the access token. Programs send it as `Authorization: Bearer …`, and spend
the refresh token at `POST /auth/refresh` for a new pair. What you may do follows from your role; each call names the
roles that may make it.

**Errors** are problem documents (`application/problem+json`, RFC 9457). `code` is for programs and `detail` for people;
`errors` names each wrong field. Quote the `request_id` when you ask for help.

**Lists** are paged: `limit` from 1 to 100 (20 if you name none) and `offset`. `next` and `previous` are addresses.
Unknown parameters and choices are refused, never ignored. `Accept: text/csv`, or the media type of Excel files, gives
the whole list as a file instead.

**Repeating.** Give each `POST`, `PUT` and `PATCH` that writes an `Idempotency-Key`. The same request with the same key
is done once, and answers the same again. So a lost answer costs nothing.

**Versions of a record.** A single supplier or NC has an `ETag`. Send it as `If-Match` with a change, and the change is
refused with 412 if somebody else was quicker. The API itself has one version: paths and keys stay, new ones are added.

**Days** are `YYYY-MM-DD`, moments ISO 8601 in UTC.
""".strip()

TAGS = [
    {"name": "auth", "description": "Log in, stay logged in, log out, and who you are."},
    {"name": "suppliers", "description": "Suppliers, their certifications and their risk."},
    {"name": "certificates", "description": "What suppliers are certified by: handed in, verified by somebody else."},
    {"name": "non-conformities", "description": "Cases: record them, work on them step by step, close them."},
    {
        "name": "actions",
        "description": "What is done about a case, by whom, and whether it helped; what waits for you.",
    },
    {"name": "attachments", "description": "Evidence: files on records, by their content."},
    {"name": "imports", "description": "Tables: check a file, see every row's error, then import it."},
    {"name": "kpi", "description": "Key figures of the whole company."},
    {"name": "audit", "description": "Who changed what, when and why. Nothing changes or deletes an entry."},
    {
        "name": "outbox",
        "description": "What follows from changes, for administrators: events, their errors, and decisions.",
    },
    {
        "name": "webhooks",
        "description": "Events sent to addresses of yours, for administrators: endpoints, secrets, what was delivered.",
    },
    {"name": "operations", "description": "For who runs it: is it alive, is it ready, what does it measure."},
]
