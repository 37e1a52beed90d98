"""What guards the way of an event: time bounds, notes of what is in hand, a clean session, a second connection."""
