"""Reading README and docs/ for the tests that compare them with the code."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
README = ROOT / "README.md"
PAGES = [README, ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
NAMES = [str(page.relative_to(ROOT)) for page in PAGES]
OURS = ("qhse", "suppliers", "ncs", "audit", "outbox", "kpi")

FENCE = re.compile(r"^ *```(\w*)\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)
INLINE = re.compile(r"(?<!`)`([^`\n]+)`(?!`)")
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
PICTURE = re.compile(r"^!\[.{20,}\]\((?:docs/)?pictures/([\w.-]+)\)", re.MULTILINE)
HEADING = re.compile(r"^#+ +(.+?)\s*$", re.MULTILINE)
EXTERNAL = ("https://", "http://", "mailto:")
FILE = re.compile(r"[\w.][\w.-]*(?:/[\w.-]+)*(?:\.(?:py|md|toml|txt|in|ini|yml|html|css|png)|/)")
# What the documents call files that are not in the repository, or that only a run makes.
NOT_COMMITTED = {"var/", ".env", ".venv/"}

# The section of the README that says what the product lacks.
NOT_THERE = "What it does not do"


def text_of(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def prose_of(text: str) -> str:
    """Return a document without its code blocks."""
    return FENCE.sub("", text)


def code_of(text: str) -> list[str]:
    """Return everything that is set as code: lines of blocks, continued ones joined, and inline pieces."""
    blocks = [body.replace("\\\n", " ") for _, body in FENCE.findall(text)]
    return [*chain.from_iterable(block.splitlines() for block in blocks), *INLINE.findall(prose_of(text))]


def sections_of(text: str, mark: str) -> dict[str, str]:
    """Return heading → text of the sections whose headings begin with `mark` and a space."""
    parts = re.split(rf"^{mark} +(.+?)\s*$", text, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def anchors_of(text: str) -> set[str]:
    """Return the anchors that GitHub gives to the headings of a document."""
    plain = (heading.replace("`", "").lower() for heading in HEADING.findall(prose_of(text)))
    return {re.sub(r"[^\w\- ]", "", heading).replace(" ", "-") for heading in plain}


def first_column_of(table: str) -> list[str]:
    """Return the code in the first cell of each line of a Markdown table."""
    return re.findall(r"^\| *`([^`]+)`", table, re.MULTILINE)


def exists(name: str) -> bool:
    """Answer whether a path from the root exists, or, for a bare name such as `models.py`, whether an app has it."""
    return (ROOT / name).exists() or any(
        any((ROOT / top).rglob(name.rstrip("/"))) for top in OURS if "/" not in name[:-1]
    )


def is_ours(cls: type) -> bool:
    """Answer whether a class belongs to the product, and not to a test that registered one of its own."""
    return cls.__module__.split(".")[0] in OURS and ".tests" not in cls.__module__


@dataclass(frozen=True, slots=True)
class PythonBlock:
    """A Python block of a page. It runs as if its file were the page, so a traceback points to the line there."""

    page: Path
    lines_above: int
    code: str

    def run(self, names: dict[str, Any]) -> dict[str, Any]:
        """Run the block with these names, and return them with those that it defines."""
        exec(compile("\n" * self.lines_above + self.code, str(self.page), "exec"), names)
        return names

    def value(self, names: dict[str, Any]) -> Any:
        """Return what the block, an expression, is worth with these names."""
        return eval(compile("\n" * self.lines_above + self.code.strip(), str(self.page), "eval"), names)


def python_blocks(page: Path) -> list[PythonBlock]:
    """Return the Python blocks of a page in their order."""
    text = page.read_text(encoding="utf-8")
    blocks = re.finditer(r"^```python\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    return [PythonBlock(page, text.count("\n", 0, block.start(1)), block[1]) for block in blocks]
