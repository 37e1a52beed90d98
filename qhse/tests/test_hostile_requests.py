"""Hostile paths, queries and headers: an answer below 500 in the shape of all answers."""

from __future__ import annotations

import io
import json
from typing import Any
from urllib.parse import quote_from_bytes

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from qhse.wsgi import application

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("connection_stays_open")]

bounded = hypothesis_settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)


def ask(**environ: Any) -> tuple[int, dict[str, str], bytes]:
    """Send a request through the WSGI application as a server would, with nothing of a test client in between."""
    started: list[Any] = []
    base = {
        "REQUEST_METHOD": "GET",
        "PATH_INFO": "/healthz",
        "QUERY_STRING": "",
        "SERVER_NAME": "localhost",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "127.0.0.1",
        "HTTP_HOST": "localhost",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(b""),
        "wsgi.errors": io.StringIO(),
        "wsgi.multithread": False,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
    }
    answer = application(base | environ, lambda status, headers, exc_info=None: started.extend([status, headers]))
    body = b"".join(answer)
    answer.close()
    return int(started[0].split()[0]), dict(started[1]), body


def assert_refused(answer: tuple[int, dict[str, str], bytes], status: int) -> None:
    assert (answer[0], answer[1]["Content-Type"]) == (status, "application/problem+json")
    document = json.loads(answer[2])
    assert (document["status"], document["request_id"]) == (status, answer[1]["X-Request-ID"])


class TestPaths:
    @pytest.mark.parametrize(
        "path",
        ["/%00", "/suppliers/%00", "/suppliers/1%00", "/suppliers/%ff", "/suppliers/%ed%a0%80",
        "/%c0%ae%c0%ae/etc/passwd",
         "/../../etc/passwd", "/static/../../qhse/settings.py", "/static/..%2f..%2fmanage.py",
         "/static/%2e%2e/manage.py", "/static/\\..\\..\\manage.py", "/static//etc/passwd",
         "/suppliers/1/../2", "/./suppliers", "/suppliers/１", "/suppliers/١", "/suppliers/+1",
         "/suppliers/1e0", "/suppliers/0x1", "/suppliers/1.0", "/suppliers/9" + "9" * 5000,
         "/ncs/1/close/", "/ncs//close", "/ncs/1/CLOSE", "/outbox/events/{}",
         "/outbox/events/" + "0" * 36, "/%2Fsuppliers", "/suppliers%20",
         "/%F0%9F%8F%AD", "/" + "a" * 100_000, "/" + "a/" * 10_000, "/\u2028", "/%", "/%zz", "/%u0041",
         "/<script>", "/{{7*7}}", "/;", "/:", "/@localhost", "/*"],
    )  # fmt: skip
    def test_an_odd_one_is_404_for_everybody(self, api, anonymous, problem_of, path):
        for client in (anonymous, api("admin")):
            problem_of(client.get(path), 404)

    @pytest.mark.parametrize("path", [b"\xff\xfe", b"/\x00", b"/suppliers/\xed\xa0\x80", b"*", b"//", b"suppliers"])
    def test_raw_bytes_are_404_too(self, path):
        assert_refused(ask(PATH_INFO=path.decode("latin-1")), 404)

    def test_an_absolute_url_as_path_names_no_route(self):
        assert_refused(ask(PATH_INFO="http://evil.example/suppliers"), 404)

    @bounded
    @given(path=st.binary(max_size=40))
    def test_no_path_is_a_500(self, path):
        assert ask(PATH_INFO="/" + path.decode("latin-1"))[0] < 500


class TestQueries:
    @bounded
    @given(value=st.binary(max_size=30), name=st.sampled_from(["search", "at_risk", "ordering", "limit", "offset"]))
    def test_no_value_is_a_500(self, api, problem_of, value, name):
        response = api("auditor").get(f"/suppliers?{name}={quote_from_bytes(value)}")

        if response.status_code != 200:
            problem_of(response, 400)

    @bounded
    @given(query=st.text(alphabet=st.sampled_from("abz019=&%;+[]{}()<>'\"\\/?#ä\u2028. _-"), max_size=40))
    def test_no_query_is_a_500(self, api, problem_of, query):
        response = api("auditor").generic("GET", "/audit-log", QUERY_STRING=query.encode().decode("latin-1"))

        if response.status_code != 200:
            problem_of(response, 400)

    @pytest.mark.parametrize(
        "query", ["%", "%zz", "%u0041", "&&&", "=", "==", "limit=1;offset=2", "limit=1%26offset=2",
        "limit=%31%00", "\xff"]
    )  # fmt: skip
    def test_broken_encodings_are_400_or_nothing_at_all(self, api, problem_of, query):
        response = api("auditor").generic("GET", "/suppliers", QUERY_STRING=query)

        if query != "&&&":
            problem_of(response, 400)

    @pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics", "/openapi.json", "/docs"])
    @pytest.mark.parametrize("query", ["x=1", "bogus=1", "%ff=%00", "format=yaml", "lang=zz", "version=1"])
    def test_public_routes_know_no_parameters_either(self, anonymous, problem_of, path, query):
        problem_of(anonymous.get(f"{path}?{query}"), 400)

    def test_the_script_of_the_documents_page_is_a_parameter_of_it(self, anonymous):
        response = anonymous.get("/docs?script=")

        assert (response.status_code, response["Content-Type"]) == (200, "application/javascript")

    def test_the_document_takes_no_version_from_a_client(self, anonymous, problem_of):
        for version in ("%0d%0aX: y", "2.0", "<script>"):
            problem_of(anonymous.get(f"/openapi.json?version={version}"), 400)


