"""Benchmarks (`make bench`): outbox and audit trail, each beside a raw loop that does the minimum; see README.md."""
