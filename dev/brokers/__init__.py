"""Private brokers for tests and the laboratory, from the programs of Debian's packages."""
