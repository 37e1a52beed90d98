"""
The weights, caps and levels of the risk rule. They are this project's judgement: a site must calibrate them.

Whoever changes one counts RULE_VERSION up. Each stored assessment names it, so that readers can tell which rule gave a
score. The caps sum to 100, so no score needs to be cut.
"""

from __future__ import annotations

from suppliers.choices import RiskLevel, Severity

RULE_VERSION = 2

WINDOW_DAYS = 365  # how far back closed cases, repeats and actions that did not help are looked at

OPEN_NC_POINTS = {Severity.HIGH: 12, Severity.MEDIUM: 5, Severity.LOW: 2}  # Q1
OPEN_NC_CAP = 30
CLOSED_NC_POINTS = {Severity.HIGH: 4, Severity.MEDIUM: 2, Severity.LOW: 1}  # Q2
CLOSED_NC_HALF_LIFE_DAYS = 180
CLOSED_NC_CAP = 10
REPEAT_POINTS = 5  # Q3
REPEAT_CAP = 10
OVERDUE_POINTS = 4  # R1
OVERDUE_CAP = 12
INEFFECTIVE_POINTS = 4  # R2
INEFFECTIVE_CAP = 8
EXPIRED_POINTS = 20  # C1; a missing one costs the same
# (At most this many days left, points.) The days are the rule's own: another RENEWAL_NOTICE_DAYS changes no score.
EXPIRING_POINTS = ((30, 12), (60, 6), (90, 3))
UNVERIFIED_POINTS = 5
CERTIFICATE_CAP = 20
PPM_POINTS = 10  # D1: none at the target, all at PPM_FULL_AT times the target
PPM_FULL_AT = 5
PPM_MONTHS = 3
PPM_LEAST_RECEIVED = 500

AT_RISK_FLOOR = 50
MISSING_FLOOR = 25
LEVELS = ((75, RiskLevel.CRITICAL), (50, RiskLevel.HIGH), (25, RiskLevel.MEDIUM), (0, RiskLevel.LOW))
