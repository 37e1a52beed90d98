"""Which certificates wait for a person. `ncs.work` puts it beside what else does."""

from __future__ import annotations

from datetime import timedelta

from django.db.models import CharField, Exists, OuterRef, Q
from django.db.models.functions import Cast

from audit.models import AuditEntry
from qhse import clock
from qhse.accounts.models import User
from qhse.accounts.rights import is_allowed
from qhse.accounts.roles import Role
from qhse.exchange.people import BY_IMPORTS, requests_prepared_by
from suppliers.choices import RENEWAL_NOTICE_DAYS
from suppliers.models import Certificate, CertificateQuerySet
from suppliers.permissions import CERTIFICATE_ROLES


def to_verify_by(user: User) -> CertificateQuerySet:
    """
    Return the certificates that a person is to verify, the oldest first.

    Never those that they stand behind, as `services.certificates.stands_behind` has it: they could not.
    """
    if not is_allowed(user, "verify", CERTIFICATE_ROLES):
        return Certificate.objects.none()
    about = AuditEntry.objects.filter(entity_type="certificate", entity_id=Cast(OuterRef("pk"), CharField()))
    corrected = Q(action="CERTIFICATE_CORRECTED", actor_id=user.pk)
    imported = Q(source__in=BY_IMPORTS, request_id__in=requests_prepared_by(user))
    awaiting = Certificate.objects.awaiting().exclude(submitted_by=user)
    return awaiting.exclude(Exists(about.filter(corrected | imported))).order_by("id")


def to_renew() -> CertificateQuerySet:
    """
    Return the current certificates that end within RENEWAL_NOTICE_DAYS, or have ended, the most urgent first.

    Those for which a later one was handed in need nothing, if it leaves no gap, nor do those of suppliers that were
    merged into others.
    """
    today = clock.today()
    last = today + timedelta(days=RENEWAL_NOTICE_DAYS)
    ending = Q(valid_to__lte=last, supplier__merged_into=None)
    return Certificate.objects.unrenewed(today=today).filter(ending).order_by("valid_to", "id")


def to_renew_by(user: User) -> CertificateQuerySet:
    """Return the certificates that a person is to ask suppliers for. Administrators stand in, and have no such list."""
    return to_renew() if user.role == Role.PROCUREMENT else Certificate.objects.none()
