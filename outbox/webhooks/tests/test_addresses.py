from __future__ import annotations

import socket
from ipaddress import ip_address, ip_network

import pytest

from outbox.webhooks.addresses import address_of, may_be_called

INNER = [
    # This machine and this network.
    "0.0.0.0", "0.1.2.3", "127.0.0.1", "127.255.255.254", "10.0.0.1", "10.255.255.255", "172.16.0.1", "172.31.255.255",
    "192.168.0.1", "192.168.255.255", "100.64.0.1", "100.127.255.255", "169.254.0.1",
    # What clouds tell their machines.
    "169.254.169.254", "169.254.170.2", "100.100.100.200", "192.0.0.192", "168.63.129.16", "fd00:ec2::254",
    "fe80::a9fe:a9fe", "fd20:ce::254",
    # Set aside, multicast, reserved, broadcast.
    "192.0.0.1", "192.0.2.1", "192.88.99.1", "198.18.0.1", "198.19.255.255", "198.51.100.7", "203.0.113.9", "224.0.0.1",
    "239.255.255.255", "240.0.0.1", "255.255.255.255",
    # IPv6's own.
    "::", "::1", "fe80::1", "febf::1", "fc00::1", "fd12:3456::1", "fec0::1", "ff02::1", "ff0e::1", "2001:db8::1",
    "2001::1", "2001:10::1", "2001:20::1", "3fff::1", "3ffe::1", "100::1", "5f00::1", "4000::1",
    # An IPv4 address within an IPv6 one: mapped, compatible, translated, NAT64, 6to4, ISATAP, Teredo.
    "::ffff:127.0.0.1", "::ffff:7f00:1", "::ffff:10.0.0.1", "::ffff:169.254.169.254", "::127.0.0.1", "::10.0.0.1",
    "::a9fe:a9fe", "::ffff:0:127.0.0.1", "::ffff:0:10.1.2.3", "64:ff9b::127.0.0.1", "64:ff9b::7f00:1",
    "64:ff9b::169.254.169.254", "64:ff9b:1::10.0.0.1", "2002:7f00:1::", "2002:7f00:1::1", "2002:a9fe:a9fe::1",
    "2002:c0a8:101::7", "2a01:4f8::5efe:10.0.0.1", "2a01:4f8::200:5efe:127.0.0.1", "2001:0:7f00:1::",
    "fe80::5efe:10.0.0.1", "2001:0:4136:e378:8000:63bf:80ff:fffe",
]  # fmt: skip
PUBLIC = [
    "1.1.1.1", "8.8.8.8", "100.63.255.255", "100.128.0.1", "172.15.255.255", "172.32.0.1", "192.169.0.1", "198.17.0.1",
    "198.20.0.1", "223.255.255.255", "168.63.129.17", "2606:4700:4700::1111", "2a01:4f8::1", "2001:4860:4860::8888",
    "::ffff:8.8.8.8", "64:ff9b::8.8.8.8", "2002:808:808::1", "2620:fe::fe",
]  # fmt: skip


class TestMayBeCalled:
    @pytest.mark.parametrize("address", INNER)
    def test_refuses_what_is_not_on_the_public_internet(self, address):
        assert not may_be_called(ip_address(address), [])

    @pytest.mark.parametrize("address", PUBLIC)
    def test_lets_the_public_internet_pass(self, address):
        assert may_be_called(ip_address(address), [])

    @pytest.mark.parametrize("text", ["127.1", "0x7f000001", "2130706433", "0177.0.0.1", "0", "127.0.1", "0x7f.1"])
    def test_refuses_what_a_resolver_makes_of_numbers(self, text):
        found = socket.getaddrinfo(text, 80, type=socket.SOCK_STREAM)

        assert not any(may_be_called(address_of(each[4][0]), []) for each in found)

    @pytest.mark.parametrize("address", ["10.1.2.3", "::ffff:10.1.2.3", "64:ff9b::10.1.2.3"])
    def test_lets_an_allowed_network_pass_in_each_of_its_forms(self, address):
        assert may_be_called(ip_address(address), [ip_network("10.1.0.0/16")])

    def test_lets_nothing_else_pass_beside_an_allowed_network(self):
        allowed = [ip_network("10.1.0.0/16"), ip_network("fd00::/8")]

        assert not may_be_called(ip_address("10.2.0.1"), allowed)
        assert may_be_called(ip_address("fd00::7"), allowed)
        assert not may_be_called(ip_address("fe80::7"), allowed)

    def test_reads_an_address_with_its_zone_as_the_address(self):
        assert not may_be_called(address_of("fe80::1%eth0"), [])
