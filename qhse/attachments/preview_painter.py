"""
A program of its own, which makes one picture smaller and ends. It is started in a directory that holds that picture.

It unpacks what strangers made, in a library of machine code. What that can do wrong ends with this process: it may use
so much memory, so much time, and write no file. It imports nothing of the project, and knows no secret.

It is given the picture's name, and answers with a PNG.
"""

from __future__ import annotations

import sys
from contextlib import suppress

MEMORY = 1024**3  # bytes of addresses
SECONDS = 3  # of computing
EDGE_PT, PIXELS_PER_INCH = 160, 144.0  # 320 pixels at most on each side
TEMPLATE = b"""
#set page(width: auto, height: auto, margin: 0pt, fill: none)
#image(sys.inputs.file, width: %dpt, height: %dpt, fit: "contain")
""" % (EDGE_PT, EDGE_PT)


def main() -> None:
    with suppress(ImportError, ValueError, OSError):
        import resource

        for kind, most in (
            (resource.RLIMIT_CORE, 0),
            (resource.RLIMIT_FSIZE, 0),
            (resource.RLIMIT_CPU, SECONDS),
            (resource.RLIMIT_AS, MEMORY),
        ):
            resource.setrlimit(kind, (most, most))
    import typst

    compiler = typst.Compiler(root=".")
    painted = compiler.compile(
        input=TEMPLATE, sys_inputs={"file": f"/{sys.argv[1]}"}, format="png", ppi=PIXELS_PER_INCH
    )
    if isinstance(painted, bytes):  # it is one page
        sys.stdout.buffer.write(painted)


if __name__ == "__main__":
    main()
