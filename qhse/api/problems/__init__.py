"""How errors become problem documents (RFC 9457)."""
