"""What a model call looks like on the wire: the values that extractors give, and the attributes they become.

Pure. The names are the newest GenAI conventions and the contract with every receiver, so they are in one place.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, Protocol

from spancost_pricing import UNIT_ATTRIBUTES, USAGE_ATTRIBUTES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from opentelemetry.util.types import AttributeValue

    from spancost_pricing import Usage

NO_ATTRIBUTES: Final[Mapping[str, AttributeValue]] = MappingProxyType({})
"""What most calls have of attributes beyond the common ones."""


@dataclass(frozen=True, slots=True)
class Request:
    """What is known of a call before it is sent."""

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


@dataclass(frozen=True, slots=True)
class Answer:
    """What the provider said about a call, as far as it said it."""

    model: str | None = None
    response_id: str | None = None
    finish_reasons: tuple[str, ...] = ()
    usage: Usage | None = None
    service_tier: str | None = None
    """The tier that served the call."""
    attributes: Mapping[str, AttributeValue] = field(default_factory=lambda: NO_ATTRIBUTES)
    beside: tuple[Answer, ...] = ()
    """What other models did for this call, billed at their own rates and in none of its totals."""


class Reading(Protocol):
    """Collects an answer from its parts: one response object, or the chunks of a stream in their order."""

    def add(self, part: object) -> None:
        """Takes in a response object, its JSON, or a chunk."""
        ...

    def answer(self) -> Answer:
        """What has been said so far."""
        ...


def request_attributes(request: Request) -> dict[str, AttributeValue]:
    """What a span starts with."""
    attributes: dict[str, AttributeValue] = {
        "gen_ai.operation.name": request.operation,
        "gen_ai.provider.name": request.provider,
        **request.attributes,
    }
    if request.model is not None:
        attributes["gen_ai.request.model"] = request.model
    if request.address is not None:
        attributes["server.address"] = request.address
    if request.port is not None:
        attributes["server.port"] = request.port
    if request.stream:
        attributes["gen_ai.request.stream"] = True
    return attributes


def answer_attributes(answer: Answer) -> dict[str, AttributeValue]:
    """What an answer adds."""
    attributes: dict[str, AttributeValue] = dict(answer.attributes)
    if answer.model is not None:
        attributes["gen_ai.response.model"] = answer.model
    if answer.response_id is not None:
        attributes["gen_ai.response.id"] = answer.response_id
    if answer.finish_reasons:
        attributes["gen_ai.response.finish_reasons"] = answer.finish_reasons
    if answer.service_tier is not None:
        attributes["spancost.service_tier"] = answer.service_tier
    if answer.usage is not None:
        attributes.update(usage_attributes(answer.usage))
    return attributes


def usage_attributes(usage: Usage) -> dict[str, AttributeValue]:
    """A call's usage as span attributes: a zero is written, what nobody reported is not."""
    attributes: dict[str, AttributeValue] = {
        name: value for part, name in USAGE_ATTRIBUTES.items() if (value := getattr(usage, part)) is not None
    }
    for unit, quantity in usage.units.items():
        attributes[UNIT_ATTRIBUTES[unit]] = quantity if isinstance(quantity, int) else float(quantity)
    if usage.estimated:
        attributes["spancost.usage.estimated"] = True
    return attributes


def error_type(error: BaseException) -> str:
    """`error.type`: the class by its full name, as the conventions have it; builtins without their module."""
    kind = type(error)
    return kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"
