"""What happens to suppliers. All of one supplier is of one aggregate, in one order: certificates and volumes, too."""

from suppliers.events.certificates import (
    CertificateCorrected,
    CertificateEvent,
    CertificateExpired,
    CertificateExpiring,
    CertificateRejected,
    CertificateSubmitted,
    CertificateSuperseded,
    CertificateVerified,
    CertificateWithdrawn,
)
from suppliers.events.risk import SupplierRiskOverridden
from suppliers.events.suppliers import (
    SupplierCertificationUpdated,
    SupplierCorrected,
    SupplierCreated,
    SupplierEvent,
    SupplierMerged,
    SupplierRiskChanged,
    SupplierStatusChanged,
)
from suppliers.events.volumes import SupplierVolumeSet

__all__ = [
    "CertificateCorrected",
    "CertificateEvent",
    "CertificateExpired",
    "CertificateExpiring",
    "CertificateRejected",
    "CertificateSubmitted",
    "CertificateSuperseded",
    "CertificateVerified",
    "CertificateWithdrawn",
    "SupplierCertificationUpdated",
    "SupplierCorrected",
    "SupplierCreated",
    "SupplierEvent",
    "SupplierMerged",
    "SupplierRiskChanged",
    "SupplierRiskOverridden",
    "SupplierStatusChanged",
    "SupplierVolumeSet",
]
