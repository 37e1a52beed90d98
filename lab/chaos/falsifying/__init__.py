"""Ways to falsify the audit trail."""
