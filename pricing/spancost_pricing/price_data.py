"""Price data that was published after the release that is installed: JSON in, a `Snapshot` out, or one clear error.

The layout is the one in which the `genai-prices` project publishes its data (a list of providers with their models).
Reading it takes a function that the library keeps to itself, so it is called here and nowhere else; whatever could
make a price lookup fail later is refused here, once.
"""

from __future__ import annotations

import hashlib
import json
import re
from decimal import Decimal
from typing import TYPE_CHECKING, Final, cast

from genai_prices.types import (
    ClauseAnd,
    ClauseOr,
    ClauseRegex,
    ModelPrice,
    TieredPrices,
    _providers_from_raw,  # pyright: ignore[reportPrivateUsage]
)
from pydantic import ValidationError

from spancost_pricing.errors import PriceFileError
from spancost_pricing.price_schema import MOST
from spancost_pricing.snapshot import PRICE_UNITS, Snapshot

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from genai_prices.types import MatchLogic, ModelInfo, Provider

MOST_BYTES: Final = 64 * 1024 * 1024
"""Some forty times what is published today."""

_SHOWN_MISTAKES: Final = 5


def parse_price_data(content: bytes, name: str) -> Snapshot:
    """The price data that a published file holds; `name` stands in messages.

    Raises:
        PriceFileError: it is not such a file, or something in it cannot be used.
    """
    if len(content) > MOST_BYTES:
        raise PriceFileError(f"{name}: {len(content):,} bytes; expected at most {MOST_BYTES:,}")
    try:
        raw: object = json.loads(content, parse_float=Decimal, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise PriceFileError(f"{name}: is not JSON: {error}") from None
    found = _providers(raw, name)
    try:
        providers = _providers_from_raw(found)
    except (ValueError, TypeError, AttributeError, AssertionError):
        lines = [f"{name}: {complaint}" for complaint in _complaints(found)]
        raise PriceFileError(_some(lines or [f"{name}: is not price data"])) from None
    mistakes = list(_mistakes(providers))
    if mistakes:
        raise PriceFileError(_some([f"{name}: {mistake}" for mistake in mistakes]))
    return Snapshot(providers, f"genai-prices data {hashlib.sha256(content).hexdigest()[:12]}")


def _refuse(constant: str) -> object:
    raise ValueError(f"{constant} is not a price")


def _providers(raw: object, name: str) -> list[object]:
    """The providers of a bare list, or of the newer layout that puts the units beside them."""
    providers: object = raw
    if isinstance(raw, dict):
        document = cast("dict[str, object]", raw)
        providers = document.get("providers")
        units = document.get("units")
        for unit in cast("dict[str, object]", units).values() if isinstance(units, dict) else ():
            stated = cast("dict[str, object]", unit) if isinstance(unit, dict) else {}
            known = PRICE_UNITS.get(str(stated.get("price_key")))
            if known is not None and stated.get("per") != known[1]:
                raise PriceFileError(
                    f"{name}: units: {stated.get('price_key')} is per {stated.get('per')}; expected per {known[1]}."
                    " A newer spancost may be needed to read it"
                )
    if not isinstance(providers, list) or not providers:
        raise PriceFileError(
            f"{name}: lists no providers; expected the layout of prices/new_data/v2/data.json of genai-prices"
        )
    return cast("list[object]", providers)


def _some(lines: Sequence[str]) -> str:
    more = len(lines) - _SHOWN_MISTAKES
    return "\n".join((*lines[:_SHOWN_MISTAKES], *([f"and {more} more"] if more > 0 else ())))


def _complaints(found: Sequence[object]) -> Iterator[str]:
    """What the schema has against each provider, or against each of its models."""
    for position, listed in enumerate(found):
        if not isinstance(listed, dict):
            yield f"providers[{position}]: got {type(listed).__name__}; expected an object"
            continue
        provider = cast("dict[str, object]", listed)
        label = str(provider.get("id", f"providers[{position}]"))
        models = provider.get("models", [])
        alone = list(_refusals(label, {**provider, "models": []}))
        yield from alone
        if alone:
            continue
        if not isinstance(models, list):
            yield f"{label}: models: got {type(models).__name__}; expected a list"
            continue
        for index, model in enumerate(cast("list[object]", models)):
            name = cast("dict[str, object]", model).get("id") if isinstance(model, dict) else None
            yield from _refusals(f"{label}: {name or f'models[{index}]'}", {**provider, "models": [model]})


def _refusals(label: str, provider: dict[str, object]) -> Iterator[str]:
    try:
        _providers_from_raw([provider])
    except ValidationError as error:
        for one in error.errors():
            keys = [str(step) for step in one["loc"] if step != "models" and not isinstance(step, int)]
            yield ": ".join((label, *keys, one["msg"]))
    except (ValueError, TypeError, AttributeError, AssertionError) as error:
        yield f"{label}: {error}"


def _mistakes(providers: Sequence[Provider]) -> Iterator[str]:
    """What the library's own schema lets pass and a lookup would fall over or charge wrong."""
    seen: set[str] = set()
    for provider in providers:
        if provider.id in seen:
            yield f"{provider.id}: stands twice; every provider may be listed once"
        seen.add(provider.id)
        for model in provider.models:
            place = f"{provider.id}: {model.id}"
            for regex in _regexes(model.match):
                try:
                    re.compile(regex)
                except re.error as error:
                    yield f"{place}: match: {regex!r} is not a regular expression: {error}"
            for prices in _price_lists(model):
                for key, amount in _amounts(prices):
                    if not amount.is_finite() or not 0 <= amount <= MOST:
                        yield f"{place}: {key}: got {amount}; expected an amount from 0 to {MOST:,} USD"


def _regexes(clause: MatchLogic) -> Iterator[str]:
    match clause:
        case ClauseOr():
            for part in clause.or_:
                yield from _regexes(part)
        case ClauseAnd():
            for part in clause.and_:
                yield from _regexes(part)
        case ClauseRegex():
            yield clause.regex
        case _:
            pass


def _price_lists(model: ModelInfo) -> Iterator[ModelPrice]:
    if isinstance(model.prices, ModelPrice):
        yield model.prices
    else:
        yield from (part.prices for part in model.prices)
    yield from (variant.prices for variant in model.price_variants or ())


def _amounts(prices: ModelPrice) -> Iterator[tuple[str, Decimal]]:
    listed: dict[str, object] = vars(prices)
    for key, value in listed.items():
        if isinstance(value, TieredPrices):
            yield key, value.base
            yield from ((key, tier.price) for tier in value.tiers)
        elif isinstance(value, Decimal):
            yield key, value
