"""Who asked and from where."""

from __future__ import annotations

import threading

import pytest

from qhse.observability import context


def test_outside_of_everything_it_is_a_command():
    assert context.current() == context.RequestContext(request_id="", source="command", client_address="")


def test_the_former_one_comes_back_also_after_an_error():
    with context.use(request_id="gauge-7", source="api", client_address="192.0.2.1"):
        with pytest.raises(RuntimeError), context.use(request_id="gauge-8", source="worker"):
            assert context.current() == context.RequestContext("gauge-8", "worker", "")
            raise RuntimeError
        assert context.current() == context.RequestContext("gauge-7", "api", "192.0.2.1")
    assert context.current().request_id == ""


def test_another_thread_sees_nothing_of_it():
    seen = []
    with context.use(request_id="gauge-7", source="api"):
        other = threading.Thread(target=lambda: seen.append(context.current().request_id))
        other.start()
        other.join()

    assert seen == [""]


@pytest.mark.parametrize("offered", ["a", "req-42", "x" * 64])
def test_a_harmless_id_is_kept(offered):
    assert context.accept_request_id(offered) == offered


@pytest.mark.parametrize("offered", [None, "", "x" * 65, "a b", "a\n", "ä"])
def test_another_becomes_a_new_one(offered):
    first, second = context.accept_request_id(offered), context.accept_request_id(offered)

    assert first != second
    assert len(first) == len(second) == 32
