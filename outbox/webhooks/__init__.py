"""Webhooks: events go to addresses that administrators name, signed, in order, at least once."""
