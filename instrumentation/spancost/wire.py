"""What a model call looks like on the wire: the values that extractors give, and the attributes they become.

Pure. The names are the newest GenAI conventions and the contract with every receiver, so they are in one place.
"""

from __future__ import annotations

from itertools import compress
from operator import is_not
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Protocol

from spancost_pricing import UNIT_ATTRIBUTES, USAGE_ATTRIBUTES, Usage

if TYPE_CHECKING:
    from collections.abc import Mapping

    from opentelemetry.util.types import AttributeValue

NO_ATTRIBUTES: Final[Mapping[str, AttributeValue]] = MappingProxyType({})
"""What most calls have of attributes beyond the common ones."""

_FIGURES: Final = tuple(USAGE_ATTRIBUTES[part] for part in Usage._fields[: len(USAGE_ATTRIBUTES)])
"""The attributes of the figures of a `Usage`, which come first in it and in this order."""
_ABSENT: Final = (None,) * len(_FIGURES)


class Request(NamedTuple):
    """What is known of a call before it is sent."""

    operation: str
    """`gen_ai.operation.name`."""
    provider: str
    """Who bills."""
    model: str | None
    address: str | None
    port: int | None = None
    stream: bool = False
    attributes: Mapping[str, AttributeValue] = NO_ATTRIBUTES
    """Anything else worth having on the span from the start."""
    encloses: bool = False
    """Whether the SDK makes the call through other SDKs, whose own spans would be of the same call."""


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


def request_attributes(request: Request, who: Mapping[str, str]) -> dict[str, AttributeValue]:
    """What a span starts with; `who` pays, where the request does not say it itself."""
    operation, provider, model, address, port, stream, more, _ = request
    attributes: dict[str, AttributeValue] = {
        **who,
        "gen_ai.operation.name": operation,
        "gen_ai.provider.name": provider,
    }
    if more:
        attributes.update(more)
    if model is not None:
        attributes["gen_ai.request.model"] = model
    if address is not None:
        attributes["server.address"] = address
    if port is not None:
        attributes["server.port"] = port
    if stream:
        attributes["gen_ai.request.stream"] = True
    return attributes


def answer_attributes(answer: Answer) -> dict[str, AttributeValue]:
    """What an answer adds."""
    model, response_id, finish_reasons, usage, service_tier, more, _ = answer
    attributes: dict[str, AttributeValue] = {} if usage is None else usage_attributes(usage)
    if more:
        attributes.update(more)
    if model is not None:
        attributes["gen_ai.response.model"] = model
    if response_id is not None:
        attributes["gen_ai.response.id"] = response_id
    if finish_reasons:
        attributes["gen_ai.response.finish_reasons"] = finish_reasons
    if service_tier is not None:
        attributes["spancost.service_tier"] = service_tier
    return attributes


def usage_attributes(usage: Usage) -> dict[str, AttributeValue]:
    """A call's usage as span attributes: a zero is written, what nobody reported is not."""
    # In a few calls of built-in functions, because it is done for every call and most figures are absent.
    reported: Any = compress(zip(_FIGURES, usage, strict=False), map(is_not, usage, _ABSENT))
    attributes: dict[str, AttributeValue] = dict(reported)
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
