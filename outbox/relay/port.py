"""What the relay asks of a broker, whichever it is."""

from __future__ import annotations

import ssl
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from outbox.relay.messages import Message

SENDING_SECONDS = 5.0
"""Of a batch. What it holds beyond is left for the next one: so what was taken is stored soon, and lanes are free."""


class BrokerAway(Exception):
    """The broker cannot be reached, takes nothing now, or lacks what we publish to. No message is at fault."""


def in_words(error: BaseException) -> str:
    """
    Return why, in one line that is never empty. Clients wrap what has happened, and leave the words to the innermost:
    of an error with others in it these speak, each once.
    """
    said = dict.fromkeys(_word(each) for each in _innermost(error, set()))
    return "; ".join(said)[:300]


def _innermost(error: BaseException, seen: set[int]) -> list[BaseException]:
    seen.add(id(error))
    inner = [*getattr(error, "exceptions", ()), getattr(error, "exception", None), error.__cause__, *error.args]
    inside = [each for each in inner if isinstance(each, Exception) and id(each) not in seen]
    return [leaf for each in inside if id(each) not in seen for leaf in _innermost(each, seen)] or [error]


def _word(error: BaseException) -> str:
    name, text = type(error).__name__, " ".join(str(error).split())
    if isinstance(error, ssl.SSLError) and not isinstance(error, ssl.SSLCertVerificationError):
        return f"{name}: {text or error!r} (does the broker speak TLS at this port, and trust our certificate?)"
    return f"{name}: {text}" if text else " ".join(repr(error).split())


@dataclass(slots=True)
class Outcome:
    """
    What became of some messages, by their rows. The rest was not sent: an earlier one of its aggregate was not taken,
    or SENDING_SECONDS were over.

    `taken`: the broker has stored it. `declined`: it was not the message's fault (no queue is bound, a queue is full).
    `refused`: the broker will not take this very message.
    """

    taken: list[int] = field(default_factory=list)
    declined: dict[int, str] = field(default_factory=dict)
    refused: dict[int, str] = field(default_factory=dict)

    @property
    def known(self) -> int:
        """Of how many the fate is known. It grows while the broker answers."""
        return len(self.taken) + len(self.declined) + len(self.refused)


class BrokerPublisher(Protocol):
    """
    A line to a broker. One thread uses it, and that may wait: see `outbox.relay.publishing`.

    It opens its line when it is first needed, and anew after it was lost.
    """

    name: str

    def publish(self, messages: Sequence[Message], outcome: Outcome | None = None) -> Outcome:
        """
        Send these messages, and return when the fate of each that was sent is known.

        A message goes when its predecessor of the same key was taken, never before. `taken` means that it survives a
        crash of the broker. What becomes known is noted in `outcome` at once, where other threads may read it. Raises
        BrokerAway when the broker answers nothing for some seconds, however much it has answered before. What was
        noted until then holds, and the rest is sent again, with the same ids.
        """

    def wait(self, seconds: float, wake: Collection[int]) -> None:
        """Serve the line for so long, or until one of the descriptors is readable. Raises BrokerAway."""

    def close(self) -> None:
        """End the line without waiting for the other side."""