class TestHosts:
    @pytest.mark.parametrize(
        "host",
        ["evil.example", "localhost.evil.example", "evil.example:80", "", "localhost:80:80",
        "localhost:port", "local host",
         "localhost\\@evil", "localhost/evil", "[::1", "[::1]:x", "é.example", "\x00", "*", ".", "..",
         "-", "x" * 10_000, "127.0.0.1.nip.io", "0x7f000001", "http://localhost"],
    )  # fmt: skip
    def test_a_foreign_or_malformed_one_is_a_400_problem_on_every_route(self, api, anonymous, problem_of, host):
        admin = api("admin")

        for path in ("/suppliers", "/kpi", "/openapi.json", "/nope", "/admin/login/"):
            for client in (anonymous, admin):
                assert problem_of(client.get(path, HTTP_HOST=host), 400)["code"] == "bad_request"

    @pytest.mark.parametrize(
        "headers",
        [{"HTTP_X_FORWARDED_HOST": "evil.example"}, {"HTTP_FORWARDED": "host=evil.example"},
         {"HTTP_X_HOST": "evil.example"}, {"HTTP_X_ORIGINAL_URL": "/admin/"}, {"HTTP_X_REWRITE_URL": "/admin/"}],
    )  # fmt: skip
    def test_forwarding_headers_reach_no_link_and_no_route(self, api, make_supplier, headers):
        make_supplier()
        make_supplier()

        response = api("auditor").get("/suppliers?limit=1", **headers)

        assert response.json()["next"].startswith("http://testserver/suppliers?")


class TestHeaders:
    @pytest.mark.parametrize(
        ("header", "value"),
        [
            ("HTTP_ACCEPT", "text/html"),
            ("HTTP_ACCEPT", "application/xml;q=1, */*;q=zz"),
            ("HTTP_ACCEPT", ";;;,,,"),
            ("HTTP_ACCEPT", "a/b," * 5000),
            ("HTTP_ACCEPT_LANGUAGE", "x" * 10_000),
            ("HTTP_ACCEPT_ENCODING", "br;q=NaN"),
            ("HTTP_COOKIE", "sessionid=\x00; csrftoken=" + "x" * 5000),
            ("HTTP_COOKIE", "=;=;=" * 1000),
            ("HTTP_IF_MATCH", "*"),
            ("HTTP_IF_NONE_MATCH", "*"),
            ("HTTP_IF_MODIFIED_SINCE", "Mon, 99 Foo 99999 99:99:99 GMT"),
            ("HTTP_RANGE", "bytes=0-0,1-1,-9"),
            ("HTTP_ORIGIN", "null"),
            ("HTTP_EXPECT", "100-continue"),
            ("HTTP_X_FORWARDED_FOR", "127.0.0.1, " * 1000),
            ("HTTP_USER_AGENT", "${jndi:ldap://x}\r\nX: y"),
            ("HTTP_X_REQUESTED_WITH", "\x00"),
            ("CONTENT_LENGTH", "x"),
            ("CONTENT_LENGTH", "-1"),
            ("CONTENT_LENGTH", "9" * 400),
            ("CONTENT_TYPE", "\x00"),
            ("CONTENT_TYPE", "application/json;" * 1000),
        ],
    )
    def test_an_odd_one_changes_no_answer(self, api, header, value):
        response = api("auditor").get("/suppliers", **{header: value})

        assert (response.status_code, response["Content-Type"]) == (200, "application/json")

    @pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://testserver"])
    def test_no_origin_is_let_in(self, api, origin):
        client = api("admin")

        preflight = client.options("/suppliers", HTTP_ORIGIN=origin, HTTP_ACCESS_CONTROL_REQUEST_METHOD="POST")
        answer = client.get("/suppliers", HTTP_ORIGIN=origin)

        assert preflight.status_code == 405
        for response in (preflight, answer):
            assert not [name for name in response.headers if name.startswith("Access-Control-")]

    def test_every_answer_is_guarded_against_sniffing_and_framing(self, api, anonymous):
        for response in (api("admin").get("/suppliers"), anonymous.get("/suppliers"), anonymous.get("/docs")):
            assert response["X-Content-Type-Options"] == "nosniff"
            assert response["X-Frame-Options"] == "DENY"
            assert "default-src 'self'" in response["Content-Security-Policy"]
            assert "unsafe" not in response["Content-Security-Policy"]

    @pytest.mark.parametrize("charset", ["utf-16", "utf-7", "nonsense", "latin-1", "ascii", '"', "x" * 1000])
    def test_a_charset_of_the_content_type_is_no_500(self, charset):
        answer = ask(
            PATH_INFO="/suppliers", QUERY_STRING="search=%41%ff", CONTENT_TYPE=f"text/plain; charset={charset}"
        )

        assert_refused(answer, 401)

    @pytest.mark.parametrize("charset", ["hex", "base64", "rot13", "undefined", "idna", "zlib", "bz2", "punycode\x00"])
    def test_a_codec_that_is_no_charset_is_no_500_either(self, charset):
        answer = ask(
            PATH_INFO="/suppliers", QUERY_STRING="search=%41%ff", CONTENT_TYPE=f"text/plain; charset={charset}"
        )

        assert_refused(answer, 401)
