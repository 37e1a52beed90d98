"""Which records of this app take files: suppliers, and certificates that speak for one. The lock is the supplier's."""

from __future__ import annotations

import re

from qhse.attachments.registry import RecordKind, register
from suppliers.errors import CertificateMoveIsForbidden, CertificateNotFound, SupplierNotFound
from suppliers.models.certificate import CURRENT
from suppliers.permissions import CERTIFICATE_ROLES, SUPPLIER_ROLES
from suppliers.services.certificate_storing import locked_certificate
from suppliers.services.storing import locked_supplier

_ID = re.compile(r"[1-9][0-9]{0,17}", re.ASCII)


def lock_supplier(text: str) -> None:
    """Lock a supplier. Raises SupplierNotFound, SupplierIsMerged."""
    if not _ID.fullmatch(text):
        raise SupplierNotFound(f"There is no supplier {text}.")
    locked_supplier(int(text))


def lock_certificate(text: str) -> None:
    """Lock a certificate. Raises CertificateNotFound, SupplierIsMerged, CertificateMoveIsForbidden."""
    if not _ID.fullmatch(text):
        raise CertificateNotFound(f"There is no certificate {text}.")
    certificate, _ = locked_certificate(int(text))
    if certificate.status not in CURRENT:
        raise CertificateMoveIsForbidden(
            f"Its files stay as they are: the certificate is {certificate.get_status_display().lower()}."
        )


register(RecordKind("supplier", SUPPLIER_ROLES, read="retrieve", write="attach", lock=lock_supplier))
register(RecordKind("certificate", CERTIFICATE_ROLES, read="retrieve", write="attach", lock=lock_certificate))
