"""What the suppliers app refuses."""

from __future__ import annotations

from qhse.errors import DomainError, InvalidInput, RecordNotFound


class SupplierNotFound(RecordNotFound):
    code = "supplier_not_found"


class SupplierIsUnknown(InvalidInput):
    """A request refers to a supplier that does not exist."""

    code = "unknown_supplier"


class SupplierNameIsTaken(InvalidInput):
    """Another supplier has this name, in any case or Unicode form."""

    code = "duplicate_name"


class SupplierNameIsInvalid(InvalidInput):
    code = "invalid_name"


class ExternalReferenceIsTaken(InvalidInput):
    """Another supplier has this external reference."""

    code = "duplicate_reference"


class CertificationExpiryIsImplausible(InvalidInput):
    code = "implausible_date"


class DetailIsInvalid(InvalidInput):
    """A value that is none of the known ones, or contradicts others."""

    code = "invalid_detail"


class CertificateNotFound(RecordNotFound):
    code = "certificate_not_found"


class CertificateIsInvalid(InvalidInput):
    """A value of a certificate that contradicts others, or refers to what does not exist."""

    code = "invalid_certificate"


class CertificateIsKnown(InvalidInput):
    """The supplier has a certificate of this standard, number and first day already."""

    code = "duplicate_certificate"


class CertificateMoveIsForbidden(DomainError):
    """The certificate's status allows no such step."""

    code = "forbidden_move"


class ReasonIsMissing(InvalidInput):
    """The change asks for a reason, which the trail keeps."""

    code = "reason_required"


class SupplierIsMerged(DomainError):
    """It was recorded twice. Nothing is written to it any more, but to the one that is left."""

    code = "supplier_is_merged"


class StatusMoveIsForbidden(DomainError):
    """No supplier goes from the present status to that one."""

    code = "forbidden_move"


class StatusIsNotEarned(DomainError):
    """The supplier lacks what the status asks for."""

    code = "status_not_earned"


class MayNotDecideStatus(DomainError):
    """Another role decides this."""

    status = 403
    code = "may_not_decide"
    title = "Somebody else has to do this"


class SupplierIsBusy(DomainError):
    """Others keep writing cases of the supplier, so that it cannot be merged at this moment."""

    code = "supplier_is_busy"
    retry_after = 1


class VolumeIsInvalid(InvalidInput):
    """The figures of a month contradict each other, or the month is none that can have some."""

    code = "invalid_volume"


class VolumeIsKnown(InvalidInput):
    """The month has figures already, and the caller believed that it had none."""

    code = "duplicate_volume"


class VolumeNotFound(RecordNotFound):
    code = "volume_not_found"


class RiskOverrideIsInvalid(InvalidInput):
    """Level and end of an override do not go together, or it would last too long."""

    code = "invalid_override"


class RiskIsNotAssessed(DomainError):
    """There is no computed level yet that could be overridden."""

    code = "risk_not_assessed"
    title = "Risk is not assessed yet"
