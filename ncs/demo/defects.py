"""What can be wrong with a delivery in the demo, each with its own cause, decision and action."""

from __future__ import annotations

from typing import NamedTuple

from suppliers.choices import Severity

LOW, MEDIUM, HIGH = Severity.LOW, Severity.MEDIUM, Severity.HIGH


class Defect(NamedTuple):
    """What is recorded of it. `found` may say {lot}, {bad} and {all}."""

    category: str
    severities: tuple[Severity, ...]
    found: str
    contained: str
    cause_code: str
    root_cause: str
    disposition: str
    decided: str  # why
    corrective: str
    preventive: str
    closed: str


DEFECTS = (
    Defect(
        "dimension", (HIGH, MEDIUM),
        "Lot {lot}: bore diameter 12.08 mm, drawing says 12.00 ± 0.02 mm, {bad} of {all} parts",
        "Lot blocked, stock of the two lots before it sorted, line informed",
        "machine", "Bore too large.\nWhy? The reamer was worn.\nWhy? No interval is set for it.",
        "sort", "Good parts are needed this week, the bad ones go back",
        "Set an interval for the change of the reamer", "Set intervals for all cutting tools of the line",
        "Sorted at the supplier's cost, three lots after it without a finding",
    ),
    Defect(
        "dimension", (MEDIUM,),
        "Lot {lot}: length 84.6 mm, drawing says 84.0 ± 0.3 mm, {bad} of {all} parts",
        "All parts in assembly measured by hand until the next lot is released",
        "measurement", "Deviation not seen.\nWhy? The gauge was out of calibration.\nWhy? It was missing in the plan.",
        "rework", "Can be cut to length without loss of strength",
        "Calibrate the gauge and measure the last five lots again", "Take all gauges of the shop into the plan",
        "Reworked lot inspected, gauge calibrated, plan corrected",
    ),
    Defect(
        "material", (HIGH,),
        "Lot {lot}: {bad} of {all} parts broke in the 48 h proof load test, hydrogen embrittlement",
        "Delivery quarantined, parts already fitted traced by lot, customer warned",
        "method", "Hydrogen stayed in.\nWhy? Baking began nine hours after plating.\nWhy? No limit is set.",
        "scrap", "Cannot be mended",
        "Bake within four hours after plating, with a record for each lot", "Set time limits for all plated parts",
        "Scrapped, replacement passed the proof load test",
    ),
    Defect(
        "material", (HIGH, MEDIUM),
        "Batch {lot}: material certificate states 42CrMo4, spectrometer finds C45",
        "Batch blocked, last two batches of the same heat tested",
        "material", "Wrong steel.\nWhy? The bar stock was mixed up.\nWhy? Its certificate was not compared.",
        "return", "The supplier takes the batch back",
        "Compare the certificate of each bar stock with the order", "Mark bar stock by colour at goods receipt",
        "Replacement delivered, spectrometer confirms 42CrMo4",
    ),
    Defect(
        "surface", (HIGH, MEDIUM),
        "Lot {lot}: zinc layer 5 µm, specification says 8 µm, {bad} of {all} samples",
        "Lot blocked, stock of the two lots before it measured",
        "machine", "Layer too thin.\nWhy? The current was too low.\nWhy? A rectifier failed and gave no alarm.",
        "rework", "Can be stripped and plated again without loss of strength",
        "Repair the rectifier and give it an alarm", "Measure the layer of the first rack of each shift",
        "Plated again, layer of 9 µm measured on 32 samples",
    ),
    Defect(
        "surface", (LOW,),
        "Lot {lot}: burrs on an edge without function, {bad} of {all} parts",
        "Parts in assembly checked by hand until the next lot is released",
        "machine", "Burrs.\nWhy? The punch was blunt.\nWhy? It was ground after twice its interval.",
        "use_as_is", "Function and life are not affected, says design",
        "Grind the punch at its interval", "Count the strokes of all punches",
        "Used as is, concession signed by design",
    ),
    Defect(
        "function", (HIGH, MEDIUM),
        "Lot {lot}: {bad} of {all} parts fail the function test at incoming inspection",
        "Lot blocked, all parts in assembly tested before they are fitted",
        "people", "Seal fitted the wrong way round.\nWhy? The shift was new.\nWhy? No drawing hangs there.",
        "return", "The supplier takes the lot back and tests it in full",
        "Train both shifts at the fitting of the seal", "Give the fixture a shape that takes the seal one way alone",
        "Replacement tested in full, no findings",
    ),
    Defect(
        "documentation", (HIGH,),
        "Delivery {lot}: safety parts without the test report that the order demands",
        "Delivery quarantined until the report is there",
        "method", "No report.\nWhy? The confirmation does not ask for it.\nWhy? Its template has no field.",
        "return", "Without proof of the test they must not be fitted",
        "Add the required reports to the order confirmation", "Review the templates of all safety parts",
        "Delivered anew with its report",
    ),
    Defect(
        "documentation", (MEDIUM,),
        "Delivery {lot}: certificate of conformity names the former revision of the drawing",
        "Parts measured against the present revision, delivery released with a remark",
        "method", "Wrong revision.\nWhy? It is a copy of the last one.\nWhy? Nobody compares it with the order.",
        "use_as_is", "The parts agree with the present revision",
        "Make certificates from the order, and not from the last one", "Have a second person compare certificates",
        "Certificate issued anew, parts used as they are",
    ),
    Defect(
        "documentation", (LOW,),
        "Delivery {lot}: delivery note missing, supplied on request",
        "Delivery counted and booked by hand",
        "people", "No note.\nWhy? The printer of dispatch was down.\nWhy? Nobody knew the other one.",
        "use_as_is", "The goods agree with the order",
        "Show dispatch the second printer", "Send delivery notes by e-mail as well",
        "Delivery note supplied, goods booked",
    ),
    Defect(
        "delivery", (MEDIUM,),
        "Delivery {lot}: 6 working days late, line stopped for one shift",
        "Parts of another plant's stock brought in by express",
        "method", "Sent too late.\nWhy? It was planned for another week.\nWhy? New dates come by e-mail alone.",
        "use_as_is", "The parts themselves are good",
        "Confirm changed dates within a day", "Keep a stock of two weeks at the forwarder",
        "Three deliveries in time after it",
    ),
    Defect(
        "labelling", (MEDIUM, LOW),
        "Delivery {lot}: labels without lot number, {bad} of {all} boxes",
        "Boxes marked by hand with the number of the delivery",
        "method", "No lot number.\nWhy? Two orders were packed at once.\nWhy? The packing plan allows it.",
        "rework", "The supplier sends labels, and they are put on here",
        "Change the packing plan: one order at a time", "Scan each label before dispatch",
        "Labelled anew, two deliveries after it without a finding",
    ),
    Defect(
        "packaging", (LOW,),
        "Delivery {lot}: cartons wet, parts dry",
        "All cartons opened, parts looked at",
        "method", "Wet cartons.\nWhy? They stood in the yard overnight.\nWhy? The ramp was full.",
        "use_as_is", "No part shows corrosion",
        "Store nothing outside that is ready for dispatch", "Wrap pallets in foil before they are loaded",
        "Dry on arrival three times after it",
    ),
)  # fmt: skip
