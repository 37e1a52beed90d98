"""What a benchmark's worker process is told on its standard input, and what it answers. One line each."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from typing import Any


def serve(*, drain: Callable[[int], Any], run_forever: Callable[[], None]) -> None:
    """
    Say that this process is connected and ready. Then obey until the standard input ends.

    `{"drain": batch size}` is answered with what `drain` returned, when nothing is due any more. `{"forever": true}` is
    not answered. What the worker prints goes to standard error, so that answers stay alone.
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
