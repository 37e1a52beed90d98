"""`manage.py check` says what is wrong with an event class or a handler. It says so before any use."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any, ClassVar
from uuid import UUID

import pytest
from django.core.checks import registry as django_checks
from django.core.management import call_command
from django.core.management.base import SystemCheckError

from outbox.checks import check_events, check_handlers, problems_of_event, problems_of_handler
from outbox.events import DomainEvent, Key, event_types, register
from outbox.registry import handlers_of, handles

if TYPE_CHECKING:
    from fractions import Fraction


@dataclass(frozen=True, kw_only=True)
class GaugeEvent(DomainEvent):
    aggregate_type: ClassVar[str] = "gauge"
    aggregate_id_field: ClassVar[str] = "gauge_id"

    gauge_id: Annotated[int, Key("the gauge", example=3)]


@dataclass(frozen=True, kw_only=True)
class GaugeScrapped(GaugeEvent):
    """A gauge has been scrapped, and nothing is wrong with this class."""

    event_type: ClassVar[str] = "TEST_GAUGE_SCRAPPED"


def problem_of(cls: type[DomainEvent]) -> tuple[str | None, str]:
    """Return id and text of a class's one problem."""
    (problem,) = problems_of_event(cls)
    assert problem.obj == f"{cls.__module__}.{cls.__qualname__}"
    assert problem.hint
    return problem.id, problem.msg


def derived(**attributes: Any) -> type[DomainEvent]:
    """Return a class that differs from GaugeScrapped in these class variables."""
    return dataclass(frozen=True, kw_only=True)(
        type("Derived", (GaugeScrapped,), {"__module__": __name__, "__doc__": "A gauge is gone.", **attributes})
    )


def with_field(annotation: Any) -> type[DomainEvent]:
    """Return a class that also has the field `extra`, beside GaugeScrapped's."""
    return derived(__annotations__={"extra": annotation})


class TestEvents:
    def test_a_good_class_has_no_problem(self):
        assert list(problems_of_event(GaugeScrapped)) == []

    def test_the_events_of_the_apps_have_none(self):
        ours = [cls for cls in event_types.values() if ".tests" not in cls.__module__]

        assert [problem for cls in ours for problem in problems_of_event(cls)] == []
        assert len(ours) >= 5

    def test_e001_a_class_that_is_not_registered(self):
        cls = next(cls for cls in event_types.values() if ".tests" not in cls.__module__)
        del event_types[cls.event_type]

        # Classes that other tests and the laboratory have made live on in this process, and are not registered either.
        hints = {problem.obj: problem.hint for problem in check_events(None) if problem.id == "outbox.E001"}

        assert "@register" in hints.get(f"{cls.__module__}.{cls.__qualname__}", "")

    @pytest.mark.parametrize("name", ["", "X" * 101, None, 7])
    def test_e002_an_event_type_that_is_missing_or_too_long(self, name):
        code, text = problem_of(derived(event_type=name))

        assert code == "outbox.E002"
        assert "1 to 100 characters" in text

    @pytest.mark.parametrize("name", ["", "x" * 51])
    def test_e003_an_aggregate_type_that_is_missing_or_too_long(self, name):
        code, text = problem_of(derived(aggregate_type=name))

        assert code == "outbox.E003"
        assert "1 to 50 characters" in text

    @pytest.mark.parametrize("name", ["", "gauge", "event_type"])
    def test_e004_an_aggregate_id_field_that_is_no_field(self, name):
        code, text = problem_of(derived(aggregate_id_field=name))

        assert (code, repr(name) in text) == ("outbox.E004", True)

    def test_e005_a_class_that_is_no_dataclass_itself(self):
        class Undecorated(GaugeScrapped):
            """Whose field is lost."""

            reason: Annotated[str, Key("why", example="worn out")]

        assert problem_of(Undecorated)[0] == "outbox.E005"

    def test_a_class_that_is_not_frozen_is_refused_by_python_itself(self):
        with pytest.raises(TypeError, match="cannot inherit non-frozen dataclass from a frozen one"):
            dataclass(type("Thawed", (GaugeScrapped,), {}))

    @pytest.mark.parametrize("doc", [None, "", "  \n"])
    def test_e006_a_class_without_a_docstring_of_its_own(self, doc):
        assert problem_of(derived(__doc__=doc))[0] == "outbox.E006"

    @pytest.mark.parametrize(
        "annotation",
        [date, Decimal, UUID, bytes, object, tuple[int, ...], set[int], dict[int, str], list[date], StrEnum, Key],
    )
    def test_e007_a_field_that_json_cannot_hold(self, annotation):
        code, text = problem_of(with_field(Annotated[annotation, Key("more", example=None)]))

        assert code == "outbox.E007"
        assert "the field extra" in text

    def test_e007_a_field_whose_type_cannot_be_found_at_run_time(self):
        @dataclass(frozen=True, kw_only=True)
        class OnlyForTheTypeChecker(GaugeScrapped):
            """Its field has a type that is not imported."""

            share: Annotated[Fraction, Key("a share", example=1)]

        code, text = problem_of(OnlyForTheTypeChecker)

        assert code == "outbox.E007"
        assert "Fraction" in text

    @pytest.mark.parametrize("annotation", [int, Annotated[int, "a number"], Annotated[int, Key(" ", example=1)]])
    def test_e008_a_field_that_does_not_say_what_it_means(self, annotation):
        cls = with_field(annotation)

        code, text = problem_of(cls)

        assert code == "outbox.E008"
        assert "extra" in text
        assert 'extra: Annotated[int, Key("its meaning", example=…)]' in next(problems_of_event(cls)).hint

    def test_e008_shows_how_to_declare_the_field_with_its_whole_type(self):
        (problem,) = problems_of_event(with_field(list[dict[str, Any]]))

        assert "extra: Annotated[list[dict[str, typing.Any]], Key(" in problem.hint

    @pytest.mark.parametrize("example", ["17", True, None, 1.5])
    def test_e009_an_example_of_another_type(self, example):
        code, text = problem_of(with_field(Annotated[int, Key("a number", example=example)]))

        assert code == "outbox.E009"
        assert repr(example) in text

    @pytest.mark.parametrize("version", [0, -1, 32_768, "2", True])
    def test_e010_a_schema_version_that_cannot_be_stored(self, version):
        assert problem_of(derived(schema_version=version))[0] == "outbox.E010"


