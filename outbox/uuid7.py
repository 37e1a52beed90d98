"""Kept for the first migration, which names the function here."""

from qhse.uuid7 import uuid7

__all__ = ["uuid7"]
