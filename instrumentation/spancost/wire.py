"""What a model call looks like on the wire: the values that extractors give, and the attributes they become.

Pure. The names are the newest GenAI conventions and the contract with every receiver, so they are in one place.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Protocol, TypeAlias

from spancost_pricing import UNIT_ATTRIBUTES, USAGE_ATTRIBUTES

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from decimal import Decimal

    from opentelemetry.util.types import AttributeValue

    from spancost_pricing import Unit

Attributes: TypeAlias = "dict[str, AttributeValue]"
"""What is said about a call, by the name that it has on the span: a zero is there, what nobody said is not."""

NO_ATTRIBUTES: Final[Mapping[str, AttributeValue]] = MappingProxyType({})
"""What most calls have of attributes beyond the common ones."""

OPERATION: Final = "gen_ai.operation.name"
PROVIDER: Final = "gen_ai.provider.name"
REQUEST_MODEL: Final = "gen_ai.request.model"
MODEL: Final = "gen_ai.response.model"
RESPONSE_ID: Final = "gen_ai.response.id"
FINISH_REASONS: Final = "gen_ai.response.finish_reasons"
SERVICE_TIER: Final = "spancost.service_tier"
"""The tier that served the call."""
INPUT_TOKENS: Final = USAGE_ATTRIBUTES["input_tokens"]
CACHE_READ_TOKENS: Final = USAGE_ATTRIBUTES["cache_read_tokens"]
CACHE_WRITE_TOKENS: Final = USAGE_ATTRIBUTES["cache_write_tokens"]
CACHE_WRITE_1H_TOKENS: Final = USAGE_ATTRIBUTES["cache_write_1h_tokens"]
INPUT_AUDIO_TOKENS: Final = USAGE_ATTRIBUTES["input_audio_tokens"]
INPUT_IMAGE_TOKENS: Final = USAGE_ATTRIBUTES["input_image_tokens"]
CACHE_READ_AUDIO_TOKENS: Final = USAGE_ATTRIBUTES["cache_read_audio_tokens"]
CACHE_READ_IMAGE_TOKENS: Final = USAGE_ATTRIBUTES["cache_read_image_tokens"]
OUTPUT_TOKENS: Final = USAGE_ATTRIBUTES["output_tokens"]
REASONING_TOKENS: Final = USAGE_ATTRIBUTES["reasoning_tokens"]
OUTPUT_AUDIO_TOKENS: Final = USAGE_ATTRIBUTES["output_audio_tokens"]
OUTPUT_IMAGE_TOKENS: Final = USAGE_ATTRIBUTES["output_image_tokens"]
WEB_SEARCHES: Final = UNIT_ATTRIBUTES["web_search"]
RETRIES: Final = "spancost.retries"
"""How many requests the SDK sent for a call beside the first."""
ESTIMATED: Final = "spancost.usage.estimated"
"""The provider reported no usage (an interrupted stream) and the figures were counted on our side."""


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

    name: str = field(init=False)
    """What its span is called."""
    opening: Mapping[str, AttributeValue] = field(init=False)
    """What its span starts with, beside who pays."""

    def __post_init__(self) -> None:
        # Where only so many fit on a span, the SDK drops those that come first.
        told: dict[str, AttributeValue | None] = {
            "gen_ai.request.stream": self.stream or None,
            "server.port": self.port,
            "server.address": self.address,
            **self.attributes,
            REQUEST_MODEL: self.model,
            PROVIDER: self.provider,
            OPERATION: self.operation,
        }
        opening = {name: value for name, value in told.items() if value is not None}
        object.__setattr__(self, "name", f"{self.operation} {self.model}" if self.model else self.operation)
        object.__setattr__(self, "opening", opening)


class Answer(NamedTuple):
    """What the provider said about a call, as far as it said it."""

    attributes: Attributes
    beside: tuple[Answer, ...] = ()
    """What other models did for this call, billed at their own rates and in none of its totals."""


def answered(
    *,
    model: str | None = None,
    response_id: str | None = None,
    finish_reasons: tuple[str, ...] = (),
    usage: Attributes | None = None,
    service_tier: str | None = None,
    attributes: Mapping[str, AttributeValue] = NO_ATTRIBUTES,
    beside: tuple[Answer, ...] = (),
) -> Answer:
    """An answer in the conventions' words, with the attributes for what they have no word for."""
    said: Attributes = {} if usage is None else {**usage}
    if model is not None:
        said[MODEL] = model
    if response_id is not None:
        said[RESPONSE_ID] = response_id
    if finish_reasons:
        said[FINISH_REASONS] = finish_reasons
    if service_tier is not None:
        said[SERVICE_TIER] = service_tier
    said.update(attributes)
    return Answer(said, beside)


