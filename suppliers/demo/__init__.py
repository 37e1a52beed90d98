"""The suppliers of the demo: a cast of forty, told through the services and dated back."""

from suppliers.demo.cast import CAST, OF_NAME, Part, Plant
from suppliers.demo.dating import DAYS, date_back
from suppliers.demo.past import Past
from suppliers.demo.recording import seed_suppliers
from suppliers.demo.standing import People, seed_duplicate, seed_override, seed_standing

__all__ = [
    "CAST",
    "DAYS",
    "OF_NAME",
    "Part",
    "Past",
    "People",
    "Plant",
    "date_back",
    "seed_duplicate",
    "seed_override",
    "seed_standing",
    "seed_suppliers",
]
