"""Runs the product and its servers on a developer's machine. The product imports nothing from here."""
