"""Cases, and the actions on them."""

from ncs.models.action import CorrectiveAction, CorrectiveActionQuerySet
from ncs.models.nonconformity import BY_WEIGHT, NonConformity, NonConformityQuerySet

__all__ = ["BY_WEIGHT", "CorrectiveAction", "CorrectiveActionQuerySet", "NonConformity", "NonConformityQuerySet"]
