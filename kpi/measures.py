"""What is counted for the quality figures: each measure has a number, which the sums are stored by."""

from __future__ import annotations

from datetime import date
from enum import IntEnum

NO_DAY = date(1970, 1, 1)
"""The day of what has none. The columns of the sums are never null, so that equal ones can be found."""


class Measure(IntEnum):
    """
    A number that movements add up to, by a day, a key and a word.

    Stocks are what there is: their sum until a day is what there was on it. Flows are what happened: each has the day
    on which it did. A number is never given to another measure: sums of past days are stored by it.
    """

    OPEN = 1  # cases by the day on which they were recorded, key: severity
    DUE = 2  # open cases by the day on which they are due
    UNCONTAINED = 3
    ACTION_DUE = 4  # running actions by the day on which they are due
    CERTIFICATE = 5  # current certificates by their last day, key: 1 if it is verified
    CERTIFICATE_EDITION = 6  # word: standard:edition
    LEVEL = 7  # suppliers without an override, word: risk level:criticality; no level if nobody has assessed it
    MISSING = 8  # required standards without any certificate
    MUST_PROVE = 9  # approved suppliers that require a standard
    PROVEN = 10  # of these, by the day through which all is verified
    VOLUME_MONTHS = 11  # of suppliers, by month, as the five that follow
    RECEIVED = 12
    DEFECTIVE = 13
    LOTS = 14
    REJECTED_LOTS = 15
    LATE_LOTS = 16
    OVERRIDDEN = 17  # suppliers by the last day of their override, word: its level:computed level:criticality

    OPENED = 30  # by the day on which it was recorded, key: severity
    OPENED_CATEGORY = 31  # word: category
    REPEATS = 32
    COSTED = 33
    COST = 34  # hundredths
    CONTAINED = 35  # by the day of containment, key: hours begun until then, word: severity
    OPENED_SUPPLIER = 36  # key: supplier; of belated movements alone: of the others, tallies have it
    CLOSED = 40  # by the day of closing, key: severity
    CLOSED_DAYS = 41  # key: days between recording and closing
    ON_TIME = 42
    WITH_DUE = 43
    WITH_GAPS = 44
    REOPENED = 45
    ACTION_DONE = 50  # by the day of completion, key: days since it was agreed on
    ACTION_VERIFIED = 51  # by the day of verification, key: 1 if it was effective


FIRST_FLOW = 30
STOCKS = tuple(each for each in Measure if each < FIRST_FLOW)
FLOWS = tuple(each for each in Measure if each >= FIRST_FLOW)
SEVERITIES = {"low": 1, "medium": 2, "high": 3}
