"""Dossiers for auditors: a record or a period, to be read by people and checked by programs."""
