"""README and docs/ are true: what they name exists, and what exists is named."""

from __future__ import annotations

import dataclasses
import importlib.util
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.management import get_commands, load_command_class
from django.urls import Resolver404, get_resolver, resolve

from kpi.selectors import Kpi
from ncs.models import NonConformity
from qhse.errors import DomainError
from qhse.tests.pages import (
    EXTERNAL,
    FENCE,
    FILE,
    INLINE,
    LINK,
    NAMES,
    NOT_COMMITTED,
    NOT_THERE,
    OURS,
    PAGES,
    PICTURE,
    ROOT,
    anchors_of,
    code_of,
    exists,
    first_column_of,
    is_ours,
    prose_of,
    sections_of,
    text_of,
)
from suppliers import risk
from suppliers.models import Supplier
from suppliers.reassessment import MOVED
from suppliers.services import OVERRIDE_DAYS

every_page = pytest.mark.parametrize("page", PAGES, ids=NAMES)


class TestEnvironment:
    offered = re.findall(r"^#?([A-Z0-9_]+)=", text_of(".env.example"), re.MULTILINE)
    explained = first_column_of(sections_of(text_of("docs/operations.md"), "##").get("Environment", ""))

    def test_every_variable_of_the_example_is_explained(self):
        assert set(self.offered) - set(self.explained) == set()
        assert len(self.offered) > 20

    def test_no_variable_is_explained_that_the_example_does_not_offer(self):
        assert set(self.explained) - set(self.offered) == set()

    def test_none_is_explained_twice(self):
        assert len(self.explained) == len(set(self.explained))


class TestLinks:
    @every_page
    def test_every_link_and_picture_leads_somewhere(self, page):
        lost = []
        for target in LINK.findall(prose_of(page.read_text(encoding="utf-8"))):
            if target.startswith(EXTERNAL):
                continue
            path, _, anchor = target.partition("#")
            file = (page.parent / path).resolve() if path else page
            if not file.exists() or (anchor and anchor not in anchors_of(file.read_text(encoding="utf-8"))):
                lost.append(target)

        assert lost == []

    @every_page
    def test_every_file_named_in_the_text_exists(self, page):
        named = {piece for piece in INLINE.findall(prose_of(page.read_text(encoding="utf-8"))) if FILE.fullmatch(piece)}

        assert [name for name in sorted(named - NOT_COMMITTED) if not exists(name)] == []

    def test_the_index_leads_to_every_page_of_docs(self):
        index = ROOT / "docs" / "index.md"
        reached = {(index.parent / target).resolve() for target in LINK.findall(index.read_text(encoding="utf-8"))}

        assert {page for page in PAGES if index.parent in page.parents} - {index} - reached == set()

    def test_every_picture_is_shown_and_described(self):
        shown = {picture for page in PAGES for picture in PICTURE.findall(page.read_text(encoding="utf-8"))}

        assert shown == {picture.name for picture in (ROOT / "docs" / "pictures").iterdir()}
        assert PICTURE.search(text_of("README.md"))


class TestCommands:
    @every_page
    def test_every_manage_command_exists_and_takes_the_options_that_are_named(self, page):
        wrong = []
        for line in code_of(page.read_text(encoding="utf-8")):
            for name, rest in re.findall(r"manage\.py +([a-z_]+)([^|;&]*)", line):
                if name not in get_commands():
                    wrong.append(name)
                    continue
                known = load_command_class(get_commands()[name], name).create_parser("manage.py", name).format_help()
                options = re.findall(r"(?<!\S)(--[a-z-]+)", rest)
                wrong += [f"{name} {option}" for option in options if not re.search(rf"{option}(?![\w-])", known)]

        assert wrong == []

    @every_page
    def test_every_make_target_and_module_exists(self, page):
        targets = set(re.findall(r"^([a-z]+):", text_of("Makefile"), re.MULTILINE))
        wrong = []
        for line in code_of(prose_without_plans(page)):
            wrong += [name for name in re.findall(r"\bmake (?:-\S+ )*([a-z]+)\b", line) if name not in targets]
            modules = re.findall(r"python3? -m ([\w.]+)", line)
            wrong += [name for name in modules if not importlib.util.find_spec(name)]

        assert wrong == []

    def test_the_page_of_commands_names_every_make_target_and_every_command_of_ours(self):
        targets = {f"make {name}" for name in re.findall(r"^([a-z]+):", text_of("Makefile"), re.MULTILINE)}
        ours = {name for name, app in get_commands().items() if str(getattr(app, "name", app)).split(".")[0] in OURS}
        named = set(first_column_of(text_of("docs/commands.md"))) - {"make …", ".venv/bin/python manage.py …"}

        assert targets - {"make help"} | ours <= named
        assert named <= targets | set(get_commands())

    def test_what_is_not_there_yet_is_really_not_there(self):
        plans = sections_of(text_of("README.md"), "##")[NOT_THERE]
        exists = set(get_commands()) | {f"make {name}" for name in re.findall(r"(?m)^([a-z]+):", text_of("Makefile"))}

        assert [piece for piece in INLINE.findall(plans) if piece in exists] == []


