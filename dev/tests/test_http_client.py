from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from dev.http_client import HttpClient, NoAnswer, is_ready
from dev.stack import free_port


class Echo(BaseHTTPRequestHandler):
    """Answers with what it was sent, under the status in the path's end; its lines are kept open."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
        if self.path.endswith("/broken"):
            self.close_connection = True
            return
        if self.path.endswith("/page"):
            self._answer(502, b"<html>")
            return
        sent = {"line": self.client_address[1], "path": self.path, "body": body, **self.headers}
        self._answer(int(self.path.rpartition("/")[2]), json.dumps(sent).encode())

    do_GET = do_POST

    def _answer(self, status: int, content: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *arguments: object) -> None:
        """Say nothing."""


@pytest.fixture
def url() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Echo) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


class TestSend:
    def test_sends_json_with_a_token_and_headers_below_the_path_of_the_url(self, url):
        answer = HttpClient(f"{url}/qhse/").send("POST", "/201", {"a": "ä"}, token="t", headers={"X-Request-ID": "r"})

        seen = answer.document()
        assert answer.status == 201
        assert seen["path"] == "/qhse/201"
        assert json.loads(seen["body"]) == {"a": "ä"}
        assert (seen["Authorization"], seen["X-Request-ID"]) == ("Bearer t", "r")
        assert seen["Content-Type"] == "application/json"

    def test_without_a_body_and_a_token_names_neither(self, url):
        seen = HttpClient(url).send("GET", "/200").document()

        assert seen["body"] == ""
        assert not {"Content-Type", "Authorization"} & set(seen)

    @pytest.mark.parametrize("status", [400, 409, 503])
    def test_a_refusal_is_an_answer(self, url, status):
        assert HttpClient(url).send("GET", f"/{status}").status == status

    def test_headers_are_looked_up_in_any_case(self, url):
        answer = HttpClient(url).send("GET", "/200")

        assert answer.headers["content-LENGTH"] == str(len(answer.content))

    def test_each_request_has_a_line_of_its_own(self, url):
        client = HttpClient(url)

        assert client.send("GET", "/200").document()["line"] != client.send("GET", "/200").document()["line"]

    def test_one_line_is_kept_open_on_demand_until_it_breaks(self, url):
        client = HttpClient(url, keep_open=True)
        first = client.send("GET", "/200").document()["line"]

        assert client.send("GET", "/200").document()["line"] == first
        with pytest.raises(NoAnswer):
            client.send("POST", "/broken", {})
        assert client.send("GET", "/200").document()["line"] != first
        client.close()

    def test_nobody_there_is_no_answer(self):
        with pytest.raises(NoAnswer, match="refused"):
            HttpClient(f"http://127.0.0.1:{free_port()}").send("GET", "/")

    def test_what_is_not_json_is_no_answer_of_the_api(self, url):
        answer = HttpClient(url).send("GET", "/page")

        with pytest.raises(NoAnswer, match="502"):
            answer.document()


class TestIsReady:
    def test_is_true_only_of_a_200(self, url):
        assert not is_ready(f"{url}/503?")  # asks for /503?/readyz, which Echo cannot answer
        assert not is_ready(f"http://127.0.0.1:{free_port()}")
