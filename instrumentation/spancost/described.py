"""What an SDK module says about something that the SDK is asked to do, before it is done.

It is a model call, which gets a span of its own, or the delivery of answers to calls that were made earlier.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from spancost.streams import Observer, observed

if TYPE_CHECKING:
    from opentelemetry.context import Context

    from spancost.wire import Answer, Reading, Request

Arguments: TypeAlias = tuple[tuple[Any, ...], Mapping[str, Any]]

Observe: TypeAlias = Callable[[Any, Observer], Any]
"""(result, who is told) -> what the caller gets for the result."""


class Asked(NamedTuple):
    """What we ask the provider for on top of what the app asks for."""

    without: Arguments
    """With what to call the SDK without it."""
    refused: Callable[[BaseException], bool]
    """Whether the provider refused it; the call is then made again without."""
    hides: Callable[[object], bool]
    """Whether a chunk is there only because of it, and not the app's."""


class Call(NamedTuple):
    """A model call that is about to be made, as an SDK module describes it."""

    request: Request
    reading: Reading
    arguments: Arguments
    """With what to call the SDK, including anything we ask for on top."""
    asked: Asked | None = None
    observe: Observe = observed
    """How the rest of an answer is seen to arrive, where it is not the result itself that is read."""

    @property
    def without(self) -> Arguments:
        """The arguments without what we ask for on top."""
        return self.arguments if self.asked is None else self.asked.without


@dataclass(frozen=True, slots=True)
class Paid:
    """A call that is over and whose answer is known: there was nothing to wait for, or others waited for it."""

    request: Request
    answer: Answer
    started_ns: int | None = None
    """When it began, in Unix nanoseconds; None is now."""
    context: Context | None = None
    """What it belongs under; None is what is current."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """Answers to model calls that were made earlier: a batch's results, what was left to run in the background."""

    paid: Callable[[object], Iterable[Paid]]
    """The calls whose answer is in what the SDK returned, or in one chunk of it, and was not in any before."""
