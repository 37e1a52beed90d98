"""BROKER_URL, taken apart: what comes out, and that nothing which is refused is quoted."""

from __future__ import annotations

import ssl
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from dev.certificates import Authority
from qhse.broker_url import NATS, RABBITMQ, parse_broker_url


@pytest.fixture(scope="module")
def authority(tmp_path_factory) -> Authority:
    return Authority(tmp_path_factory.mktemp("certificates"))


@pytest.mark.parametrize(
    ("url", "kind", "place", "who", "vhost"),
    [
        ("amqps://qhse:p%40ss%2F@mq.example.com/qhse", RABBITMQ, ("mq.example.com", 5671), ("qhse", "p@ss/"), "qhse"),
        ("AMQP://guest:guest@[::1]:5673/%2F", RABBITMQ, ("::1", 5673), ("guest", "guest"), "/"),
        ("amqp://rabbit_mq", RABBITMQ, ("rabbit_mq", 5672), ("", ""), "/"),
        ("amqp://rabbitmq/", RABBITMQ, ("rabbitmq", 5672), ("", ""), "/"),
        ("nats://s3%2Fcret@10.0.0.7", NATS, ("10.0.0.7", 4222), ("s3/cret", ""), "/"),
        ("tls://qhse:a:b@nats.example.com./", NATS, ("nats.example.com.", 4222), ("qhse", "a:b"), "/"),
    ],
)  # fmt: skip
def test_an_address_says_who_and_where(url, kind, place, who, vhost):
    address = parse_broker_url(url)

    assert (address.broker, (address.host, address.port), address.vhost) == (kind, place, vhost)
    assert (address.user, address.password) == who
    assert not address.password or address.password not in repr(address).replace(address.user, "")


def test_a_scheme_with_tls_has_a_context_that_looks_at_certificate_and_name():
    for scheme in ("amqps", "tls"):
        context = parse_broker_url(f"{scheme}://h").context()
        assert context is not None and context.verify_mode == ssl.CERT_REQUIRED and context.check_hostname
    for scheme in ("amqp", "nats"):
        assert parse_broker_url(f"{scheme}://h").context() is None


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("broker.example.com/s3cret", "must begin with one of amqp://"),
        ("https://u:s3cret@h/", "must begin with one of amqp://"),
        ("amqps:u:s3cret@h", "must begin with one of amqp://"),
        ("amqps://u:s3cret@/", "must name one host"),
        ("amqps://u:s3cret@h:0/", "must name one host"),
        ("amqps://u:s3cret@h:99999/", "cannot be read"),
        ("amqps://u:s3cret@h1,h2/", "must name one host"),
        ("amqps://u:s3cret@300.0.0.1/", "must name one host"),
        ("amqps://u:s3cret@[::1/", "cannot be read"),
        ("amqps://u:s3/cret@h/", "cannot be read"),
        ("amqps://u:s3#cret@h/", "percent-encoded"),
        ("amqps://u:s3cret@h/#", "percent-encoded"),
        ("amqps://u:s3 cret@h/", "percent-encoded"),
        ("amqps://u:s3crét@h/", "percent-encoded"),
        ("amqps://u:s3cret%FF@h/", "no UTF-8"),
        ("amqps://u:s3cret%00@h/", "control characters"),
        ("amqps://s3cret@h/", "a user and a password"),
        ("amqps://s3cret:@h/", "a user and a password"),
        ("amqps://:s3cret@h/", "a user and a password"),
        ("nats://:s3cret@h", "a user and a password"),
        ("nats://s3cret:@h", "a user and a password"),
        ("amqps://u:s3cret@h/a/b", "one virtual host"),
        ("nats://u:s3cret@h/qhse", "NATS has no virtual hosts"),
        ("amqps://u:1?s3cret@h/", "cafile, certfile, keyfile"),
        ("amqps://u:s3cret@h/?ssl_options={'ca_certs':'/nope'}", "cafile, certfile, keyfile"),
        ("amqps://u:p@h/?ssl_options={'ca_certs':/nope,'password':'s3cret'}", "cafile, certfile, keyfile"),
        ("amqps://u:s3cret@h/?heartbeat=30", "cafile, certfile, keyfile"),
        ("amqps://u:s3cret@h/?s3cret", "cafile, certfile, keyfile"),
        ("tls://u:s3cret@h?&", "cafile, certfile, keyfile"),
        ("tls://u:s3cret@h?cafile={ca}&cafile={ca}", "each once"),
        ("tls://u:s3cret@h?cafile=/nowhere/s3cret", "cafile must name a file that can be read"),
        ("tls://u:s3cret@h?cafile=", "cafile must name a file that can be read"),
        ("tls://u:s3cret@h?cafile=%00", "cafile must name a file that can be read"),
        ("tls://u:s3cret@h?cafile=/tmp", "cafile must name a file that can be read"),
        ("tls://u:s3cret@h?cafile={key}", "cafile must name a file of certificates"),
        ("nats://u:s3cret@h?cafile={ca}", "must begin with amqps:// or tls://"),
        ("amqp://u:s3cret@h/?cafile={ca}", "must begin with amqps:// or tls://"),
        ("amqps://u:s3cret@h/?keyfile={key}", "must name its certfile"),
        ("amqps://u:s3cret@h/?certfile={certificate}", "certfile and keyfile"),
        ("amqps://u:s3cret@h/?certfile={certificate}&keyfile={ca_key}", "certfile and keyfile"),
        ("amqps://u:s3cret@h/?certfile={certificate}&keyfile={locked}", "not encrypted"),
    ],
)
def test_what_no_client_could_use_is_refused_and_not_quoted(authority, url, why):
    certificate, key = authority.sign("127.0.0.1")
    locked = Path(f"{key}.locked")
    locked.write_bytes(
        serialization.load_pem_private_key(Path(key).read_bytes(), None).private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(b"password"),
        )
    )  # fmt: skip
    other = Path(f"{key}.other")
    other.write_bytes(
        ec.generate_private_key(ec.SECP256R1()).private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    files = {"ca": authority.certificate, "certificate": certificate, "key": key, "ca_key": other, "locked": locked}
    for name, path in files.items():
        url = url.replace(f"{{{name}}}", str(path))

    with pytest.raises(ValueError, match=why) as refusal:
        parse_broker_url(url)

    assert not any(secret in str(refusal.value) for secret in ("s3", "cret", "nope"))


@pytest.mark.parametrize("scheme", ["amqps", "tls"])
def test_files_that_serve_are_taken_and_read_anew_at_each_line(authority, tmp_path, scheme):
    certificate, key = authority.sign("127.0.0.1")
    copy = tmp_path / "ca.pem"
    copy.write_bytes(Path(authority.certificate).read_bytes())

    address = parse_broker_url(f"{scheme}://u:p@h?cafile={copy}&certfile={certificate}&keyfile={key}")

    assert [each["serialNumber"] for each in address.context().get_ca_certs()]
    copy.write_text("nothing")
    with pytest.raises(ValueError, match="cafile"):
        address.context()
