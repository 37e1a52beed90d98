"""
The files that `docker build` puts into the image, computed without Docker.

`.dockerignore` and the Dockerfile decide. The rules are those of Docker's own matcher. The last line that matches
a path, or a directory above it, counts.
"""

from __future__ import annotations

import os
import posixpath
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_WILDCARDS = re.compile(r"(\*\*/|\*\*|\*|\?|\[[^\]]+\]|\\.)")


@dataclass(frozen=True)
class Rule:
    """One line of `.dockerignore`. An exception begins with `!` and lets in again."""

    text: str
    is_exception: bool

    def matches(self, path: str) -> bool:
        """Answer for a path, or for a directory above it."""
        regex = re.compile(_as_regex(self.text), re.DOTALL)
        parts = path.split("/")
        return any(regex.fullmatch("/".join(parts[: depth + 1])) for depth in range(len(parts)))

    def may_match_below(self, directory: str) -> bool:
        """Answer whether the rule can be about something in this directory."""
        return "*" in self.text or "?" in self.text or "[" in self.text or self.text.startswith(f"{directory}/")


def read_rules(dockerignore: str) -> list[Rule]:
    """Return the rules in their order, without comments and blank lines."""
    rules = []
    for line in dockerignore.removeprefix("\ufeff").splitlines():
        text = line.strip()
        if line.startswith("#") or not text:
            continue
        is_exception = text.startswith("!")
        # The root of the context is also the root of every path.
        text = posixpath.normpath(text[is_exception:].strip()).lstrip("/")
        if text not in ("", "."):
            rules.append(Rule(text, is_exception))
    return rules


def is_ignored(path: str, rules: list[Rule]) -> bool:
    """Answer for a path relative to the root of the context."""
    ignored = False
    for rule in rules:
        if rule.is_exception == ignored and rule.matches(path):
            ignored = not rule.is_exception
    return ignored


def context_files(root: Path, rules: list[Rule]) -> Iterator[str]:
    """Yield every file below `root` that Docker would be sent. A directory is left out with all that is in it."""
    for directory, names, files in os.walk(root):
        here = Path(directory).relative_to(root)
        names[:] = [name for name in names if _may_hold_any((here / name).as_posix(), rules)]
        for name in files:
            path = (here / name).as_posix()
            if not is_ignored(path, rules):
                yield path


def copied_sources(dockerfile: str) -> list[str]:
    """Return what the last stage copies from the context."""
    last_stage = re.split(r"(?m)^FROM ", dockerfile)[-1]
    copies = re.findall(r"(?m)^(?:COPY|ADD) (.+)$", last_stage)
    return [source for copy in copies if "--from=" not in copy for source in copy.split()[:-1] if source[:2] != "--"]


def image_files(root: Path) -> list[str]:
    """Return the context's files of the last stage, sorted. A source must be a path, not a pattern."""
    sources = [posixpath.normpath(source) for source in copied_sources((root / "Dockerfile").read_text())]
    files = context_files(root, read_rules((root / ".dockerignore").read_text()))
    return sorted(
        path for path in files if any(source in (".", path) or path.startswith(f"{source}/") for source in sources)
    )


def _may_hold_any(directory: str, rules: list[Rule]) -> bool:
    if not is_ignored(directory, rules):
        return True
    return any(rule.is_exception and rule.may_match_below(directory) for rule in rules)


def _as_regex(pattern: str) -> str:
    """Translate Go's `filepath.Match`, with Docker's `**` for any number of directories."""
    return "".join(_translated(piece) for piece in _WILDCARDS.split(pattern))


def _translated(piece: str) -> str:
    plain = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}
    if piece in plain:
        return plain[piece]
    if piece.startswith("[") and piece.endswith("]"):
        return piece  # a class of characters is written alike, `^` included
    return re.escape(piece[1:] if piece.startswith("\\") and len(piece) == 2 else piece)
