"""What a worker process of a benchmark is told on its standard input, and what it answers: one line each."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from typing import Any


def serve(*, drain: Callable[[int], Any], run_forever: Callable[[], None]) -> None:
    """
    Say that this process is connected and ready, then obey until the standard input ends.

    `{"drain": batch size}` is answered when nothing is due any more, with what `drain` returned; `{"forever": true}`
    is not answered. Whatever the worker prints goes to standard error, so that answers stay alone.
    """
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    answers.write("ready\n")
    for line in sys.stdin:
        order = json.loads(line)
        if "forever" in order:
            run_forever()
            return
        answers.write(json.dumps(drain(order["drain"])) + "\n")
