"""`spancost.estimate()`: what a call will cost before it is made, inside the app and without the network.

The price book is loaded at the first question, once for the process, because most apps never ask. Unlike everything
else on the app side this raises: somebody asked, and an answer that is silently wrong would be worse than none.
"""

from __future__ import annotations

import os
import threading
import time
from datetime import UTC, datetime, timedelta
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

from spancost.expectations import expect
from spancost.fields import count
from spancost.wire import INPUT_TOKENS, OUTPUT_TOKENS
from spancost_pricing import ConfigError, Route, load_book
from spancost_pricing.calibration import Calibration
from spancost_pricing.estimate import Estimator

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from spancost.wire import Attributes
    from spancost_pricing.estimate import Cache, Estimate

PRICES_VARIABLE: Final = "SPANCOST_PRICES"
"""Names the user's own price file, as it does for the receiver; read when the book is loaded."""

_loading = threading.Lock()
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)


def estimate(
    *,
    provider: str,
    model: str,
    prompt: str | None = None,
    messages: Sequence[object] | None = None,
    request: Mapping[str, object] | None = None,
    tools: Sequence[object] | None = None,
    max_tokens: int | None = None,
    choices: int | None = None,
    expected_tokens: int | None = None,
    max_searches: int | None = None,
    max_tool_tokens: int | None = None,
    cache: Cache = "auto",
    service_tier: str | None = None,
    region: str | None = None,
    deployment: str | None = None,
    speed: str | None = None,
    at: datetime | None = None,
    estimator: Estimator | None = None,
) -> Estimate:
    """A lower, an expected and an upper figure for one call, with what they rest on; nothing is sent anywhere.

    Estimates get better with use: where the call follows in the same task or thread, what it uses is learnt from.

    Args:
        provider: who bills: `openai`, `anthropic`, `google`, `aws`, …
        model: the model that will serve the call.
        prompt: the input as plain text; exactly one of `prompt`, `messages` and `request` is given.
        messages: the input as chat messages in the provider's shape.
        request: the whole request body, or the keyword arguments that the SDK will be called with.
        tools: the tools, where `messages` are given without a request.
        max_tokens: the limit of one answer, reasoning included; else the one in the request, else unbounded.
        choices: answers asked for; else as in the request, else one.
        expected_tokens: how long one answer usually is.
        max_searches: how often a tool with a fee runs at most.
        max_tool_tokens: what the provider's own tools add to the input at most.
        cache: what the prompt cache may do at worst; `auto` is what the request asks for.
        service_tier: `batch`, `flex`, `priority`, …; else as in the request, else the provider's standard.
        region: region, location or inference geography; likewise.
        deployment: Azure deployment type.
        speed: `fast`, where that is sold; else as in the request.
        at: when the call will end; now by default.
        estimator: prices and calibration of the caller's own; the shipped prices and $SPANCOST_PRICES by default.

    Raises:
        UnknownModelError: nobody knows a price for the model on these terms.
        ConfigError: an argument is none, or the price file cannot be used.
    """
    given = [value for value in (prompt, messages, request) if value is not None]
    if len(given) != 1:
        raise ConfigError(f"estimate(): got {len(given)} of prompt, messages and request; give exactly one")
    if tools is not None and messages is None:
        raise ConfigError("estimate(): tools go with messages; put them into the request, or give messages")
    at_ns = time.time_ns() if at is None else _nanoseconds(at)
    asked: object = given[0] if tools is None else {"messages": messages, "tools": tools}
    estimated = (estimator or _shared()).estimate(
        Route(provider, model, service_tier, region, deployment, speed),
        asked,
        at_ns=at_ns,
        max_output_tokens=max_tokens,
        choices=choices,
        expected_output_tokens=expected_tokens,
        max_searches=max_searches,
        max_tool_input_tokens=max_tool_tokens,
        cache=cache,
    )
    if estimator is None:
        expect(model, partial(_learn, provider, model, estimated.uncalibrated, choices))
    return estimated


def _nanoseconds(at: object) -> int:
    if not isinstance(at, datetime):
        raise ConfigError(f"estimate(): at={at!r} is no time; give a datetime with a time zone")
    if at.tzinfo is None:
        raise ConfigError(f"estimate(): at={at.isoformat()} has no time zone; add one, e.g. tzinfo=UTC")
    return (at - _EPOCH) // _MICROSECOND * 1000


def _learn(provider: str, model: str, expected_input: int, choices: int | None, used: Attributes) -> None:
    """What the call that followed an estimate turned out to use."""
    _calibration().observe(
        provider,
        model,
        expected_input=expected_input,
        input_tokens=count(used, INPUT_TOKENS),
        output_tokens=count(used, OUTPUT_TOKENS) if choices in (None, 1) else None,
    )


def _shared() -> Estimator:
    with _loading:
        return _load(os.environ.get(PRICES_VARIABLE) or None)


@cache
def _calibration() -> Calibration:
    """What this process has learnt from its calls: how far estimates were off, by model. Bounded, and thread-safe."""
    return Calibration()


def _forked() -> None:
    """In a forked process: the thread that held a lock may not be in it."""
    global _loading
    _loading = threading.Lock()
    _calibration().forked()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forked)


@cache
def _load(prices: str | None) -> Estimator:
    return Estimator(load_book(None if prices is None else Path(prices)), calibration=_calibration())
