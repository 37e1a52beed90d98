"""A real nginx in front of a server, with the configuration that docs/operations.md gives."""

from __future__ import annotations

import os
import re
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from dev.processes import ROOT, die_with_parent
from dev.pytest_plugin import find_nginx
from dev.stack import HOST, free_port
from dev.waiting import wait_until

NAME = "qhse.example.com"
_FRAME = """
daemon off;
{user}
pid {directory}/pid;
error_log stderr;
events {{}}
http {{
    access_log off;
    client_body_temp_path {directory}/body;
    proxy_temp_path {directory}/proxy;
    fastcgi_temp_path {directory}/fastcgi;
    uwsgi_temp_path {directory}/uwsgi;
    scgi_temp_path {directory}/scgi;
    gzip on;
    gzip_proxied any;
    gzip_min_length 1;
    gzip_types *;
{server}
}}
"""


def documented_block() -> str:
    """Return the configuration as an operator finds it."""
    page = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"```nginx\n(.*?)```", page, re.DOTALL)
    return str(block)


def filled_in(port: int, upstream: str, directory: Path, *, tls: bool = True) -> str:
    """Return it with the ports and files of a test in place of the examples. Nothing else is changed."""
    block = documented_block()
    replacements = {
        "listen 443 ssl;": f"listen {port} ssl;" if tls else f"listen {port};",
        "/etc/ssl/qhse.pem": f"{directory}/certificate",
        "/etc/ssl/qhse.key": f"{directory}/key",
        "http://127.0.0.1:8000": upstream,
    }
    for example, ours in replacements.items():
        assert block.count(example) == 1, example
        block = block.replace(example, ours)
    return block if tls else re.sub(r" *ssl_certificate.*\n", "", block)


@contextmanager
def nginx(upstream: str, directory: Path, *, tls: bool = True) -> Iterator[int]:
    """Run it until the end of the block, on a port of its own, which is returned."""
    program = find_nginx()
    assert program is not None
    port = free_port()
    _write_certificate(directory)
    # As root it would give its processes to another user, who may not read the test's directory.
    user = "user root;" if os.geteuid() == 0 else ""
    server = filled_in(port, upstream, directory, tls=tls)
    (directory / "nginx.conf").write_text(_FRAME.format(user=user, directory=directory, server=server))
    process = subprocess.Popen(
        [program, "-e", "stderr", "-p", str(directory), "-c", str(directory / "nginx.conf")],
        preexec_fn=die_with_parent(15),
    )
    try:
        wait_until(lambda: process.poll() is not None or _listens(port), what="nginx")
        assert process.poll() is None, "nginx refuses the documented block"
        yield port
    finally:
        process.terminate()
        process.wait(20)


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex((HOST, port)) == 0


def _write_certificate(directory: Path) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, NAME)])
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = (
        builder.serial_number(1).not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=1))
    )
    certificate = builder.sign(key, hashes.SHA256())
    (directory / "certificate").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    (directory / "key").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
