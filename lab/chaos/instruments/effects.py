"""What the laboratory's handlers leave: who asks for it need not register them."""

from __future__ import annotations

EACH = "chaos.each"
TOGETHER = "chaos.together"
EFFECT_TABLE = """
CREATE TABLE chaos_effect (
    id bigserial PRIMARY KEY,
    handler text NOT NULL,
    event_id uuid NOT NULL,
    aggregate_id text NOT NULL,
    position bigint NOT NULL,
    at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX ON chaos_effect (event_id);
CREATE TABLE chaos_part (id int PRIMARY KEY);
CREATE TABLE chaos_hole (part int NOT NULL REFERENCES chaos_part DEFERRABLE INITIALLY DEFERRED)
"""
