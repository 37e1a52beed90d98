"""What the checker asks: the SQL for each kind of fault. Nothing of what it judges is imported."""

from __future__ import annotations

from typing import Any

from lab.chaos.instruments.effects import CALIBRATE, HANDLERS

Query = tuple[str, dict[str, Any]]

# --- Lost, phantom, duplicate: the callers' side --------------------------------------------------------------------

# Kind of write → the tokens of those that are stored.
STORED = {
    "supplier": "SELECT name FROM suppliers_supplier",
    "certification": "SELECT reason FROM audit_auditentry WHERE action = 'SUPPLIER_CERT_UPDATED'",
    "nc": "SELECT description FROM ncs_nonconformity",
    "close": "SELECT closure_reason FROM ncs_nonconformity WHERE status = 'CLOSED'",
    "merger": "SELECT reason FROM audit_auditentry WHERE action = 'SUPPLIER_MERGED'",
    "verification": "SELECT verification_note FROM ncs_correctiveaction WHERE verification_note <> ''",
    "certificate": "SELECT number FROM suppliers_certificate",
    "certificate verification": "SELECT verify_ref FROM suppliers_certificate WHERE verify_ref <> ''",
    "requeue": "SELECT reason FROM audit_auditentry WHERE action = 'OUTBOX_EVENT_REQUEUED'",
    "user": "SELECT email FROM accounts_user WHERE email <> ''",
    # With those that have been handled and pruned: their effects stay.
    "reading": """
        SELECT aggregate_id || '/' || (payload->>'position') FROM outbox_outboxevent
        WHERE event_type LIKE 'LAB_GAUGE_%'
        UNION ALL SELECT DISTINCT f.aggregate_id || '/' || f.position FROM chaos_effect f
        WHERE NOT EXISTS (SELECT FROM outbox_outboxevent e WHERE e.event_id = f.event_id)
    """,
}

# --- Torn: what belongs together ------------------------------------------------------------------------------------

_COUNTS = """
SELECT %(what)s || ' ' || key || ': ' || sum(rows) || ' rows, ' || sum(entries) || ' audit entries, ' || sum(events)
    || ' events'
FROM (
    {rows}
    UNION ALL SELECT entity_id, 0, 1, 0 FROM audit_auditentry WHERE action = %(action)s
    UNION ALL SELECT aggregate_id, 0, 0, 1 FROM outbox_outboxevent WHERE event_type = %(action)s
) AS counted (key, rows, entries, events)
GROUP BY key HAVING {wrong}
"""
_ONE_OF_EACH = "(sum(rows), sum(entries), sum(events)) <> (1, 1, 1)"
_AS_MANY = "sum(entries) <> sum(events)"
_NOTHING = "SELECT '', 0, 0, 0 WHERE false"


def _counts(what: str, action: str, rows: str = "") -> Query:
    """Return a query for records whose rows, audit entries and events differ in number."""
    source = f"SELECT id::text, 1, 0, 0 FROM {rows}" if rows else _NOTHING
    sql = _COUNTS.format(rows=source, wrong=_ONE_OF_EACH if rows else _AS_MANY)
    return sql, {"what": what, "action": action}


