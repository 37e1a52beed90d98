"""The standards that suppliers are certified by, and their editions: pure facts."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from django.db import models


class Standard(models.TextChoices):
    ISO_9001 = "iso_9001", "ISO 9001"
    ISO_14001 = "iso_14001", "ISO 14001"
    ISO_45001 = "iso_45001", "ISO 45001"
    IATF_16949 = "iatf_16949", "IATF 16949"
    ISO_13485 = "iso_13485", "ISO 13485"
    AS_9100 = "as_9100", "AS 9100"
    ISO_27001 = "iso_27001", "ISO/IEC 27001"
    OTHER = "other", "Other"


@dataclass(frozen=True, slots=True)
class Superseded:
    """An edition that another one has taken the place of. Certificates on it run until `ends_on` at the latest."""

    edition: str
    by: str
    ends_on: date


SUPERSEDED = {
    # ISO 14001:2026 was published on 15 April 2026. Certification bodies move their clients within three years.
    Standard.ISO_14001: Superseded("2015", by="2026", ends_on=date(2029, 5, 31)),
    # ISO/IEC 27001:2022 replaced the edition of 2013. The transition ended on 31 October 2025 (IAF MD 26).
    Standard.ISO_27001: Superseded("2013", by="2022", ends_on=date(2025, 10, 31)),
}
