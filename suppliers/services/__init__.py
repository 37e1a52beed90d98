"""Writes to suppliers that somebody asks for, and the counts that cases keep in their own transactions."""

from suppliers.overriding import OVERRIDE_DAYS
from suppliers.services.certificates import (
    correct_certificate,
    reject_certificate,
    submit_certificate,
    verify_certificate,
    withdraw_certificate,
)
from suppliers.services.correction import correct_supplier
from suppliers.services.counts import (
    count_nonconformity_closed,
    count_nonconformity_opened,
    count_nonconformity_reopened,
    count_nonconformity_voided,
    move_nonconformity,
)
from suppliers.services.fields import EARLIEST_EXPIRY, LATEST_EXPIRY
from suppliers.services.merging import merge_supplier
from suppliers.services.risk import override_risk
from suppliers.services.status import change_supplier_status
from suppliers.services.storing import locked_supplier
from suppliers.services.suppliers import create_supplier, update_certification
from suppliers.services.volumes import set_volume

__all__ = [
    "EARLIEST_EXPIRY",
    "LATEST_EXPIRY",
    "OVERRIDE_DAYS",
    "change_supplier_status",
    "correct_certificate",
    "correct_supplier",
    "count_nonconformity_closed",
    "count_nonconformity_opened",
    "count_nonconformity_reopened",
    "count_nonconformity_voided",
    "create_supplier",
    "locked_supplier",
    "merge_supplier",
    "move_nonconformity",
    "override_risk",
    "reject_certificate",
    "set_volume",
    "submit_certificate",
    "update_certification",
    "verify_certificate",
    "withdraw_certificate",
]
