from __future__ import annotations

import itertools
import socket
import ssl
import time
from ipaddress import ip_network

import pytest

from outbox.webhooks import calling
from outbox.webhooks.calling import MOST_READ, call
from outbox.webhooks.targets import Target
from outbox.webhooks.tests.certificates import contexts_for
from outbox.webhooks.tests.receiver import OK, Receiver, answering, status

LOOPBACK = [ip_network("127.0.0.0/8"), ip_network("::1/128")]
BODY = b'{"type":"NC_CREATED"}'


def resolving(*addresses):
    """Return a resolver that answers with these addresses, one list for each time it is asked."""
    lists = list(addresses)

    def resolve(host, port, **kwargs):
        found = lists.pop(0) if len(lists) > 1 else lists[0]
        kinds = [socket.AF_INET6 if ":" in each else socket.AF_INET for each in found]
        return [
            (kind, socket.SOCK_STREAM, 6, "", (each, port)) for kind, each in zip(kinds, found, strict=True)
        ]  # fmt: skip

    return resolve


def http_target(receiver, host="hooks.example.com", path="/hook"):
    return Target("http", host, receiver.port, path)


def called(receiver, *, addresses=("127.0.0.1",), allowed=LOOPBACK, target=None, **options):
    return call(
        target or http_target(receiver), {"webhook-id": "0199"}, BODY,
        allowed=allowed, resolve=resolving(list(addresses)), **options,
    )  # fmt: skip


class TestACall:
    def test_posts_the_body_under_the_name_of_its_host(self):
        with Receiver() as receiver:
            answer = called(receiver, target=http_target(receiver, path="/hook?key=7"))

        (got,) = receiver.got
        assert (answer.status, answer.error, answer.is_taken) == (204, "", True)
        assert got.line == "POST /hook?key=7 HTTP/1.1"
        assert got.body == BODY
        assert got.headers["Host"] == f"hooks.example.com:{receiver.port}"
        assert got.headers["webhook-id"] == "0199"
        assert got.headers["Content-Type"] == "application/json"
        assert "Accept-Encoding" not in got.headers or got.headers["Accept-Encoding"] == "identity"

    @pytest.mark.parametrize("code", [200, 201, 202, 204, 299])
    def test_is_taken_when_the_answer_says_so(self, code):
        with Receiver(status(code)) as receiver:
            assert called(receiver).is_taken

    @pytest.mark.parametrize("code", [300, 400, 401, 404, 410, 429, 500, 503])
    def test_is_not_taken_otherwise_and_says_what_was_answered(self, code):
        with Receiver(status(code, b"no")) as receiver:
            answer = called(receiver)

        assert not answer.is_taken
        assert str(code) in answer.error
        assert answer.excerpt == "no"

    def test_tells_when_to_come_again(self):
        with Receiver(status(503, headers="Retry-After: 120\r\n")) as receiver:
            assert called(receiver).retry_after == "120"

    def test_tries_the_next_address_of_a_name_when_one_refuses(self):
        with Receiver(host="127.0.0.3") as receiver:
            answer = called(receiver, addresses=["127.0.0.2", "127.0.0.3"])

        assert answer.is_taken

    def test_asks_no_proxy_of_the_environment(self, monkeypatch):
        for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, "http://127.0.0.1:9/")
        with Receiver() as receiver:
            assert called(receiver).is_taken


