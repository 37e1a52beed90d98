"""What the laboratory's handlers leave: who asks for it need not register them."""

from __future__ import annotations

EACH = "chaos.each"
TOGETHER = "chaos.together"
CALIBRATE = "chaos.calibrate"
CERTIFY = "chaos.certify"
BOTH = "chaos.both"
COUNT = "chaos.count"
HANDLERS = {
    "LAB_GAUGE_READ": (EACH, TOGETHER),
    "LAB_GAUGE_CALIBRATED": (CALIBRATE, BOTH),
    "LAB_GAUGE_CERTIFIED": (CERTIFY, BOTH),
    "LAB_GAUGE_COUNTED": (COUNT,),
}
EFFECT_TABLE = """
CREATE TABLE chaos_effect (
    id bigserial PRIMARY KEY,
    handler text NOT NULL,
    event_id uuid NOT NULL,
    aggregate_id text NOT NULL,
    position bigint NOT NULL,
    calibrations bigint,
    at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX ON chaos_effect (event_id);
CREATE TABLE chaos_part (id int PRIMARY KEY);
CREATE TABLE chaos_hole (part int NOT NULL REFERENCES chaos_part DEFERRABLE INITIALLY DEFERRED)
"""
