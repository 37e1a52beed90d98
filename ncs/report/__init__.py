"""The 8D report of a case: its content, and the same content as a page and as PDF."""