class TestHandlers:
    @pytest.fixture
    def problem_of_handler(self):
        def only(name, *event_classes):
            handles(*event_classes, name=name)(lambda delivery: None)
            (handler,) = (handler for handler in handlers_of(event_classes[0].event_type) if handler.name == name)
            (problem,) = problems_of_handler(handler)
            return problem

        return only

    def test_the_handlers_of_the_apps_have_no_problem(self):
        assert check_handlers(None) == []

    def test_e011_a_subscription_to_a_class_that_is_not_registered(self, problem_of_handler):
        problem = problem_of_handler("gauges.order_another", GaugeScrapped)

        assert (problem.id, problem.obj) == ("outbox.E011", "gauges.order_another")
        assert "GaugeScrapped" in problem.msg

    def test_e011_a_subscription_to_a_base_class(self, problem_of_handler):
        problem = problem_of_handler("gauges.note_everything", GaugeEvent)

        assert problem.id == "outbox.E011"
        assert "base class" in problem.hint

    def test_e011_a_subscription_to_a_namesake_of_a_registered_class(self, problem_of_handler):
        register(GaugeScrapped)

        problem = problem_of_handler("gauges.order_another", derived())

        assert problem.id == "outbox.E011"

    @pytest.mark.parametrize("name", ["", "x" * 101])
    def test_e012_a_name_that_cannot_be_stored(self, problem_of_handler, name):
        register(GaugeScrapped)

        problem = problem_of_handler(name, GaugeScrapped)

        assert problem.id == "outbox.E012"
        assert "from 1 to 100" in problem.msg


class TestCommand:
    def test_manage_py_check_fails_and_says_all_of_it_at_once(self):
        register(derived(__doc__="", aggregate_type=""))
        handles(GaugeEvent, name="gauges.note_everything")(lambda delivery: None)

        with pytest.raises(SystemCheckError) as failure:
            call_command("check")

        assert {"outbox.E003", "outbox.E006", "outbox.E011"} <= set(
            str(failure.value).replace("(", " ").replace(")", " ").split()
        )

    def test_both_run_without_being_asked_for(self):
        assert {check_events, check_handlers} <= set(django_checks.registry.get_checks())
