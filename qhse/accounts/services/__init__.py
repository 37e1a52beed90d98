"""Writes that people ask for about users, logins and tokens."""