class TestWhereACallMayGo:
    @pytest.mark.parametrize(
        "address",
        ["127.0.0.1", "169.254.169.254", "10.0.0.1", "::1", "::ffff:127.0.0.1", "64:ff9b::7f00:1", "fe80::1%lo"],
    )
    def test_not_to_a_name_that_leads_within(self, address):
        with Receiver() as receiver:
            answer = called(receiver, addresses=[address], allowed=[])

        assert answer.status is None
        assert "not on the public internet" in answer.error
        assert address not in answer.error
        assert receiver.connections == 0

    def test_not_to_a_name_of_which_one_address_leads_within(self):
        with Receiver() as receiver:
            answer = called(receiver, addresses=["127.0.0.1", "10.0.0.1"])

        assert "not on the public internet" in answer.error
        assert receiver.connections == 0

    def test_only_to_the_address_that_was_checked_whatever_the_name_says_later(self):
        only = [ip_network("127.0.0.1/32")]
        with Receiver() as outer, Receiver(host="127.0.0.2", port=outer.port) as inner:
            rebinding = resolving(["127.0.0.1"], ["127.0.0.2"])
            first, second = (call(http_target(outer), {}, BODY, allowed=only, resolve=rebinding) for _ in range(2))

        assert inner.connections == 0
        assert first.is_taken
        assert "not on the public internet" in second.error

    def test_resolves_a_name_once(self):
        asked = []

        def resolve(host, port, **kwargs):
            asked.append(host)
            return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))]

        with Receiver() as receiver:
            call(http_target(receiver), {}, BODY, allowed=LOOPBACK, resolve=resolve)

        assert asked == ["hooks.example.com"]

    @pytest.mark.parametrize("code", [301, 302, 303, 307, 308])
    def test_follows_no_redirect(self, code):
        with Receiver() as inner, Receiver(status(code, headers=f"Location: {inner.url}\r\n")) as receiver:
            answer = called(receiver)

        assert answer.status == code
        assert "redirects are not followed" in answer.error
        assert inner.connections == 0

    def test_says_so_when_a_name_has_no_address(self):
        def resolve(host, port, **kwargs):
            raise socket.gaierror(-2, "Name or service not known")

        with Receiver() as receiver:
            answer = call(http_target(receiver), {}, BODY, allowed=LOOPBACK, resolve=resolve)

        assert answer.error == "the name hooks.example.com cannot be resolved"


def dripping(line, got):
    for each in itertools.cycle(b"HTTP/1.1 200 OK\r\nX: "):
        line.sendall(bytes([each]))
        time.sleep(0.02)


def dripping_body(line, got):
    line.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
    while True:
        line.sendall(b"x")
        time.sleep(0.02)


def endless_headers(line, got):
    line.sendall(b"HTTP/1.1 200 OK\r\n")
    for number in itertools.count():
        line.sendall(b"X-%d: %s\r\n" % (number, b"a" * 1_000))


def endless_line(line, got):
    while True:
        line.sendall(b"a" * 10_000)


def silent(line, got):
    line.recv(1)


WHOLE_HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"


