"""The command blocks that people paste work as they stand there, twice, on any port. What fails says why."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator

import pytest

from dev.stack import Stack, free_port, run_manage
from qhse.tests.pages import FENCE, text_of

PAGES = ("README.md", "docs/api.md")


def blocks_of(page: str) -> list[str]:
    """Return the blocks of a page that talk to a running server."""
    return [body for language, body in FENCE.findall(text_of(page)) if language == "sh" and "$URL" in body]


FIRST = blocks_of("README.md")[0]


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """Start the product as `make run` does, with a database of its own."""
    env = {name: value for name, value in os.environ.items() if not name.startswith(("DJANGO_", "PYTEST_"))}
    env |= {"QHSE_ENV": "dev", "DATABASE_URL": f"sqlite:///{tmp_path_factory.mktemp('pasted') / 'qhse.sqlite3'}"}
    run_manage("migrate", "--verbosity", "0", env=env)
    run_manage("seed_demo", "--suppliers", "2", "--ncs", "2", env=env)
    chosen = free_port()
    with Stack(port=chosen, env=env | {"GUNICORN_LOG_LEVEL": "WARNING"}, show=False) as stack:
        stack.start()
        yield chosen


def paste(*blocks: str, port: int) -> tuple[str, str]:
    """Paste blocks into one shell, and return what it printed and what it complained about."""
    done = subprocess.run(
        ["bash"],
        input="\n".join(blocks),
        env=os.environ | {"PORT": str(port)},
        capture_output=True,
        text=True,
        timeout=120,
    )
    return done.stdout, done.stderr


class TestPastedBlocks:
    def test_each_does_what_the_page_says_when_it_is_pasted_twice(self, port):
        blocks = [block for page in PAGES for block in blocks_of(page)]
        said, complaints = paste(FIRST, *(block for each in blocks[1:] for block in (each, each)), port=port)

        assert complaints == ""
        assert len({line for line in said.splitlines() if line.startswith("Supplier ")}) == 1
        assert '"risk_level": "high"' in said
        assert '"status": "CLOSED"' in said
        assert said.count('"action": "SUPPLIER_RISK_CHANGED"') == 2  # by the request that the auditor asks about
        assert '"nc_open_high":' in said
        assert '"code": "unknown_field"' in said
        assert '"certification_expiry": "2029-06-30"' in said
        assert '"code": "stale_version"' not in said

    def test_all_of_them_may_be_pasted_from_the_beginning_again(self, port):
        story = [block for page in PAGES for block in blocks_of(page)]

        assert paste(*story, *story, port=port)[1] == ""

    def test_a_refusal_says_what_was_wrong(self, port):
        _, complaints = paste(
            FIRST, """curl -sS "$URL/ncs" -H "$(as quality)" -H "$JSON" -d '{"supplier_id": 1}' | field id""", port=port
        )

        assert complaints == "Not done. severity: This field is required. description: This field is required.\n"

    def test_an_expired_token_is_called_one(self, port):
        _, complaints = paste(FIRST, 'curl -sS "$URL/ncs/1" -H "Authorization: Bearer old" | field id', port=port)

        assert complaints == "Not done. The credentials or the token are not valid, or no longer.\n"

    def test_a_server_that_is_not_there_is_said_to_be_away(self):
        _, complaints = paste(FIRST, "login quality", port=free_port())

        assert "Not done. There is no answer: does make run run?" in complaints
        assert "Traceback" not in complaints
