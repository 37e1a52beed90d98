from __future__ import annotations

from ipaddress import ip_network

import pytest

from outbox.webhooks.targets import Target, UrlRefused, masked, target_of

REFUSED = [
    "", "example.com", "//example.com/", "ftp://example.com/", "file:///etc/passwd", "gopher://example.com/",
    "javascript:1", "https://", "https:///x", "https://user@example.com/", "https://user:pw@example.com/", "https://@example.com/",
    "https://example.com/#x", "https://example.com#", "https://example.com:0/", "https://example.com:99999/",
    "https://example.com:x/", "https://exa mple.com/", "https://example.com/\n", "https://example.com/\x00",
    "https://exämple.com/", "https://example.com\\@evil.example/", "https://-example.com/", "https://example..com/",
    "https://[::1/", "https://[zz]/", "https://127.1/", "https://0x7f000001/", "https://2130706433/", "https://0177.0.0.1/",
    "https://127.0.0.1/", "https://10.0.0.1/", "https://[::1]/", "https://[::ffff:127.0.0.1]/", "https://169.254.169.254/",
    "https://0/", "https://1.2.3/", "https://example.com.127/", "https://%31%32%37.0.0.1/", "https://[fe80::1%25eth0]/",
    "https://①②⑦.0.0.1/", "https://" + "a" * 64 + ".com/", "https://example.com/" + "a" * 2_000,
]  # fmt: skip


class TestTargetOf:
    @pytest.mark.parametrize("url", REFUSED)
    def test_refuses(self, url):
        with pytest.raises(UrlRefused) as refused:
            target_of(url, strict=False, allowed=[])

        assert "pw@" not in str(refused.value)

    @pytest.mark.parametrize(
        "url",
        ["http://example.com/", "http://example.com:443/", "https://example.com:8443/", "https://example.com:80/"],
    )
    def test_wants_https_and_its_port_where_it_is_strict(self, url):
        target_of(url, strict=False, allowed=[])

        with pytest.raises(UrlRefused):
            target_of(url, strict=True, allowed=[])

    def test_returns_what_a_call_needs(self):
        assert target_of("https://Example.COM./hooks?key=7", strict=True, allowed=[]) == Target(
            "https", "example.com", 443, "/hooks?key=7"
        )
        assert target_of("https://example.com", strict=True, allowed=[]).path == "/"

    def test_writes_the_host_header_as_servers_want_it(self):
        hosts = [
            "https://example.com",
            "https://example.com:8443",
            "https://[2a01:4f8::1]:8443",
            "http://example.com:80",
        ]

        assert [target_of(each, strict=False, allowed=[]).host_header for each in hosts] == [
            "example.com", "example.com:8443", "[2a01:4f8::1]:8443", "example.com",
        ]  # fmt: skip

    def test_takes_numbers_of_an_allowed_network(self):
        assert target_of("http://127.0.0.1:9/", strict=False, allowed=[ip_network("127.0.0.0/8")]).port == 9


def test_the_query_of_an_address_is_not_shown():
    assert masked("https://example.com/hook?code=secret&x=1") == "https://example.com/hook?…"
    assert masked("https://example.com/hook") == "https://example.com/hook"
