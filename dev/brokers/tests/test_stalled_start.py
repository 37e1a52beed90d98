"""A broker that does not start in time leaves no process behind."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from dev.brokers import nats, rabbitmq
from dev.waiting import Stalled, wait_until

SCRIPT = """#!/bin/sh
sleep 600 &
echo $! > {pids}.new
mv {pids}.new {pids}
wait
"""


@pytest.fixture
def never_ready(tmp_path, monkeypatch) -> Path:
    """The file of the process behind a script that starts one, as RabbitMQ's does, and answers nobody."""
    program, pids = tmp_path / "server", tmp_path / "pids"
    program.write_text(SCRIPT.format(pids=pids))
    program.chmod(stat.S_IRWXU)
    monkeypatch.setattr(rabbitmq, "find_rabbitmq", lambda name: str(program))
    return pids


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_the_node_behind_the_script_ends_too(never_ready, monkeypatch):
    broker = rabbitmq.PrivateRabbit()

    def started(condition, **others):
        wait_until(never_ready.exists, what="the node")
        raise Stalled("it is never ready")

    monkeypatch.setattr(rabbitmq, "wait_until", started)
    with pytest.raises(Stalled):
        broker.start()

    wait_until(lambda: not is_alive(int(never_ready.read_text())), what="its end")
    assert broker._process is None and not broker._directory.exists()


def test_one_that_ends_by_itself_says_so(tmp_path, monkeypatch):
    monkeypatch.setattr(rabbitmq, "find_rabbitmq", lambda name: "/bin/false")

    with pytest.raises(RuntimeError, match="RabbitMQ has ended"):
        rabbitmq.PrivateRabbit().start()


def test_nats_is_not_left_either(never_ready, monkeypatch):
    program = never_ready.parent / "server"
    program.write_text("#!/bin/sh\nexec sleep 600\n")
    monkeypatch.setattr(nats, "find_nats", lambda: str(program))
    monkeypatch.setattr(nats, "START_SECONDS", 0.0)
    seen: list[int] = []
    monkeypatch.setattr(nats.PrivateNats, "_answers", lambda self: seen.append(self._process.pid))

    with pytest.raises(Stalled):
        nats.PrivateNats().start()

    assert seen and not is_alive(seen[0])