TORN: tuple[Query, ...] = (
    _counts("supplier", "SUPPLIER_CREATED", "suppliers_supplier"),
    _counts("NC", "NC_CREATED", "ncs_nonconformity"),
    _counts("closing of NC", "NC_CLOSED", "ncs_nonconformity WHERE status = 'CLOSED'"),
    _counts("certification of supplier", "SUPPLIER_CERT_UPDATED"),
    _counts("correction of supplier", "SUPPLIER_CORRECTED"),
    _counts("status of supplier", "SUPPLIER_STATUS_CHANGED"),
    (  # what is merged has one entry and one event; so has the supplier that is left, and no case was left behind
        """
        SELECT 'merger of supplier ' || s.id FROM suppliers_supplier s
        WHERE (s.merged_into_id IS NOT NULL) <> EXISTS (
                SELECT FROM audit_auditentry WHERE action = 'SUPPLIER_MERGED' AND entity_id = s.id::text)
            OR (s.merged_into_id IS NOT NULL AND EXISTS (SELECT FROM ncs_nonconformity WHERE supplier_id = s.id))
            OR (SELECT count(*) FROM audit_auditentry
                WHERE action IN ('SUPPLIER_MERGED', 'SUPPLIER_TAKEN_IN') AND entity_id = s.id::text)
                <> (SELECT count(*) FROM outbox_outboxevent
                    WHERE event_type = 'SUPPLIER_MERGED' AND aggregate_id = s.id::text)
        """,
        {},
    ),
    (  # events of an action are of its case, so that they are told apart by their payload
        """
        SELECT kind || ' of action ' || key || ': ' || sum(entries) || ' audit entries, ' || sum(events) || ' events'
        FROM (
            SELECT entity_id, action, 1, 0 FROM audit_auditentry WHERE left(action, 5) = 'CAPA_'
            UNION ALL SELECT payload->>'action_id', event_type, 0, 1 FROM outbox_outboxevent
            WHERE left(event_type, 5) = 'CAPA_'
        ) AS counted (key, kind, entries, events)
        GROUP BY key, kind HAVING sum(entries) <> sum(events)
        """,
        {},
    ),
    (
        """
        SELECT 'actions of NC ' || n.id || ' are counted wrong'
        FROM ncs_nonconformity n LEFT JOIN ncs_correctiveaction a ON a.nc_id = n.id GROUP BY n.id
        HAVING n.actions_open <> count(*) FILTER (WHERE a.status IN ('OPEN', 'IN_PROGRESS'))
            OR n.actions_to_verify <> count(*) FILTER (WHERE a.status = 'DONE')
            OR n.actions_effective <> count(*) FILTER (WHERE a.status = 'EFFECTIVE')
        """,
        {},
    ),
    (
        """
        SELECT 'action ' || a.id || ' was not effective and has no follow-up' FROM ncs_correctiveaction a
        LEFT JOIN ncs_correctiveaction f ON f.follow_up_of_id = a.id WHERE a.status = 'INEFFECTIVE' AND f.id IS NULL
        """,
        {},
    ),
    (  # events of a certificate are of its supplier, so that they are told apart by their payload
        """
        SELECT kind || ' of certificate ' || key || ': ' || sum(entries) || ' audit entries, ' || sum(events)
            || ' events'
        FROM (
            SELECT entity_id, action, 1, 0 FROM audit_auditentry WHERE left(action, 12) = 'CERTIFICATE_'
            UNION ALL SELECT payload->>'certificate_id', event_type, 0, 1 FROM outbox_outboxevent
            WHERE left(event_type, 12) = 'CERTIFICATE_'
        ) AS counted (key, kind, entries, events)
        GROUP BY key, kind HAVING sum(entries) <> sum(events)
        """,
        {},
    ),
    (
        """
        SELECT 'certificate ' || c.id || ' was handed in with ' || count(a.id) || ' audit entries'
        FROM suppliers_certificate c LEFT JOIN audit_auditentry a ON a.entity_type = 'certificate'
            AND a.entity_id = c.id::text AND a.action = 'CERTIFICATE_SUBMITTED'
        GROUP BY c.id HAVING count(a.id) <> 1
        """,
        {},
    ),
    (
        """
        SELECT 'certificate ' || old.id || ' is ' || old.status || ', its renewal is verified and has begun'
        FROM suppliers_certificate old JOIN suppliers_certificate renewal ON renewal.supersedes_id = old.id
        WHERE old.status = 'verified' AND renewal.status = 'verified' AND renewal.valid_from <= current_date
        """,
        {},
    ),
    (
        """
        SELECT 'supplier ' || s.id || ' is proven until ' || coalesce(s.cert_proven_until::text, 'never')
            || ', its verified certificates end on ' || coalesce(max(c.valid_to)::text, 'no day')
        FROM suppliers_supplier s LEFT JOIN suppliers_certificate c ON c.supplier_id = s.id AND c.status = 'verified'
            AND c.valid_from <= current_date -- nobody here hands in one that begins later
        WHERE s.required_standards = '[]' GROUP BY s.id HAVING s.cert_proven_until IS DISTINCT FROM max(c.valid_to)
        """,
        {},
    ),
    _counts("risk of supplier", "SUPPLIER_RISK_CHANGED"),
    (
        """
        SELECT 'supplier ' || s.id || ' counts ' || s.nc_total || '/' || s.nc_open || '/' || s.nc_open_high
            || ' NCs, there are ' || count(n.id) FILTER (WHERE n.closure_code <> 'unfounded') || '/'
            || count(n.id) FILTER (WHERE n.status = 'OPEN') || '/'
            || count(n.id) FILTER (WHERE n.status = 'OPEN' AND n.severity = 'high')
        FROM suppliers_supplier s LEFT JOIN ncs_nonconformity n ON n.supplier_id = s.id GROUP BY s.id
        HAVING (s.nc_total, s.nc_open, s.nc_open_high) <> (
            count(n.id) FILTER (WHERE n.closure_code <> 'unfounded'), count(n.id) FILTER (WHERE n.status = 'OPEN'),
            count(n.id) FILTER (WHERE n.status = 'OPEN' AND n.severity = 'high'))
        """,
        {},
    ),
    (
        """
        SELECT 'supplier ' || s.id || ' is certified until ' || coalesce(s.certification_expiry::text, 'never')
            || ', its last entry says ' || coalesce(a.said, 'never')
        FROM suppliers_supplier s JOIN LATERAL (
            SELECT changes->'certification_expiry'->>1 AS said FROM audit_auditentry
            WHERE entity_type = 'supplier' AND entity_id = s.id::text AND changes ? 'certification_expiry'
            ORDER BY id DESC LIMIT 1) a ON true
        WHERE a.said IS DISTINCT FROM s.certification_expiry::text
        """,
        {},
    ),
    (
        """
        SELECT 'supplier ' || s.id || ' has risk ' || s.risk_level || ', its last entry says '
            || coalesce(a.said, 'nothing')
        FROM suppliers_supplier s LEFT JOIN LATERAL (
            SELECT changes->'risk_level'->>1 AS said FROM audit_auditentry
            WHERE entity_type = 'supplier' AND entity_id = s.id::text AND action = 'SUPPLIER_RISK_CHANGED'
            AND changes ? 'risk_level' ORDER BY id DESC LIMIT 1) a ON true
        WHERE coalesce(a.said, 'low') <> s.risk_level
        """,
        {},
    ),
    (
        """
        SELECT 'supplier ' || s.id || ' has ' || s.risk_level || ' ' || s.risk_score || ', its history says '
            || coalesce(a.level || ' ' || a.score, 'nothing')
        FROM suppliers_supplier s LEFT JOIN LATERAL (
            SELECT level, score, lines, override_level FROM suppliers_riskassessment
            WHERE supplier_id = s.id ORDER BY id DESC LIMIT 1) a ON true
        WHERE s.risk_assessed_at IS NOT NULL AND (s.risk_level, s.risk_score, s.risk_reasons, s.override_level)
            IS DISTINCT FROM (a.level, a.score::smallint, a.lines, a.override_level)
        """,
        {},
    ),
    (
        """
        SELECT 'user ' || u.username || ' has the e-mail ' || u.email || ', the last entry says '
            || coalesce(a.said, 'nothing')
        FROM accounts_user u LEFT JOIN LATERAL (
            SELECT changes->'email'->>1 AS said FROM audit_auditentry
            WHERE entity_type = 'user' AND entity_id = u.id::text AND changes ? 'email'
            ORDER BY id DESC LIMIT 1) a ON true
        WHERE a.said IS DISTINCT FROM u.email
        """,
        {},
    ),
    (
        """
        SELECT 'event ' || e.event_id || ' was requeued without an audit entry' FROM outbox_outboxevent e
        WHERE e.last_error = 'chaos: dead' AND e.status <> 'FAILED' AND NOT EXISTS (
            SELECT FROM audit_auditentry a
            WHERE a.action = 'OUTBOX_EVENT_REQUEUED' AND a.entity_id = e.event_id::text)
        UNION ALL
        SELECT 'event ' || e.event_id || ' has an audit entry of its requeueing and is dead' FROM outbox_outboxevent e
        JOIN audit_auditentry a ON a.action = 'OUTBOX_EVENT_REQUEUED' AND a.entity_id = e.event_id::text
        WHERE e.status = 'FAILED'
        """,
        {},
    ),
    (
        """
        SELECT 'event ' || e.event_id || ' is ' || e.status || ', but ' || p.handler || ' has handled it'
        FROM outbox_outboxevent e JOIN outbox_processedevent p ON p.event_id = e.event_id
        WHERE e.status <> 'DONE'
        """,
        {},
    ),
    (
        """
        SELECT 'effect of ' || f.handler || ' without a record that it handled ' || f.event_id
        FROM chaos_effect f JOIN outbox_outboxevent e ON e.event_id = f.event_id
        WHERE NOT EXISTS (
            SELECT FROM outbox_processedevent p WHERE p.event_id = f.event_id AND p.handler = f.handler)
        UNION ALL
        SELECT 'record without effect: ' || p.handler || ', event ' || p.event_id FROM outbox_processedevent p
        WHERE p.handler LIKE 'chaos.%%' AND NOT EXISTS (
            SELECT FROM chaos_effect f WHERE f.event_id = p.event_id AND f.handler = p.handler)
        UNION ALL
        SELECT 'record of an event that is gone: ' || p.handler || ', event ' || p.event_id
        FROM outbox_processedevent p
        WHERE NOT EXISTS (SELECT FROM outbox_outboxevent e WHERE e.event_id = p.event_id)
        """,
        {},
    ),
)

