"""Reads that may be made on a copy of the database: who may ask it, how old it is, and what happens without it."""
