"""A worker's sign of life, and the probe that reads it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import pytest
from django.conf import settings

from dev.waiting import wait_until
from outbox.liveness import STUCK_AFTER_SECONDS, LivenessFile, complaint


def probe(path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "outbox.liveness", str(path)],
        cwd=settings.BASE_DIR,
        env={"PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
    )


def test_the_probe_is_content_with_a_fresh_beat(tmp_path):
    LivenessFile(tmp_path / "alive").beat()

    assert probe(tmp_path / "alive").returncode == 0


def test_the_probe_loads_neither_django_nor_settings(tmp_path):
    code = "import sys, outbox.liveness; sys.exit(any(name.startswith(('django', 'qhse')) for name in sys.modules))"

    assert subprocess.run([sys.executable, "-c", code], cwd=settings.BASE_DIR).returncode == 0


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "no worker"),
        ("rubbish", "not a worker's liveness file"),
        ("", "not a worker's liveness file"),
        ("nan 30", "last turned"),
        ("9e99 30", "last turned"),
        ("0.0 30", "last turned"),
    ],
)
def test_the_probe_complains_and_says_why(tmp_path, content, words):
    path = tmp_path / "alive"
    if content is not None:
        path.write_text(content)

    answer = probe(path)

    assert answer.returncode == 1
    assert words in answer.stderr


def test_a_loop_that_has_not_turned_for_thirty_seconds_is_stuck(tmp_path):
    path = tmp_path / "alive"
    LivenessFile(path).beat()
    now = time.monotonic()

    assert complaint(path, now=now + STUCK_AFTER_SECONDS - 1) == ""
    assert "last turned" in complaint(path, now=now + STUCK_AFTER_SECONDS + 1)


def test_where_one_handler_call_may_take_minutes_silence_is_allowed_for_as_long(tmp_path):
    path = tmp_path / "alive"
    LivenessFile(path, call_seconds=300).beat()
    now = time.monotonic()

    assert complaint(path, now=now + 300) == ""
    assert "last turned" in complaint(path, now=now + 320)


def test_a_directory_that_cannot_be_written_does_not_stop_the_worker(tmp_path, capsys):
    LivenessFile(tmp_path / "missing" / "alive").beat()

    assert "liveness file" in capsys.readouterr().err


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
class TestWorker:
    def test_an_idle_worker_beats_and_takes_its_file_away_when_it_stops(self, start_worker, tmp_path):
        path = tmp_path / "alive"
        worker = start_worker("--poll-interval", "3600", "--liveness-file", str(path))
        wait_until(path.exists, seconds=30, what="the first beat")
        first = path.read_text()

        wait_until(lambda: path.read_text() != first, seconds=20, what="the next beat, while it waits")
        assert complaint(path) == ""
        worker.send_signal(signal.SIGTERM)

        assert worker.wait(timeout=10) == 0
        assert not path.exists()
