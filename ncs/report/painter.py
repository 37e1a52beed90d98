"""
A program of its own, which makes one PDF and ends. It is started in a directory that holds the pictures alone.

It unpacks pictures that strangers made, in a library of machine code. What that can do wrong ends with this process: it
may use so much memory, so much time, and write no file. It imports nothing of the project, and knows no secret.

It is given the report as JSON. It answers with a line of JSON, which says what pictures were refused, and the PDF.
"""

from __future__ import annotations

import json
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

MEMORY = 1024**3  # bytes of addresses
SECONDS = 10  # of computing


def bound_this_process() -> None:
    """Let the system end this process when it uses too much. Where there are no such bounds, time alone ends it."""
    with suppress(ImportError, ValueError, OSError):
        import resource

        for kind, most in (
            (resource.RLIMIT_CORE, 0),
            (resource.RLIMIT_FSIZE, 0),
            (resource.RLIMIT_CPU, SECONDS),
            (resource.RLIMIT_AS, MEMORY),
        ):
            resource.setrlimit(kind, (most, most))


def painted(template: bytes, report: dict[str, Any], timestamp: int, **options: Any) -> tuple[Any, list[int]]:
    """Return the document, and the places of pictures that are none and were left out."""
    import typst

    compiler = typst.Compiler(root=".")

    def compiled(pictures: list[Any]) -> Any:
        data = {"report": json.dumps(report | {"pictures": pictures})}
        return compiler.compile(input=template, sys_inputs=data, timestamp=timestamp, **options)

    def can_be_painted(picture: dict[str, str]) -> bool:
        try:
            compiler.compile(input=b"#image(sys.inputs.file)", sys_inputs={"file": picture["file"]}, format="pdf")
        except RuntimeError:
            return False
        return True

    try:
        return compiled(report["pictures"]), []
    except RuntimeError:
        places = range(len(report["pictures"]))
        refused = [place for place in places if not can_be_painted(report["pictures"][place])]
        if not refused:
            raise
        return compiled([report["pictures"][place] for place in places if place not in refused]), refused


def main() -> None:
    bound_this_process()
    order = json.load(sys.stdin.buffer)
    template = Path(__file__).with_name("report.typ").read_bytes()
    document, refused = painted(template, order["report"], order["timestamp"], format="pdf")
    sys.stdout.buffer.write(json.dumps({"refused": refused}).encode() + b"\n" + document)


if __name__ == "__main__":
    main()
