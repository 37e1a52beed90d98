"""Writes the events page from the event classes: `python -m dev.pages.event_catalogue`."""

from __future__ import annotations

import inspect
import json
import textwrap

from dev.pages.generated import DOCS, with_part, write
from outbox.events import DomainEvent, event_types
from outbox.payloads import PayloadKey, example_payload, json_type, payload_keys
from outbox.registry import handlers_of
from qhse.terminal import run_program

COMMAND = "python -m dev.pages.event_catalogue"
WIDTH = 120


def event_catalogue() -> str:
    """Return the catalogue as Markdown: an overview, and a section an event type."""
    classes = event_classes()
    overview = [_line("Type", "What has happened", "Handled by"), _line("---", "---", "---")]
    for cls in classes:
        link = f"[`{cls.event_type}`](#{cls.event_type.lower()})"
        overview.append(_line(link, _paragraphs(cls)[0].partition(". ")[0].rstrip("."), _handlers(cls)))
    return "\n\n".join(["\n".join(overview), *(section_of(cls) for cls in classes)])


def with_catalogue(text: str) -> str:
    """Return the events page with the catalogue of today."""
    return with_part(text, "event catalogue", event_catalogue())


def event_classes() -> list[type[DomainEvent]]:
    """Return the registered event classes, app by app in the order of their definition, without those of tests."""
    ours = [cls for cls in event_types.values() if ".tests" not in cls.__module__]
    return sorted(ours, key=lambda cls: cls.__module__)


def section_of(cls: type[DomainEvent]) -> str:
    """Return what the page says about one event type."""
    facts = (
        f"`{cls.__name__}` in `{cls.__module__.replace('.', '/')}.py`; aggregate `{cls.aggregate_type}`, identified by "
        f"`{cls.aggregate_id_field}`; `schema_version` {cls.schema_version}. Handled by: {_handlers(cls)}."
    )
    keys = [_line("Key", "Type", "Meaning"), _line("---", "---", "---")]
    keys += [_line(f"`{key.name}`", _type(key), _meaning(key)) for key in payload_keys(cls)]
    example = json.dumps(example_payload(cls), ensure_ascii=False)
    if len(example) > WIDTH:
        example = json.dumps(example_payload(cls), ensure_ascii=False, indent=2)
    paragraphs = [*_paragraphs(cls), facts]
    return "\n\n".join([
        f"### {cls.event_type}",
        *(textwrap.fill(text, WIDTH, break_long_words=False, break_on_hyphens=False) for text in paragraphs),
        "\n".join(keys),
        f"```json\n{example}\n```",
    ])  # fmt: skip


def _paragraphs(cls: type[DomainEvent]) -> list[str]:
    return [" ".join(text.split()) for text in inspect.cleandoc(cls.__doc__ or "").split("\n\n")]


def _handlers(cls: type[DomainEvent]) -> str:
    names = ", ".join(f"`{handler.name}`" for handler in handlers_of(cls.event_type))
    return names or "none; it is published for handlers to come"


def _type(key: PayloadKey) -> str:
    return f"{json_type(key.type)}, optional" if key.is_optional else json_type(key.type)


def _meaning(key: PayloadKey) -> str:
    meaning = key.key.meaning if key.key else ""
    return f"{meaning}; without it, {json.dumps(key.default)}" if key.is_optional else meaning


def _line(*cells: str) -> str:
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


if __name__ == "__main__":
    run_program(lambda: write(DOCS / "events.md", with_catalogue))