class TestWhatAReceiverMayDo:
    """Each of these would hold a thread, or fill the memory, if nothing bounded it."""

    @pytest.mark.parametrize("behaviour", [silent, dripping])
    def test_to_take_its_time_ends_with_the_time_of_the_call(self, behaviour):
        with Receiver(behaviour) as receiver:
            answer = called(receiver, seconds=0.4)

        assert answer.status is None
        assert "longer than" in answer.error

    def test_to_drip_its_body_does_not_matter(self, monkeypatch):
        monkeypatch.setattr(calling, "BODY_SECONDS", 0.2)
        with Receiver(dripping_body) as receiver:
            assert called(receiver).is_taken

    @pytest.mark.parametrize("behaviour", [endless_headers, endless_line])
    def test_to_send_without_end_is_cut_off(self, behaviour):
        with Receiver(behaviour) as receiver:
            answer = called(receiver)

        assert answer.status is None
        assert answer.error

    def test_to_send_without_end_counts_what_it_reads(self):
        with Receiver(endless_headers) as receiver:
            answer = called(receiver)

        assert answer.error == f"the answer has more than {MOST_READ:,} bytes"

    def test_to_send_much_is_read_in_part(self):
        with Receiver(status(500, b"x" * 10_000_000)) as receiver:
            answer = called(receiver, excerpt=100)

        assert answer.excerpt == "x" * 100

    def test_to_announce_more_than_memory_holds_costs_nothing(self):
        huge = b"HTTP/1.1 500 X\r\nTransfer-Encoding: chunked\r\n\r\nFFFFFFFFFF\r\n" + b"x" * 100_000
        with Receiver(answering(huge)) as receiver:
            assert len(called(receiver).excerpt) <= MOST_READ

    @pytest.mark.parametrize(
        "data",
        [
            b"",
            b"\x00" * 64,
            b"SSH-2.0-OpenSSH\r\n",
            b"HTTP/1.1\r\n\r\n",
            b"HTTP/1.1 abc OK\r\n\r\n",
            b"HTTP/9 200 OK\r\n\r\n",
        ],
    )
    def test_to_speak_something_else_is_told(self, data):
        with Receiver(answering(data)) as receiver:
            answer = called(receiver)

        assert answer.status is None
        assert answer.error

    @pytest.mark.parametrize("end", range(len("HTTP/1.1 200"), len(WHOLE_HEAD)))
    def test_to_hang_up_breaks_off_in_its_head_and_nothing_is_taken(self, end):
        with Receiver(answering(WHOLE_HEAD[:end])) as receiver:
            answer = called(receiver)

        assert (answer.status, answer.error) == (None, "the answer breaks off in its head")

    def test_to_hang_up_after_an_early_word_is_no_answer(self):
        with Receiver(answering(b"HTTP/1.1 103 Early Hints\r\nLink: <x>\r\n\r\n")) as receiver:
            answer = called(receiver)

        assert answer.status is None

    @pytest.mark.parametrize(
        "body",
        [b"", b"Content-Length: 9\r\n\r\nhalf", b"Transfer-Encoding: chunked\r\n\r\nFF\r\nhalf"],
        ids=["no body", "shorter than it says", "half a chunk"],
    )
    def test_to_break_off_in_its_body_has_answered(self, body):
        with Receiver(answering(b"HTTP/1.1 200 OK\r\n" + (body or b"\r\n"))) as receiver:
            assert called(receiver).is_taken

    def test_to_answer_what_is_no_text_is_shown_as_far_as_it_can_be(self):
        with Receiver(status(500, b"\xff\x00Gr\xc3\xb6\xc3\x9fe")) as receiver:
            assert called(receiver).excerpt == "\ufffd\ufffdGröße"

    def test_to_be_away_is_told(self):
        with Receiver() as receiver:
            pass

        assert "no connection" in called(receiver).error


class TestTls:
    def test_is_verified_by_the_name_of_the_target_at_the_address_that_was_checked(self, tmp_path):
        server, client = contexts_for("hooks.example.com", tmp_path)
        with Receiver(context=server) as receiver:
            target = Target("https", "hooks.example.com", receiver.port, "/")
            assert called(receiver, target=target, context=client).is_taken

    def test_of_another_name_is_refused(self, tmp_path):
        server, client = contexts_for("other.example.com", tmp_path)
        with Receiver(context=server) as receiver:
            target = Target("https", "hooks.example.com", receiver.port, "/")
            answer = called(receiver, target=target, context=client)

        assert "certificate is not valid for hooks.example.com" in answer.error
        assert receiver.got == []

    def test_of_an_unknown_authority_is_refused(self, tmp_path):
        server, _ = contexts_for("hooks.example.com", tmp_path)
        with Receiver(context=server) as receiver:
            answer = called(receiver, target=Target("https", "hooks.example.com", receiver.port, "/"))

        assert "certificate is not valid" in answer.error
        assert receiver.got == []

    def test_that_has_ended_is_refused(self, tmp_path):
        server, client = contexts_for("hooks.example.com", tmp_path, days=-5)
        with Receiver(context=server) as receiver:
            answer = called(
                receiver, target=Target("https", "hooks.example.com", receiver.port, "/"), context=client
            )  # fmt: skip

        assert "certificate is not valid" in answer.error

    def test_is_not_spoken_by_who_answers_in_plain(self):
        with Receiver(answering(OK)) as receiver:
            target = Target("https", "hooks.example.com", receiver.port, "/")
            answer = called(receiver, target=target, context=ssl.create_default_context())

        assert answer.status is None
        assert answer.error