def used(
    *,
    input_tokens: int | None = None,
    cache_read_tokens: int | None = None,
    cache_write_tokens: int | None = None,
    cache_write_1h_tokens: int | None = None,
    input_audio_tokens: int | None = None,
    input_image_tokens: int | None = None,
    cache_read_audio_tokens: int | None = None,
    cache_read_image_tokens: int | None = None,
    output_tokens: int | None = None,
    reasoning_tokens: int | None = None,
    output_audio_tokens: int | None = None,
    output_image_tokens: int | None = None,
    units: Mapping[Unit, Decimal | int] | None = None,
    estimated: bool = False,
) -> Attributes:
    """What a call used, in the figures of `spancost_pricing.Usage`: totals include their parts."""
    said: Attributes = {}
    if input_tokens is not None:
        said[INPUT_TOKENS] = input_tokens
    if cache_read_tokens is not None:
        said[CACHE_READ_TOKENS] = cache_read_tokens
    if cache_write_tokens is not None:
        said[CACHE_WRITE_TOKENS] = cache_write_tokens
    if cache_write_1h_tokens is not None:
        said[CACHE_WRITE_1H_TOKENS] = cache_write_1h_tokens
    if input_audio_tokens is not None:
        said[INPUT_AUDIO_TOKENS] = input_audio_tokens
    if input_image_tokens is not None:
        said[INPUT_IMAGE_TOKENS] = input_image_tokens
    if cache_read_audio_tokens is not None:
        said[CACHE_READ_AUDIO_TOKENS] = cache_read_audio_tokens
    if cache_read_image_tokens is not None:
        said[CACHE_READ_IMAGE_TOKENS] = cache_read_image_tokens
    if output_tokens is not None:
        said[OUTPUT_TOKENS] = output_tokens
    if reasoning_tokens is not None:
        said[REASONING_TOKENS] = reasoning_tokens
    if output_audio_tokens is not None:
        said[OUTPUT_AUDIO_TOKENS] = output_audio_tokens
    if output_image_tokens is not None:
        said[OUTPUT_IMAGE_TOKENS] = output_image_tokens
    if units:
        for unit, quantity in units.items():
            said[UNIT_ATTRIBUTES[unit]] = quantity if isinstance(quantity, int) else float(quantity)
    if estimated:
        said[ESTIMATED] = True
    return said


def in_order(finished: Mapping[int, str]) -> tuple[str, ...]:
    """The reasons why an answer's choices ended, by their place in it."""
    if len(finished) < 2:
        return (*finished.values(),)
    return tuple(reason for _, reason in sorted(finished.items()))


def summed(parts: Iterable[Mapping[str, AttributeValue]]) -> Attributes:
    """What several calls used together: each figure is the sum of where it was reported."""
    sums: dict[str, Any] = {}
    for part in parts:
        for name, figure in part.items():
            sums[name] = sums[name] + figure if name in sums else figure
    return sums


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


def error_type(error: BaseException) -> str:
    """`error.type`: the class by its full name, as the conventions have it; builtins without their module."""
    kind = type(error)
    return kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"
