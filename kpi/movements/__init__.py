"""How movements come about, what they say, and how they are summed."""
