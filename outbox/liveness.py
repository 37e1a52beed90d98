"""
A worker's sign of life. Its loop rewrites a file, and a probe reads the file.

The probe `python -m outbox.liveness FILE` exits with 0 while the loop turns. It exits with 1 when the loop is stuck or
gone. It loads neither Django nor settings. So an orchestrator may ask often.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

STUCK_AFTER_SECONDS = 30.0
SLACK_SECONDS = 15.0


class LivenessFile:
    """
    Holds the time of the last sign of life. The clock is the host's monotonic one, which nobody sets.

    So the probe must run on the same host, or in the same container. No sign is given during a handler call. Where one
    may take `call_seconds`, silence is allowed for that long. The file says so to the probe.
    """

    def __init__(self, path: Path, *, call_seconds: float = 0.0) -> None:
        self._path = path
        self._allowed = max(STUCK_AFTER_SECONDS, call_seconds + SLACK_SECONDS)
        self._written = 0.0

    def beat(self) -> None:
        """Write the time, at most once a second. A full disk does not stop the worker. It only looks dead."""
        now = time.monotonic()
        if now - self._written < 1.0:
            return
        self._written = now
        try:
            # Replaced and never truncated: a probe that reads between the two would see nothing.
            fresh = self._path.with_name(f"{self._path.name}.new")
            fresh.write_text(f"{now:.3f} {self._allowed:g}\n", encoding="ascii")
            fresh.replace(self._path)
        except OSError as error:
            print(f"liveness file: {error}", file=sys.stderr)  # noqa: T201 (logging may write to the same full disk)

    def remove(self) -> None:
        self._path.unlink(missing_ok=True)


def complaint(path: Path, *, now: float | None = None) -> str:
    """Return what is wrong with the worker of this file. The text is empty when it lives."""
    try:
        beat, allowed = (float(number) for number in path.read_text(encoding="ascii").split())
    except OSError as error:
        return f"no worker: {path}: {error.strerror}"
    except ValueError:
        return f"{path} is not a worker's liveness file"
    age = (time.monotonic() if now is None else now) - beat
    if not 0 <= age <= allowed:
        return f"the worker's loop last turned {age:.0f} s ago"
    return ""


def main(arguments: list[str]) -> int:
    if len(arguments) != 1:
        sys.stderr.write("usage: python -m outbox.liveness FILE\n")
        return 2
    if problem := complaint(Path(arguments[0])):
        sys.stderr.write(f"{problem}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
