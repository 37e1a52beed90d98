"""Whose word about the client's address is believed."""

from __future__ import annotations

from ipaddress import ip_network

import pytest

from qhse.observability.addresses import UNIX, Client, client_of, counted_address, forget_untrusted_words

PROXIES = [ip_network("10.0.0.0/8"), ip_network("2001:db8:1::/48")]


@pytest.mark.parametrize(
    ("peer", "forwarded", "expected"),
    [
        ("203.0.113.5", "", "203.0.113.5"),
        ("203.0.113.5", "198.51.100.1", "203.0.113.5"),
        ("10.0.0.1", "198.51.100.1", "198.51.100.1"),
        ("10.0.0.1", "1.1.1.1, 198.51.100.1", "198.51.100.1"),
        ("10.0.0.1", "1.1.1.1, 198.51.100.1, 10.2.2.2", "198.51.100.1"),
        ("10.0.0.1", "1.1.1.1, 198.51.100.1, 2001:db8:1::9,10.2.2.2", "198.51.100.1"),
        ("10.0.0.1", "rubbish, 198.51.100.1", "198.51.100.1"),
        ("2001:db8:1::7", "2001:db8:ffff::9", "2001:db8:ffff::9"),
        ("::ffff:10.0.0.1", "198.51.100.1", "198.51.100.1"),
        ("2001:db8:1::7%eth0", "198.51.100.1", "198.51.100.1"),
        ("fe80::1%a-cable-with-a-name-longer-than-the-column-of-the-trail", "", "fe80::1"),
    ],
)
def test_the_chain_is_read_from_its_end_as_long_as_the_speaker_is_trusted(peer, forwarded, expected):
    client = client_of(peer, forwarded, PROXIES)

    assert client == Client(address=expected, counted=counted_address(expected))


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("203.0.113.7:51234", "203.0.113.7"),
        ("2001:db8::7", "2001:db8::7"),
        ("[2001:db8::7]", "2001:db8::7"),
        ("[2001:db8::7]:443", "2001:db8::7"),
        ("2001:db8:9:2:3:4:5:6:443", "2001:db8:9:2:3:4:5:6"),
        ("fe80::7%eth0", "fe80::7"),
        ("[fe80::7%25eth0]:443", "fe80::7"),
        ("::ffff:203.0.113.7", "203.0.113.7"),
        ("[::ffff:203.0.113.7]:443", "203.0.113.7"),
        ("::ffff:203.0.113.7:443", "203.0.113.7"),
        ('"[2001:db8::7]:443"', "2001:db8::7"),
        ("  203.0.113.7\t", "203.0.113.7"),
        ("203.0.113.7,", "203.0.113.7"),
        (", 203.0.113.7 , ,", "203.0.113.7"),
        ("6.6.6.6:1, 203.0.113.7:51234,10.2.2.2:80", "203.0.113.7"),
        ("6.6.6.6,203.0.113.7,[2001:db8:1::9]:80", "203.0.113.7"),
    ],
)
def test_an_address_is_read_in_every_form_that_proxies_write(written, expected):
    client = client_of("10.0.0.1", written, PROXIES)

    assert client == Client(address=expected, counted=counted_address(expected))


@pytest.mark.parametrize(
    ("peer", "forwarded", "recorded"),
    [
        ("", "", ""),
        ("", "198.51.100.1", ""),
        ("10.0.0.1", "", "10.0.0.1"),
        ("10.0.0.1", " , ", "10.0.0.1"),
        ("10.0.0.1", "unknown", "10.0.0.1"),
        ("10.0.0.1", "198.51.100.1, rubbish", "10.0.0.1"),
        ("10.0.0.1", "198.51.100.1, _hidden, 10.2.2.2", "10.2.2.2"),
        ("10.0.0.1", "198.51.100.1, 0.0.0.0", "10.0.0.1"),
        ("10.0.0.1", "198.51.100.1, [::]:80", "10.0.0.1"),
        ("10.0.0.1", "198.51.100.1, unix:", "10.0.0.1"),
        ("10.0.0.1", "10.3.3.3, 10.2.2.2", "10.3.3.3"),
        ("10.0.0.1", "for=198.51.100.1", "10.0.0.1"),
        ("rubbish", "198.51.100.1", ""),
    ],
)
def test_a_client_that_no_proxy_names_is_counted_as_nobody(peer, forwarded, recorded):
    assert client_of(peer, forwarded, PROXIES) == Client(address=recorded, counted="")


@pytest.mark.parametrize(
    ("peer", "forwarded", "expected"),
    [
        ("", "198.51.100.1", "198.51.100.1"),
        ("", "6.6.6.6, 198.51.100.1:4711", "198.51.100.1"),
        ("", "6.6.6.6, 198.51.100.1, unix:", "198.51.100.1"),
        ("203.0.113.5", "198.51.100.1", "203.0.113.5"),
        ("rubbish", "198.51.100.1", ""),
    ],
)
def test_who_speaks_by_a_trusted_unix_socket_is_believed(peer, forwarded, expected):
    assert client_of(peer, forwarded, [UNIX]) == Client(address=expected, counted=expected)


def test_without_trusted_proxies_the_header_is_worth_nothing():
    assert client_of("127.0.0.1", "198.51.100.1", []).counted == "127.0.0.1"


@pytest.mark.parametrize(("peer", "kept"), [("203.0.113.5", False), ("", False), ("10.9.9.9", True)])
def test_only_a_proxys_words_survive(peer, kept):
    meta = {"REMOTE_ADDR": peer, "HTTP_X_FORWARDED_PROTO": "https", "HTTP_X_FORWARDED_FOR": "1.1.1.1", "HTTP_HOST": "x"}

    forget_untrusted_words(meta, PROXIES)

    assert ("HTTP_X_FORWARDED_PROTO" in meta, "HTTP_X_FORWARDED_FOR" in meta) == (kept, kept)
    assert meta["HTTP_HOST"] == "x"


@pytest.mark.parametrize(("peer", "kept"), [("203.0.113.5", False), ("rubbish", False), ("", True)])
def test_a_trusted_unix_socket_makes_nobody_else_trusted(peer, kept):
    meta = {"REMOTE_ADDR": peer, "HTTP_X_FORWARDED_PROTO": "https"}

    forget_untrusted_words(meta, [UNIX])

    assert ("HTTP_X_FORWARDED_PROTO" in meta) == kept


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("203.0.113.5", "203.0.113.5"),
        ("2001:db8::1", "2001:db8::/64"),
        ("2001:db8::ffff:1", "2001:db8::/64"),
        ("::ffff:203.0.113.5", "203.0.113.5"),
        ("64:ff9b::203.0.113.5", "203.0.113.5"),
        ("fe80::1%eth0", "fe80::/64"),
        ("", ""),
    ],
)
def test_an_ipv6_customer_counts_as_one(address, expected):
    assert counted_address(address) == expected
