"""Certificates for private servers of tests, signed by an authority that nobody knows."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

DAYS = timedelta(days=2)


class Authority:
    """One authority, whose files lie in a directory: its own certificate, and those that it signs."""

    def __init__(self, directory: Path, name: str = "authority") -> None:
        self._directory = directory
        self._name = _name(f"{name} of tests")
        self._key = ec.generate_private_key(ec.SECP256R1())
        made = _builder(self._name, self._name, self._key).add_extension(x509.BasicConstraints(True, None), True)
        self.certificate = str(_written(directory / f"{name}.pem", made.sign(self._key, hashes.SHA256())))

    def sign(self, host: str) -> tuple[str, str]:
        """Return the files of a new certificate for this name or address, and of its key."""
        key = ec.generate_private_key(ec.SECP256R1())
        known_as: x509.GeneralName
        try:
            known_as = x509.IPAddress(ip_address(host))
        except ValueError:
            known_as = x509.DNSName(host)
        made = _builder(_name(host), self._name, key).add_extension(x509.SubjectAlternativeName([known_as]), False)
        path = self._directory / f"{host}.key"
        path.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        certificate = made.sign(self._key, hashes.SHA256())
        return str(_written(self._directory / f"{host}.pem", certificate)), str(path)


def _builder(subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - DAYS)
        .not_valid_after(now + DAYS)
    )


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _written(path: Path, certificate: x509.Certificate) -> Path:
    path.write_bytes(certificate.public_bytes(Encoding.PEM))
    return path
