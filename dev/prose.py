"""How long the sentences of our docstrings are. `python -m dev.prose` prints each package's median."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from statistics import median

from qhse.terminal import run_program

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("qhse", "suppliers", "ncs", "audit", "outbox", "kpi", "lab", "dev")
TARGET_WORDS = 11

_CODE = re.compile(r"``.+?``|`[^`]+`", re.DOTALL)
_ABBREVIATION = re.compile(r"\b(e\.g|i\.e|etc|vs|cf|No)\.(?=\s)")
_END = re.compile(r"(?<=[.!?])[\"')]*\s+(?=[\"'(]?[A-Z0-9])")
_ITEM = re.compile(r"^\s*(?:[-*]|\d+\.)\s+", re.MULTILINE)
_WORD = re.compile(r"\w")
# Headings of lists, examples and tables are no prose; neither is a list of errors.
_NO_PROSE = re.compile(r"^(?:\w+:$|>>>|\.\.\.|\||\$ |    )")
_RAISES = re.compile(r"Raises [A-Z]\w+(?:,| and|\.|$)")


def sentence_lengths(docstring: str) -> list[int]:
    """Return the words of each sentence; a code span is one word."""
    return [count for sentence in _sentences(docstring) if (count := _words(sentence))]


def docstrings(source: str) -> Iterator[str]:
    """Yield the docstrings of a module, its classes and its functions."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            text = ast.get_docstring(node)
            if text:
                yield text


def lengths_by_package(root: Path = ROOT) -> dict[str, list[int]]:
    """Return the lengths of all sentences of each package. Migrations are left out: nobody writes them for readers."""
    return {package: list(_lengths_in((root / package).rglob("*.py"))) for package in PACKAGES}


def summary(lengths: dict[str, list[int]]) -> str:
    """Return the medians in one line."""
    every = [length for package in lengths.values() for length in package]
    each = ", ".join(f"{package} {median(found):g}" for package, found in lengths.items() if found)
    return f"docstrings: a median of {median(every):g} words a sentence, {TARGET_WORDS} is the aim ({each})"


def _sentences(docstring: str) -> Iterator[str]:
    for paragraph in _CODE.sub("code", docstring).split("\n\n"):
        kept = "\n".join(line for line in paragraph.splitlines() if not _NO_PROSE.match(line))
        for item in _ITEM.split(kept):
            sentences = (sentence.strip() for sentence in _END.split(_ABBREVIATION.sub(r"\1", item)))
            yield from (sentence for sentence in sentences if not _RAISES.match(sentence))


def _words(sentence: str) -> int:
    return sum(1 for word in sentence.split() if _WORD.search(word))


def _lengths_in(paths: Iterable[Path]) -> Iterator[int]:
    for path in paths:
        if "migrations" not in path.parts:
            for docstring in docstrings(path.read_text(encoding="utf-8")):
                yield from sentence_lengths(docstring)


def main() -> int:
    print(summary(lengths_by_package()))
    return 0


if __name__ == "__main__":
    run_program(main)
