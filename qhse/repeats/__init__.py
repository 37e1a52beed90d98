"""Writes that are asked for twice happen once. The API and the admin's pages share what lives here."""
