"""The product behind a real nginx that compresses, on a port of its own, with the block of docs/operations.md."""

from __future__ import annotations

import http.client
import json
import re
import socket
import ssl
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from dev.http_client import is_ready
from dev.processes import kept_variables, start_python
from dev.stack import HOST, api_command, free_port, run_manage
from dev.waiting import wait_until
from qhse.deployment.tests.nginx import NAME, nginx

pytestmark = pytest.mark.nginx

CLIENT = "127.0.0.2"  # not the proxy's address, which is trusted
PASSWORD = "a-correct-horse"
HEADER_BYTES = 32_768


class Server(NamedTuple):
    port: int
    socket: Path


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """gunicorn with the product's own settings, by TCP and by a Unix socket, on a database of its own."""
    directory = tmp_path_factory.mktemp("api")
    chosen = Server(free_port(), directory / "socket")
    env = kept_variables() | {
        "QHSE_ENV": "dev", "DATABASE_URL": f"sqlite:///{directory}/db.sqlite3", "ALLOWED_HOSTS": f"{NAME},{HOST}",
        "TRUSTED_PROXIES": f"{HOST},unix", "GUNICORN_WORKERS": "1", "GUNICORN_KEEPALIVE": "1", "LOG_LEVEL": "ERROR",
        "GUNICORN_LOG_LEVEL": "ERROR", "DJANGO_SUPERUSER_PASSWORD": PASSWORD,
    }  # fmt: skip
    run_manage("migrate", "--verbosity", "0", env=env)
    run_manage("createsuperuser", "--noinput", "--username", "anna", env=env)
    process = start_python([*api_command(chosen.port), "--bind", f"unix:{chosen.socket}"], env=env)
    try:
        wait_until(lambda: is_ready(f"http://{HOST}:{chosen.port}"), what="the server", seconds=60, every=0.1)
        yield chosen
    finally:
        process.terminate()
        process.wait(20)


class Answer(NamedTuple):
    status: int
    headers: http.client.HTTPMessage
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


class Visitor:
    """Somebody who asks nginx as their browser or program would: by its name and port."""

    def __init__(self, port: int, *, tls: bool) -> None:
        self.origin = f"{'https' if tls else 'http'}://{NAME}:{port}"
        self._port = port
        self._tls = tls
        self.headers = {"Host": f"{NAME}:{port}"}

    def ask(self, method: str, path: str, body: str = "", **headers: str) -> Answer:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        line = self._connect()
        try:
            line.request(method, path, body.encode() or None, self.headers | named)
            response = line.getresponse()
            return Answer(response.status, response.headers, response.read())
        finally:
            line.close()

    def send(self, method: str, path: str, document: dict[str, Any], **headers: str) -> Answer:
        return self.ask(method, path, json.dumps(document), Content_Type="application/json", **headers)

    def log_in(self) -> None:
        answer = self.send("POST", "/auth/login", {"username": "anna", "password": PASSWORD})
        assert answer.status == 200, answer.body
        self.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"

    def _connect(self) -> http.client.HTTPConnection:
        if not self._tls:
            return http.client.HTTPConnection(HOST, self._port, 20, source_address=(CLIENT, 0))
        trusting = ssl.create_default_context()
        trusting.check_hostname, trusting.verify_mode = False, ssl.CERT_NONE
        return http.client.HTTPSConnection(HOST, self._port, timeout=20, source_address=(CLIENT, 0), context=trusting)


@pytest.fixture(scope="module", params=["tls", "plain", "tls and a Unix socket"])
def visitor(
    request: pytest.FixtureRequest, server: Server, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Visitor]:
    upstream = f"http://unix:{server.socket}" if "socket" in request.param else f"http://{HOST}:{server.port}"
    tls = "tls" in request.param
    with nginx(upstream, tmp_path_factory.mktemp("nginx"), tls=tls) as port:
        one = Visitor(port, tls=tls)
        one.log_in()
        yield one


def test_links_to_other_pages_lead_back_through_the_proxy(visitor):
    for number in range(2):
        visitor.send("POST", "/suppliers", {"name": f"Supplier {number} of {visitor.origin}"})

    page = visitor.ask("GET", "/suppliers?limit=1").json()

    assert page["next"] == f"{visitor.origin}/suppliers?limit=1&offset=1"
    assert visitor.ask("GET", page["next"].removeprefix(visitor.origin)).status == 200


def test_people_can_log_in_to_the_admin_site(visitor):
    page = visitor.ask("GET", "/admin/login/")
    (token,) = re.findall(rb'name="csrfmiddlewaretoken" value="(\w+)"', page.body)
    cookie = page.headers["Set-Cookie"].partition(";")[0]

    answer = visitor.ask(
        "POST", "/admin/login/", f"csrfmiddlewaretoken={token.decode()}&username=anna&password={PASSWORD}",
        Content_Type="application/x-www-form-urlencoded", Origin=visitor.origin, Cookie=cookie,
        Referer=f"{visitor.origin}/admin/login/",
    )  # fmt: skip

    assert (answer.status, answer.headers["Location"]) == (302, "/admin/")


def test_a_compressed_answers_tag_still_names_the_version(visitor):
    supplier = visitor.send("POST", "/suppliers", {"name": f"Compressed for {visitor.origin}"}).json()
    path = f"/suppliers/{supplier['id']}"
    read = visitor.ask("GET", path, Accept_Encoding="gzip")
    assert (read.headers["Content-Encoding"], read.headers["ETag"][:2]) == ("gzip", "W/")

    days = [{"certification_expiry": "2031-01-01"}, {"certification_expiry": "2032-01-01"}]
    changed = visitor.send("PATCH", f"{path}/certification", days[0], If_Match=read.headers["ETag"])
    stale = visitor.send("PATCH", f"{path}/certification", days[1], If_Match=read.headers["ETag"])

    assert (changed.status, stale.status) == (200, 412)


def test_the_client_is_recorded_and_not_what_it_says_of_itself(visitor):
    visitor.send("POST", "/auth/login", {"username": "anna", "password": "wrong"}, X_Forwarded_For="203.0.113.7")

    (entry,) = visitor.ask("GET", "/audit-log?action=LOGIN_FAILED&limit=1").json()["results"]

    assert entry["metadata"]["client_address"] == CLIENT


def test_a_token_with_many_groups_passes(visitor):
    token = "x" * (HEADER_BYTES - 1_000)

    answer = visitor.ask("GET", "/suppliers", Authorization=f"Bearer {token}")

    assert (answer.status, answer.json()["code"]) == (401, "not_authenticated")


class TestTheServerItself:
    def test_answers_a_longer_header_with_a_problem_document(self, server):
        head = f"GET /suppliers HTTP/1.1\r\nHost: {HOST}\r\nAuthorization: Bearer {'x' * HEADER_BYTES}\r\n\r\n"
        with socket.create_connection((HOST, server.port), timeout=20) as line:
            line.sendall(head.encode())
            with http.client.HTTPResponse(line) as response:
                response.begin()
                problem = json.loads(response.read())

        assert response.headers["Content-Type"] == "application/problem+json"
        assert (response.status, problem["status"], problem["code"]) == (431, 431, "header_too_large")
        assert str(HEADER_BYTES) in problem["detail"]
        assert problem["request_id"] == response.headers["X-Request-ID"]

    def test_closes_an_idle_connection_after_the_time_that_was_set(self, server):
        with closing(http.client.HTTPConnection(HOST, server.port, timeout=20)) as line:
            for _ in range(2):
                line.request("GET", "/healthz")
                with line.getresponse() as response:
                    assert response.read()
            assert line.sock is not None

            assert line.sock.recv(1) == b""
