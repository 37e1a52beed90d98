"""The map and the walks of docs/architecture.md lead to what is there."""

from __future__ import annotations

import re

import pytest

from qhse.tests.pages import FILE, INLINE, ROOT, first_column_of, sections_of, text_of

PAGE = text_of("docs/architecture.md")
SECTIONS = sections_of(PAGE, "##")
WALKS = {heading: text for heading, text in SECTIONS.items() if heading.startswith("Walk: ")}
# Rooms have the same names in every app. The page explains them once. What all API views share is no room.
ROOMS = {"api", "admin", "management", "commands", "tests", "migrations"}
IDENTIFIER = re.compile(r"[A-Za-z_]\w+")

STEP = re.compile(r"^\d+\. (.*?)(?=\n\d+\. |\n\n|\Z)", re.MULTILINE | re.DOTALL)
STEPS = [
    pytest.param(" ".join(step.split()), id=f"{heading.removeprefix('Walk: ')} {number}")
    for heading, text in WALKS.items()
    for number, step in enumerate(STEP.findall(text), start=1)
]
every_step = pytest.mark.parametrize("step", STEPS)


def files_of(text: str) -> list[str]:
    return [piece for piece in INLINE.findall(text) if FILE.fullmatch(piece) and not piece.endswith("/")]


def packages() -> set[str]:
    """Return every package of the repository that is no room, as the map writes it."""
    tops = {path.parent for path in ROOT.glob("*/__init__.py")}
    found = {path.parent.relative_to(ROOT) for top in tops for path in top.rglob("__init__.py")}
    return {f"{package.as_posix()}/" for package in found if package.name not in ROOMS} | {"qhse/api/"}


class TestTheMap:
    folders = first_column_of(SECTIONS["The map"])

    def test_names_every_package(self):
        assert packages() - set(self.folders) == set()
        assert len(packages()) > 20

    def test_names_every_top_level_folder(self):
        # Packages are among them already. These hold no code to import.
        present = {name for name in ("docs", ".ci", ".github") if (ROOT / name).is_dir()}

        assert {f"{name}/" for name in present} - set(self.folders) == set()

    def test_names_nothing_else_and_nothing_twice(self):
        assert [folder for folder in self.folders if not (ROOT / folder).is_dir()] == []
        assert len(self.folders) == len(set(self.folders))

    def test_draws_every_top_level_package(self):
        picture = SECTIONS["The map"].partition("```mermaid")[2].partition("```")[0]
        tops = {path.parent.name for path in ROOT.glob("*/__init__.py")}

        assert {top for top in tops if not re.search(rf"\b{top}\b", picture)} == set()


class TestTheWalks:
    def test_there_are_three_of_about_ten_steps(self):
        assert list(WALKS) == ["Walk: a request", "Walk: an event", "Walk: an audit entry"]
        assert [9 <= len(STEP.findall(text)) <= 12 for text in WALKS.values()] == [True, True, True]

    @every_step
    def test_a_step_names_files_by_their_whole_path(self, step):
        named = files_of(step)

        assert [name for name in named if not (ROOT / name).is_file()] == []
        assert named

    @every_step
    def test_what_a_step_names_stands_in_one_of_its_files(self, step):
        sources = "".join((ROOT / name).read_text(encoding="utf-8") for name in files_of(step))
        names = {piece for piece in INLINE.findall(step) if IDENTIFIER.fullmatch(piece)}

        assert {name for name in names if not re.search(rf"\b{name}\b", sources)} == set()

    @every_step
    def test_a_step_is_short(self, step):
        assert len(re.findall(r"[.:] ", step)) <= 4
        assert max(len(sentence.split()) for sentence in re.split(r"(?<=[.:]) ", step)) <= 25
