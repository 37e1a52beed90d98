"""A small identity provider on this machine, which publishes keys and signs whatever a test asks for."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

ISSUER = "https://login.example.com/realms/quality"
AUDIENCE = "qhse"


class Provider:
    """Its keys by kid; `answer` is what /keys says, None for the keys; `fetches` counts who asked."""

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}/keys"
        self.keys: dict[str, Any] = {}
        self.answer: tuple[int, dict[str, str], bytes] | None = None
        self.fetches = 0
        self.add_rsa("rsa-1")
        self.add_ec("ec-1")

    def add_rsa(self, kid: str) -> None:
        self.keys[kid] = rsa.generate_private_key(public_exponent=65537, key_size=2048)

    def add_ec(self, kid: str) -> None:
        self.keys[kid] = ec.generate_private_key(ec.SECP256R1())

    def published(self) -> bytes:
        documents = []
        for kid, key in self.keys.items():
            algorithm, name = (RSAAlgorithm, "RS256") if isinstance(key, rsa.RSAPrivateKey) else (ECAlgorithm, "ES256")
            public = algorithm.to_jwk(key.public_key(), as_dict=True)
            documents.append(public | {"kid": kid, "use": "sig", "alg": name})
        return json.dumps({"keys": documents}).encode()

    def claims(self, **changes: Any) -> dict[str, Any]:
        now = int(time.time())
        claims = {
            "iss": ISSUER, "aud": AUDIENCE, "sub": "4711", "iat": now, "exp": now + 300,
            "preferred_username": "m.weber", "realm_access": {"roles": ["offline_access", "theirs-quality"]},
        }  # fmt: skip
        return {name: value for name, value in (claims | changes).items() if value is not ...}

    def token(
        self, *, kid: str = "rsa-1", key: Any = None, algorithm: str = "", header: Any = None, **changes: Any
    ) -> str:
        key = key or self.keys[kid]
        algorithm = algorithm or ("RS256" if isinstance(key, rsa.RSAPrivateKey) else "ES256")
        return jwt.encode(self.claims(**changes), key, algorithm=algorithm, headers={"kid": kid} | (header or {}))


@contextmanager
def running_provider() -> Iterator[Provider]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            provider.fetches += 1
            status, headers, body = provider.answer or (200, {}, provider.published())
            self.send_response(status)
            for name, value in ({"Content-Length": str(len(body))} | headers).items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    provider = Provider(server.server_address[1])
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield provider
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
