"""The way of an event from its claim to the commit of its effects."""
