"""
The suppliers of the demo, by hand: what each is, and how it stands today. Pure.

Days are counted from the day of the seed: 35 is in five weeks, -18 was eighteen days ago.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Plant(StrEnum):
    """One of our plants: it buys from the supplier, and finds what is wrong with its deliveries."""

    ULM = "Ulm"
    BRNO = "Brno"
    TURIN = "Turin"

    @property
    def prefix(self) -> str:
        """Return what the numbers of its vendors begin with: ULM-70101."""
        return self.name[:3]

    @property
    def orders(self) -> str:
        """Return what the numbers of its orders begin with."""
        return {"ULM": "45", "BRN": "46", "TUR": "47"}[self.prefix]


@dataclass(frozen=True, slots=True)
class Deliveries:
    """Pieces in a usual month, the PPM of eighteen months ago and of now, and the months ago without figures."""

    pieces: int
    then: int
    now: int
    unknown: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Part:
    """
    One supplier. `certificates` are as in `9001 verified 410`: standard, state, days until the last one.

    `renewed` are a superseded one and a verified one that renews it. `cases` says how often it fails, eighteen months
    ago and now.
    """

    name: str
    plant: Plant
    country: str
    category: str
    criticality: str
    contact: str
    required: tuple[str, ...]
    status: str
    declared: int | None
    certificates: tuple[str, ...] = ()
    deliveries: Deliveries | None = None
    review: int | None = None
    cases: tuple[float, float] = (0.5, 0.5)


_U, _B, _T = Plant.ULM, Plant.BRNO, Plant.TURIN
_COMPONENT, _MATERIAL, _SERVICE, _LOGISTICS = "component", "material", "service", "logistics"
_PROCESS = "outsourced_process"
_9001, _14001, _45001, _IATF, _27001 = "iso_9001", "iso_14001", "iso_45001", "iatf_16949", "iso_27001"

# The first ones stand for all: a small demo has the beginning of this list.
CAST = (
    Part("Hansa Forge GmbH", _U, "DE", _COMPONENT, "A", "Jens Petersen", (_9001, _14001), "approved", 410,
         ("9001 verified 410", "14001:2015 verified 290"), Deliveries(24_000, 700, 350), 120, (1.4, 0.6)),
    Part("Lombarda Castings S.p.A.", _T, "IT", _COMPONENT, "A", "Elena Riva", (_9001,), "conditional", -18,
         ("9001 verified -18",), Deliveries(18_000, 1_700, 5_600), -12, (0.8, 2.2)),
    Part("Moravia Fasteners s.r.o.", _B, "CZ", _COMPONENT, "B", "Petr Dvořák", (_9001,), "approved", 655,
         ("9001 renewed 655",), Deliveries(90_000, 420, 130), 200, (1.2, 0.3)),
    Part("Rhein Coatings GmbH", _U, "DE", _PROCESS, "A", "Sabine Vogt", (_9001, _14001, _45001), "conditional", 35,
         ("9001 verified 35", "14001:2026 submitted 800", "45001 verified 500"), Deliveries(30_000, 900, 1_900), 45,
         (0.6, 1.6)),
    Part("Tatra Electronics s.r.o.", _B, "SK", _COMPONENT, "A", "Zuzana Kováčová", (_9001, _27001), "approved", None,
         ("9001 verified 205", "27001 verified 340"), Deliveries(12_000, 250, 1_350), 90, (0.4, 0.9)),
    Part("Ticino Hydraulics SA", _T, "CH", _COMPONENT, "A", "Luca Bernasconi", (_9001, _14001), "suspended", None,
         ("9001 withdrawn 250", "14001:2015 verified 130"), Deliveries(6_000, 2_300, 6_800), 14, (0.9, 1.8)),
    Part("Baltic Plastics UAB", _B, "LT", _COMPONENT, "B", "Rasa Jankauskienė", (_9001,), "approved", 5,
         ("9001 verified 5",), Deliveries(52_000, 300, 260), 60),
    Part("Alpine Springs GmbH", _U, "AT", _COMPONENT, "C", "Karin Hofer", (), "approved", None,
         (), Deliveries(40_000, 150, 90), 240, (0.3, 0.2)),
    Part("Douro Gaskets Lda", _T, "PT", _COMPONENT, "C", "Inês Moreira", (_9001,), "pending", None,
         ("9001 submitted 900",), None, 30, (0, 0)),
    Part("Severn Bearings Ltd", _U, "GB", _COMPONENT, "A", "Owen Pritchard", (_9001,), "approved", 22,
         ("9001 verified 22",), Deliveries(16_000, 600, 1_150), 75, (0.5, 0.8)),
    Part("Jura Calibration SARL", _U, "FR", _SERVICE, "B", "Claire Fournier", (_9001,), "approved", 58,
         ("9001 verified 58",), None, 150, (0.2, 0.2)),
    Part("Saxon Machining GmbH", _U, "DE", _PROCESS, "B", "Tom Richter", (_9001, _IATF), "approved", None,
         ("9001 verified 500", "16949 verified 84"), Deliveries(8_500, 1_000, 1_450), 100, (0.8, 0.8)),
    Part("Adria Packaging d.o.o.", _T, "HR", _MATERIAL, "C", "Ivana Babić", (), "approved", 300,
         (), Deliveries(110_000, 60, 80, (7,)), 320, (0.4, 0.3)),
    Part("Nordsee Logistics B.V.", _U, "NL", _LOGISTICS, "B", "Daan Visser", (_9001,), "rejected", None,
         ("9001 rejected 100",), None, None, (0, 0)),
    Part("Loire Cables SAS", _T, "FR", _COMPONENT, "B", "Julien Marchand", (_9001,), "approved", 505,
         ("9001 verified 505",), Deliveries(22_000, 900, 300), 180, (1.1, 0.4)),
    Part("Ebro Coatings S.L.", _T, "ES", _PROCESS, "B", "Marta Ibáñez", (_9001, _14001), "conditional", None,
         ("9001 verified 240",), Deliveries(14_000, 800, 1_200), 20, (0.6, 0.7)),
    Part("Tyne Castings Ltd", _U, "GB", _COMPONENT, "B", "Grace Holloway", (_9001,), "disqualified", -200,
         ("9001 verified -200",), Deliveries(5_000, 4_200, 5_200, (0, 1, 2, 3, 4, 5)), None, (0.9, 0)),
    Part("Scania Bearings AB", _B, "SE", _COMPONENT, "B", "Linnea Åkesson", (_9001, _14001), "approved", 980,
         ("9001 renewed 980", "14001:2026 renewed 950"), Deliveries(27_000, 180, 110), 260, (0.3, 0.2)),
    Part("Carpathian Forge S.A.", _B, "RO", _COMPONENT, "A", "Andrei Popescu", (_9001,), "conditional", 70,
         ("9001 verified 70",), Deliveries(15_000, 1_200, 3_800), 10, (0.5, 1.7)),
    Part("Meuse Plastics S.A.", _U, "BE", _COMPONENT, "C", "Luc Janssens", (_9001,), "approved", 365,
         ("9001 verified 365",), Deliveries(110, 0, 0), 210, (0.2, 0.2)),
    Part("Hansa Logistics GmbH", _U, "DE", _LOGISTICS, "B", "Birte Hansen", (), "approved", 150, (), None, 130),
    Part("Rhein Electronics GmbH", _U, "DE", _COMPONENT, "A", "Murat Yıldız", (_9001, _27001), "approved", None,
         ("9001 verified 610", "27001 renewed 700"), Deliveries(9_000, 450, 800), 140, (0.5, 0.5)),
    Part("Saxon Springs GmbH", _B, "DE", _COMPONENT, "C", "Anja Krause", (_9001,), "approved", 88,
         ("9001 verified 88",), Deliveries(33_000, 220, 240, (2, 9)), 170, (0.4, 0.3)),
    Part("Douro Castings S.A.", _T, "PT", _COMPONENT, "B", "Rui Carvalho", (_9001,), "approved", 620,
         ("9001 verified 620",), Deliveries(11_000, 1_400, 2_100), 85, (0.6, 1.0)),
    Part("Tatra Machining a.s.", _B, "SK", _PROCESS, "A", "Marek Hudák", (_9001, _45001), "approved", None,
         ("9001 verified 275", "45001 submitted 420"), Deliveries(7_500, 500, 1_600), 50, (0.4, 0.8)),
    Part("Alpine Coatings AG", _T, "CH", _PROCESS, "B", "Reto Ammann", (_9001, _14001), "approved", 340,
         ("9001 verified 340", "14001:2015 verified 62"), Deliveries(19_000, 350, 280), 115, (0.3, 0.3)),
    Part("Severn Hydraulics Ltd", _U, "GB", _COMPONENT, "B", "Hannah Doyle", (_9001,), "approved", 190,
         ("9001 verified 190", "14001:2015 verified 400"), Deliveries(3_200, 1_100, 2_900), 25, (0.4, 0.9)),
    Part("Scania Plastics AB", _B, "SE", _COMPONENT, "C", "Erik Lindqvist", (), "approved", None,
         ("9001 submitted 610",), Deliveries(64_000, 90, 120), 300, (0.3, 0.3)),
    Part("Jura Springs SARL", _T, "FR", _COMPONENT, "C", "Paul Girard", (_9001,), "pending", 430,
         ("9001 submitted 430",), Deliveries(900, 0, 1_000, tuple(range(2, 18))), 40, (0, 0)),
    Part("Ebro Electronics S.L.", _T, "ES", _COMPONENT, "A", "Laura Serrano", (_9001,), "conditional", None,
         ("9001 rejected 300",), Deliveries(4_800, 700, 1_500), 18, (0.2, 0.5)),
    Part("Moravia Gaskets s.r.o.", _B, "CZ", _COMPONENT, "B", "Hana Benešová", (_9001,), "approved", 710,
         ("9001 verified 710",), Deliveries(45_000, 260, 240), 220, (0.4, 0.4)),
    Part("Nordsee Cables GmbH", _U, "DE", _COMPONENT, "B", "Fenja Lorenzen", (_9001, _14001), "approved", 455,
         ("9001 verified 455", "14001:2026 renewed 455"), Deliveries(38_000, 500, 420), 160, (0.5, 0.5)),
    Part("Lombarda Fasteners S.r.l.", _T, "IT", _COMPONENT, "B", "Davide Colombo", (_9001,), "approved", 48,
         ("9001 verified 48",), Deliveries(150_000, 800, 640), 70, (0.9, 0.6)),
    Part("Carpathian Cables S.R.L.", _B, "RO", _COMPONENT, "C", "Ioana Marin", (), "approved", 12,
         (), Deliveries(26_000, 300, 1_250), 95, (0.3, 0.6)),
    Part("Tyne Calibration Ltd", _U, "GB", _SERVICE, "B", "Samuel Reed", (_9001,), "approved", 520,
         ("9001 verified 520",), None, 190, (0.1, 0.1)),
    Part("Adria Machining d.o.o.", _T, "SI", _PROCESS, "B", "Matej Kranjc", (_9001, _45001), "conditional", 280,
         ("9001 verified 280", "45001 verified -35"), Deliveries(6_800, 900, 1_100), 35, (0.5, 0.7)),
    Part("Baltic Packaging SIA", _B, "LV", _MATERIAL, "C", "Līga Ozola", (), "approved", None,
         (), Deliveries(310, 0, 0, (4, 5, 11)), 280, (0.1, 0.1)),
    Part("Meuse Bearings N.V.", _U, "BE", _COMPONENT, "B", "Sofie Peeters", (_9001,), "suspended", 160,
         ("9001 verified 160",), Deliveries(10_500, 900, 2_600), 8, (0.6, 1.2)),
    Part("Ticino Machining SA", _T, "CH", _PROCESS, "C", "Nadia Ferrari", (_9001,), "approved", 820,
         ("9001 renewed 820",), Deliveries(5_600, 600, 500, (13, 14, 15, 16, 17)), 230, (0.2, 0.3)),
    Part("Loire Forge SAS", _T, "FR", _COMPONENT, "A", "Camille Roux", (_9001, _14001), "approved", 395,
         ("9001 verified 395", "14001:2026 renewed 395"), Deliveries(13_500, 550, 780), 110, (0.4, 0.5)),
)  # fmt: skip

OF_NAME = {part.name: part for part in CAST}
NUMBERS = {part.name: f"{part.plant.prefix}-{70_101 + 7 * place}" for place, part in enumerate(CAST)}

DUPLICATE = ("Rhein-Coatings GmbH (Werk 2)", "Rhein Coatings GmbH")
"""A supplier that was recorded a second time, and the one that it is."""
OVERRIDDEN = "Carpathian Forge S.A."
"""The supplier that is shown with another level than the computed one."""
