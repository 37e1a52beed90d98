"""Benchmarks of the outbox, each beside a raw loop that does the minimum: `make bench`, explained in README.md."""