def prose_without_plans(page: Path) -> str:
    text = page.read_text(encoding="utf-8")
    return text.replace(sections_of(text, "##").get(NOT_THERE, "\0"), "")


def calls_of(text: str) -> Iterator[tuple[str, str]]:
    """Yield method and path of every curl command on $URL, with 1 in the place of variables."""
    for language, body in FENCE.findall(text):
        if language != "sh":
            continue
        for command in body.replace("\\\n", " ").split("curl ")[1:]:
            call = re.split(r"\n|(?<=['\"]) \| ", command)[0]
            found = re.search(r"\$URL(/[^\s\"'?]*)", call)
            if found:
                method = re.search(r"-X (\w+)", call)
                implied = "POST" if re.search(r"(?<!\S)-d\s", call) else "GET"
                yield method[1] if method else implied, re.sub(r"\$\{?\w+\}?", "1", found[1])


class TestWalkThrough:
    @every_page
    def test_every_call_is_a_route_and_a_method_of_the_api(self, page):
        unknown = []
        for method, path in calls_of(page.read_text(encoding="utf-8")):
            try:
                view: Any = resolve(path).func
            except Resolver404:
                unknown.append(f"{method} {path}")
                continue
            if method.lower() not in (getattr(view, "actions", None) or {"get"}):
                unknown.append(f"{method} {path}")

        assert unknown == []

    def test_the_readme_is_short(self):
        assert len(text_of("README.md").splitlines()) < 200

    def test_the_readme_tells_the_whole_story(self):
        calls = set(calls_of(text_of("README.md")))

        assert calls >= {
            ("POST", "/auth/login"),
            ("POST", "/suppliers"),
            ("POST", "/ncs"),
            ("GET", "/suppliers/1"),
            ("PATCH", "/ncs/1/close"),
            ("GET", "/audit-log"),
            ("GET", "/kpi"),
        }


def test_every_error_code_is_explained():
    assert get_resolver().url_patterns  # imports every app's views, and with them their errors
    refusals = [DomainError]
    for cls in refusals:
        refusals += cls.__subclasses__()
    codes = {cls.code for cls in refusals[1:] if is_ours(cls)}
    codes |= {"not_authenticated", "permission_denied", "method_not_allowed", "unsupported_media_type", "parse_error"}
    for source in (ROOT / "qhse" / "api").rglob("*.py"):
        if "tests" not in source.parts:
            codes |= set(re.findall(r"\bcode=\"([a-z_]+)\"", source.read_text(encoding="utf-8")))

    assert codes - set(INLINE.findall(sections_of(text_of("docs/api.md"), "##")["Errors"])) == set()
    assert len(codes) > 20


def test_the_figures_of_the_readme_stand_on_the_page_that_has_the_measurement():
    lines = [line for line in sections_of(text_of("README.md"), "##")["What was measured"].splitlines() if "](" in line]
    wrong = []
    for line in lines:
        _, claim, source, _ = line.split("|")
        page = text_of(LINK.findall(source)[0].partition("#")[0])
        wrong += [figure for figure in re.findall(r"\d[\d,.]*\d", claim) if figure not in page]
        assert "`make " in source

    assert wrong == []
    assert len(lines) == 5


