"""Writes to cases and to their actions that somebody asks for, by subject. Who writes imports them from here."""

from ncs.services.actions import (
    cancel_action,
    change_action,
    complete_action,
    open_action,
    start_action,
    verify_action,
)
from ncs.services.cases import open_nonconformity
from ncs.services.closing import close_nonconformity, reopen_nonconformity, void_nonconformity
from ncs.services.correction import correct_nonconformity
from ncs.services.fields import MAX_DESCRIPTION
from ncs.services.steps import (
    analyse_nonconformity,
    assign_nonconformity,
    concede_nonconformity,
    contain_nonconformity,
    dispose_nonconformity,
)

__all__ = [
    "MAX_DESCRIPTION",
    "analyse_nonconformity",
    "assign_nonconformity",
    "cancel_action",
    "change_action",
    "close_nonconformity",
    "complete_action",
    "concede_nonconformity",
    "contain_nonconformity",
    "correct_nonconformity",
    "dispose_nonconformity",
    "open_action",
    "open_nonconformity",
    "reopen_nonconformity",
    "start_action",
    "verify_action",
    "void_nonconformity",
]
