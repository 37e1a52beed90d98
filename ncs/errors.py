"""What the ncs app refuses."""

from __future__ import annotations

from qhse.errors import DomainError, InvalidInput, RecordNotFound


class NonConformityNotFound(RecordNotFound):
    code = "nonconformity_not_found"


class ActionNotFound(RecordNotFound):
    code = "action_not_found"


class DescriptionIsInvalid(InvalidInput):
    code = "invalid_description"


class DetailIsInvalid(InvalidInput):
    """A value that contradicts others, or refers to what does not exist."""

    code = "invalid_detail"


class OwnerIsUnknown(InvalidInput):
    """Nobody who may work on cases has this id."""

    code = "unknown_owner"


class ReasonIsMissing(InvalidInput):
    """The change asks for a reason, which the trail keeps."""

    code = "reason_required"


class NonConformityMoveIsForbidden(DomainError):
    """The workflow has no such move from the present status."""

    code = "forbidden_move"


class NonConformityIsClosed(DomainError):
    """Nothing of a closed case changes."""

    code = "case_is_closed"


class NonConformityHasOpenActions(DomainError):
    """Its actions are not all verified or cancelled."""

    code = "open_actions"


class ConcessionIsMissing(DomainError):
    """Use as is asks for a concession by somebody else than who reported or corrected the case."""

    code = "concession_missing"


class EvidenceIsMissing(DomainError):
    """The gate asks for evidence that the case does not have yet."""

    code = "evidence_missing"


class ActionMoveIsForbidden(DomainError):
    """The action's status allows no such step."""

    code = "forbidden_move"


class CaseHasTooManyActions(DomainError):
    code = "too_many_actions"


class MayNotOverride(DomainError):
    """Only an administrator closes a case without its evidence, and with a reason."""

    status = 403
    code = "may_not_override"
    title = "Forbidden"


class ReportCannotBeMade(DomainError):
    """The machine is too busy, or what makes documents fails. The log says which."""

    status = 503
    code = "report_unavailable"
    title = "Service unavailable"
    retry_after = 5


class FormIsNotOffered(DomainError):
    """The Accept header names none of the forms in which a report is made."""

    status = 406
    code = "not_acceptable"
    title = "Not acceptable"


class PeriodIsInvalid(InvalidInput):
    """The days of a period are missing, no days, or in the wrong order."""

    code = "invalid_period"


class SampleIsInvalid(InvalidInput):
    code = "invalid_sample"


class DossierIsInvalid(InvalidInput):
    """A dossier is of one record, or of one period."""

    code = "invalid_dossier"


class DossierIsTooLarge(InvalidInput):
    """More entries than one file may hold. The command exports any number."""

    code = "dossier_is_too_large"
