"""Runs the product and its servers on a developer's machine; the product itself imports nothing from here."""
