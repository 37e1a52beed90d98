"""A private PostgreSQL server for tests, the laboratory and `make run`."""
