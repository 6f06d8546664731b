"""What a model call looks like on the wire: the values that extractors give, and the attributes they become.

Pure. The names are the newest GenAI conventions and the contract with every receiver, so they are in one place.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from itertools import compress
from operator import is_not
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Protocol, TypeAlias

from spancost_pricing import UNIT_ATTRIBUTES, USAGE_ATTRIBUTES, Usage

if TYPE_CHECKING:
    from collections.abc import Mapping

    from opentelemetry.util.types import AttributeValue

NO_ATTRIBUTES: Final[Mapping[str, AttributeValue]] = MappingProxyType({})
"""What most calls have of attributes beyond the common ones."""

_NAMES: Final = (
    "gen_ai.response.model",
    "gen_ai.response.id",
    "gen_ai.response.finish_reasons",
    "spancost.service_tier",
    *(USAGE_ATTRIBUTES[part] for part in Usage._fields[: len(USAGE_ATTRIBUTES)]),
)
"""The attributes of what nearly every answer says; last the figures of a `Usage`, which come first in it."""
_ABSENT: Final = (None,) * len(_NAMES)
_NO_USAGE: Final = (None,) * len(USAGE_ATTRIBUTES)


@dataclass(frozen=True)
class Request:
    """What is known of a call before it is sent; one object may stand for every call that has it in common."""

    operation: str
    """`gen_ai.operation.name`."""
    provider: str
    """Who bills."""
    model: str | None
    address: str | None
    port: int | None = None
    stream: bool = False
    attributes: Mapping[str, AttributeValue] = field(default_factory=lambda: NO_ATTRIBUTES)
    """Anything else worth having on the span from the start."""
    encloses: bool = False
    """Whether the SDK makes the call through other SDKs, whose own spans would be of the same call."""

    @cached_property
    def name(self) -> str:
        """What its span is called."""
        return f"{self.operation} {self.model}" if self.model else self.operation

    @cached_property
    def opening(self) -> Mapping[str, AttributeValue]:
        """What its span starts with, beside who pays."""
        told: dict[str, AttributeValue | None] = {
            "gen_ai.operation.name": self.operation,
            "gen_ai.provider.name": self.provider,
            **self.attributes,
            "gen_ai.request.model": self.model,
            "server.address": self.address,
            "server.port": self.port,
            "gen_ai.request.stream": self.stream or None,
        }
        return {name: value for name, value in told.items() if value is not None}


class Answer(NamedTuple):
    """What the provider said about a call, as far as it said it."""

    model: str | None = None
    response_id: str | None = None
    finish_reasons: tuple[str, ...] = ()
    usage: Usage | None = None
    service_tier: str | None = None
    """The tier that served the call."""
    attributes: Mapping[str, AttributeValue] = NO_ATTRIBUTES
    beside: tuple[Answer, ...] = ()
    """What other models did for this call, billed at their own rates and in none of its totals."""


NO_ANSWER: Final = Answer()


class Reading(Protocol):
    """Collects an answer from its parts: one response object, or the chunks of a stream in their order."""

    def add(self, part: object) -> None:
        """Takes in a response object, its JSON, or a chunk."""
        ...

    def answer(self) -> Answer:
        """What has been said so far."""
        ...


Shows: TypeAlias = Callable[[object], bool]
"""Takes in a chunk; False for one that the app did not ask for. Never raises."""


class QuickReading(Reading, Protocol):
    """A reading that knows the most frequent chunks of its streams at a glance."""

    def glance(self, otherwise: Shows) -> Shows:
        """What takes in the chunks after the first: those most frequent ones by itself, `otherwise` all others."""
        ...


def answer_attributes(answer: Answer) -> dict[str, AttributeValue]:
    """What an answer adds: a zero is written, what nobody reported is not."""
    model, response_id, finish_reasons, usage, service_tier, more, _ = answer
    # In a few calls of built-in functions, because it is done for every call and most figures are absent.
    values = (model, response_id, finish_reasons or None, service_tier, *(_NO_USAGE if usage is None else usage))
    reported: Any = compress(zip(_NAMES, values, strict=False), map(is_not, values, _ABSENT))
    attributes: dict[str, AttributeValue] = dict(reported)
    if more:
        attributes.update(more)
    if usage is not None:
        if usage.units:
            for unit, quantity in usage.units.items():
                attributes[UNIT_ATTRIBUTES[unit]] = quantity if isinstance(quantity, int) else float(quantity)
        if usage.estimated:
            attributes["spancost.usage.estimated"] = True
    return attributes


def error_type(error: BaseException) -> str:
    """`error.type`: the class by its full name, as the conventions have it; builtins without their module."""
    kind = type(error)
    return kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"