# --- The worker's side ------------------------------------------------------------------------------------------------

LOST_EFFECTS: Query = (
    """
    SELECT 'no effect of ' || h.handler || ' for event ' || e.event_id || ', gauge ' || e.aggregate_id || ' position '
        || (e.payload->>'position')
    FROM outbox_outboxevent e JOIN unnest(%(types)s::text[], %(handlers)s::text[]) AS h (event_type, handler)
        USING (event_type)
    WHERE e.status = 'DONE' AND NOT EXISTS (
        SELECT FROM chaos_effect f WHERE f.event_id = e.event_id AND f.handler = h.handler)
    """,
    {
        "types": [event_type for event_type, handlers in HANDLERS.items() for _ in handlers],
        "handlers": [handler for handlers in HANDLERS.values() for handler in handlers],
    },
)
EFFECTS_OF_NOTHING: Query = (
    """
    SELECT 'effect of ' || f.handler || ' for event ' || f.event_id || ', which does not exist' FROM chaos_effect f
    WHERE NOT EXISTS (SELECT FROM outbox_outboxevent e WHERE e.event_id = f.event_id)
    """,
    {},
)
DUPLICATES: Query = (
    """
    SELECT count(*) || ' effects of ' || handler || ' for event ' || event_id FROM chaos_effect
    GROUP BY handler, event_id HAVING count(*) > 1
    """,
    {},
)
# A dead event lets its successors pass, and comes after them when a person has requeued it.
_REQUEUED = """
    SELECT FROM audit_auditentry a WHERE a.action = 'OUTBOX_EVENT_REQUEUED' AND a.entity_id = f.event_id::text
"""
# Of all handlers together: whoever handles an event, nobody has begun with a later one of its aggregate.
OVERTAKEN: Query = (
    f"""
    SELECT handler || ' handled ' || aggregate_id || ' position ' || position || ' after ' || before FROM (
        SELECT f.handler, f.aggregate_id, f.position,
            max(f.position) OVER (PARTITION BY f.aggregate_id ORDER BY f.id
                                  ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS before
        FROM chaos_effect f WHERE NOT EXISTS ({_REQUEUED})
    ) AS ordered WHERE position < before
    """,
    {},
)
# What a handler reads of the rows that another one wrote is what the events before its own left, and no more.
SEEN_TOO_EARLY: Query = (
    f"""
    SELECT f.handler || ' saw ' || f.calibrations || ' calibrations at ' || f.aggregate_id || ' position ' || f.position
        || ', there were ' || count(c.id)
    FROM chaos_effect f LEFT JOIN chaos_effect c
        ON c.handler = %(calibrate)s AND c.aggregate_id = f.aggregate_id AND c.position < f.position
    WHERE f.calibrations IS NOT NULL AND NOT EXISTS ({_REQUEUED})
    GROUP BY f.id HAVING f.calibrations <> count(c.id)
    """,
    {"calibrate": CALIBRATE},
)
UNFINISHED = """
    SELECT event_type || ' ' || aggregate_id || ' ' || coalesce(payload->>'position', '') || ' is ' || status
        || ' after ' || attempts || ' attempts: ' || left(split_part(last_error, E'\\n', 1), 150)
    FROM outbox_outboxevent
    WHERE status <> 'DONE' AND aggregate_id || '/' || coalesce(payload->>'position', '') <> ALL (%(expected)s::text[])
"""
STALE_RISK: Query = (
    "SELECT 'supplier ' || id || ' has ' || nc_open_high || ' open high NCs, its risk was left ' || risk_level"
    " FROM suppliers_supplier WHERE nc_open_high > 0 AND risk_level NOT IN ('high', 'critical')",
    {},
)
# Events that are marked as processed without a record of each of their handlers, or with too many.
UNREMEMBERED = """
    SELECT e.event_type || ' ' || e.event_id || ' is processed with ' || count(p.handler) || ' records of handlers'
    FROM outbox_outboxevent e LEFT JOIN outbox_processedevent p ON p.event_id = e.event_id
    WHERE e.status = 'DONE' AND e.event_type = %(type)s
    GROUP BY e.event_id, e.event_type HAVING count(p.handler) <> %(number)s
"""
