"""
How many exports run at once: one of each person, and so many in each process.

An export keeps a thread for as long as its reader takes. Without a bound, a few of them would be all threads there are.
"""

from __future__ import annotations

from collections.abc import Callable
from threading import Lock

from django.conf import settings

from qhse.database import hold_turn, leave_turn
from qhse.exporting.errors import TooManyExports

_NAMESPACE = 0x51E7 << 40
_guard = Lock()
_running: set[int] = set()  # the people of this process; their number is that of the exports


def take_export_turn(user_id: int) -> Callable[[], None]:
    """
    Return what gives the turn back, once. Raises TooManyExports.

    The other processes know of it by an advisory lock of the session, for which no transaction has to stay open. It
    goes with the session, whatever becomes of this process.
    """
    with _guard:
        if user_id in _running:
            raise TooManyExports("Another export of yours is running. Ask again when it has ended.")
        if len(_running) >= settings.EXPORTS_AT_ONCE:
            raise TooManyExports("Other exports are running. Ask again in a moment.")
        _running.add(user_id)
    try:
        if not hold_turn(_NAMESPACE + user_id):
            raise TooManyExports("Another export of yours is running. Ask again when it has ended.")
    except BaseException:
        _leave(user_id)
        raise
    given = False

    def give_back() -> None:
        nonlocal given
        if not given:
            given = True
            _leave(user_id)
            leave_turn(_NAMESPACE + user_id)

    return give_back


def _leave(user_id: int) -> None:
    with _guard:
        _running.discard(user_id)
