"""What a case and its actions can be: states, kinds, codes."""

from __future__ import annotations

from django.db import models


class NcStatus(models.TextChoices):
    OPEN = "OPEN", "Open"
    CLOSED = "CLOSED", "Closed"


class Phase(models.TextChoices):
    """How far an open case has come. It is derived from what has been done, and never stored."""

    REPORTED = "reported", "Reported"
    CONTAINED = "contained", "Contained"
    ANALYSED = "analysed", "Analysed"
    ACTIONS = "actions", "Actions running"
    VERIFICATION = "verification", "Awaiting verification"
    READY = "ready", "Actions verified"


class System(models.TextChoices):
    """The management system whose requirement was not fulfilled: ISO 9001, 14001, 45001."""

    QUALITY = "quality", "Quality"
    ENVIRONMENT = "environment", "Environment"
    SAFETY = "safety", "Safety"


class Category(models.TextChoices):
    DIMENSION = "dimension", "Dimension or tolerance"
    MATERIAL = "material", "Material"
    FUNCTION = "function", "Function"
    SURFACE = "surface", "Surface or appearance"
    CONTAMINATION = "contamination", "Contamination"
    DOCUMENTATION = "documentation", "Documents or certificates"
    LABELLING = "labelling", "Labelling"
    PACKAGING = "packaging", "Packaging"
    DELIVERY = "delivery", "Delivery: quantity or date"
    OTHER = "other", "Other"


class DetectedAt(models.TextChoices):
    INCOMING = "incoming", "Incoming inspection"
    PROCESS = "process", "In process"
    FINAL = "final", "Final inspection"
    CUSTOMER = "customer", "At the customer"
    AUDIT = "audit", "Audit"


class Cause(models.TextChoices):
    """The classes of Ishikawa's diagram, and two that suppliers add."""

    PEOPLE = "people", "People"
    METHOD = "method", "Method"
    MACHINE = "machine", "Machine or tool"
    MATERIAL = "material", "Material"
    MEASUREMENT = "measurement", "Measurement"
    ENVIRONMENT = "environment", "Environment"
    DESIGN = "design", "Design or specification"
    TRANSPORT = "transport", "Transport or storage"


class Disposition(models.TextChoices):
    """What happens to the nonconforming product (ISO 9001:2015, 8.7.1)."""

    REWORK = "rework", "Rework"
    SORT = "sort", "Sort"
    RETURN = "return", "Return to the supplier"
    SCRAP = "scrap", "Scrap"
    USE_AS_IS = "use_as_is", "Use as is, by concession"


class ClosureCode(models.TextChoices):
    CORRECTED = "corrected", "Corrected"
    CONCESSION = "concession", "Accepted by concession"
    DUPLICATE = "duplicate", "Recorded twice"
    UNFOUNDED = "unfounded", "Recorded by mistake"


# By which a person closes a case. A mistake has a step of its own.
CLOSING_CODES = [each for each in ClosureCode.choices if each[0] != ClosureCode.UNFOUNDED]


class Gap(models.TextChoices):
    """What evidence a closed case lacks, or an open one would lack if it were closed now."""

    CONTAINMENT = "containment", "containment"
    DISPOSITION = "disposition", "disposition"
    ROOT_CAUSE = "root_cause", "root cause"
    EFFECTIVE_ACTION = "effective_action", "a corrective action that was verified as effective"


class ActionKind(models.TextChoices):
    """ISO 9000:2015, 3.12: a correction mends the product, corrective action removes the cause."""

    CONTAINMENT = "containment", "Containment"
    CORRECTION = "correction", "Correction"
    CORRECTIVE = "corrective", "Corrective action"
    PREVENTIVE = "preventive", "Preventive action"


class ActionStatus(models.TextChoices):
    OPEN = "OPEN", "Open"
    IN_PROGRESS = "IN_PROGRESS", "In progress"
    DONE = "DONE", "Done, not verified"
    EFFECTIVE = "EFFECTIVE", "Effective"
    INEFFECTIVE = "INEFFECTIVE", "Not effective"
    CANCELLED = "CANCELLED", "Cancelled"
