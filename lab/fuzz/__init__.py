"""`make fuzz`: requests that nobody should send, thousands of them, against real processes."""