def _points(of_each: Any) -> str:
    return ", ".join(str(of_each[severity]) for severity in ("high", "medium", "low"))


class TestDomain:
    text = text_of("docs/domain.md")

    def test_the_points_are_those_of_the_risk_rule(self):
        w = risk.weights
        window, months = w.WINDOW_DAYS, w.PPM_MONTHS
        certificates = w.CERTIFICATE_CAP
        rows = [
            f"| Q1 | each open NC: high, medium, low | {_points(w.OPEN_NC_POINTS)} | {w.OPEN_NC_CAP} |",
            f"| Q2 | each NC that was closed within {window} days: high, medium, low; half of it after "
            f"{w.CLOSED_NC_HALF_LIFE_DAYS} days | {_points(w.CLOSED_NC_POINTS)} | {w.CLOSED_NC_CAP} |",
            f"| Q3 | each repeat within {window} days | {w.REPEAT_POINTS} | {w.REPEAT_CAP} |",
            f"| R1 | each overdue NC and each overdue action | {w.OVERDUE_POINTS} | {w.OVERDUE_CAP} |",
            f"| R2 | each action that did not help, within {window} days | {w.INEFFECTIVE_POINTS} | "
            f"{w.INEFFECTIVE_CAP} |",
            "| C1 | a required certificate is missing or expired, or the declared certification has expired | "
            f"{w.EXPIRED_POINTS} | {certificates} |",
            *(
                f"| C1 | it ends in at most {days} days | {points} | {certificates} |"
                for days, points in w.EXPIRING_POINTS
            ),
            f"| C1 | it is in date, and nobody has verified it | {w.UNVERIFIED_POINTS} more | {certificates} |",
            f"| D1 | defective of a million pieces in the last {months} full months: none at the target, all at "
            f"{w.PPM_FULL_AT} times the target | up to {w.PPM_POINTS} | {w.PPM_POINTS} |",
            f"| floor | the supplier is at risk, or a required certificate is expired | up to {w.AT_RISK_FLOOR} | |",
            f"| floor | a required certificate is missing | up to {w.MISSING_FLOOR} | |",
        ]

        assert [row for row in rows if row not in self.text] == []
        assert f"needs at least {w.PPM_LEAST_RECEIVED} pieces" in self.text
        assert f"version {risk.RULE_VERSION} of the\nrule" in self.text
        assert f"a score that moves by {MOVED} points or more" in self.text
        assert f"at most {OVERRIDE_DAYS} days ahead" in self.text

    def test_every_code_of_a_line_is_named(self):
        assert [code for code in sorted(risk.CODES) if f"`{code}`" not in self.text] == []

    def test_the_levels_are_those_of_the_risk_rule(self):
        assert [
            f"| `{level}` | {least}" for least, level in risk.LEVELS if f"| `{level}` | {least}" not in self.text
        ] == []

    def test_every_key_figure_is_defined(self):
        defined = first_column_of(sections_of(self.text, "##").get("Key figures", ""))

        assert defined == [field.name for field in dataclasses.fields(Kpi)]

    def test_every_state_and_choice_is_named(self):
        choices = [*NonConformity._meta.get_field("status").choices, *NonConformity._meta.get_field("severity").choices]
        choices += Supplier._meta.get_field("risk_level").choices

        assert [value for value, _ in choices if f"`{value}`" not in self.text] == []


class TestSecurityPage:
    PAGE = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")

    def test_names_only_tests_that_exist(self):
        named = set(re.findall(r"`([a-z/_]+/test_\w+\.py)`", self.PAGE))

        assert len(named) > 20
        assert {path for path in named if not (ROOT / path).is_file()} == set()

    def test_lists_every_refusal_of_a_production_start(self):
        source = "".join(path.read_text() for path in (ROOT / "qhse" / "deployment").glob("*_checks.py"))
        ids = set(re.findall(r"qhse\.[EW]\d{3}", source))

        assert ids == set(re.findall(r"^\| `(qhse\.[EW]\d{3})`", self.PAGE, re.MULTILINE))
