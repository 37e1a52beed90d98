"""People's words for what happens to suppliers and to what belongs to them: a module each kind of record."""

from suppliers.words import certificates, suppliers, volumes  # noqa: F401 (they register themselves)
