"""What of suppliers can be imported: a module each kind of record."""

from suppliers.imports import (
    certificates,  # noqa: F401
    suppliers,  # noqa: F401 (registers them)
    volumes,  # noqa: F401
)
