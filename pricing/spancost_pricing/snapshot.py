"""The base layer: the prices that the pinned `genai-prices` release ships, read and never written.

Only its data is used. Its process-global snapshot, its network updates and its caches, which grow with every name
they are asked for, are left alone; so is its first-price-for-ever rule for models that had no price yet.
"""

from __future__ import annotations

import hashlib
from dataclasses import replace
from decimal import Decimal
from importlib.metadata import version
from importlib.resources import files
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from genai_prices import data
from genai_prices.types import ConditionalPrice, ModelPrice, StartDateConstraint, TieredPrices, TimeOfDateConstraint

from spancost_pricing.entries import Entry, Listing
from spancost_pricing.instants import ALWAYS, DAY_NS, Validity, Window, day_number
from spancost_pricing.matching import Models, spelled_out
from spancost_pricing.rates import Price, pico

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import time

    from genai_prices.types import ModelInfo, Provider

    from spancost_pricing.rates import Item

PRICE_UNITS: Final[Mapping[str, tuple[Item, int]]] = {
    "input_mtok": ("input", 1_000_000),
    "output_mtok": ("output", 1_000_000),
    "cache_read_mtok": ("cache_read", 1_000_000),
    "cache_audio_read_mtok": ("cache_read_audio", 1_000_000),
    "cache_image_read_mtok": ("cache_read_image", 1_000_000),
    "cache_write_mtok": ("cache_write_5m", 1_000_000),
    "cache_write_5m_mtok": ("cache_write_5m", 1_000_000),
    "cache_write_1h_mtok": ("cache_write_1h", 1_000_000),
    "input_audio_mtok": ("input_audio", 1_000_000),
    "input_image_mtok": ("input_image", 1_000_000),
    "output_reasoning_mtok": ("reasoning", 1_000_000),
    "output_audio_mtok": ("output_audio", 1_000_000),
    "output_image_mtok": ("output_image", 1_000_000),
    "web_searches_kcount": ("web_search", 1_000),
    "requests_kcount": ("request", 1_000),
    "audio_hours": ("second", 3_600),
    "input_audio_hours": ("second", 3_600),
    "input_mchars": ("character", 1_000_000),
}
"""Its price keys -> ours; what `Usage` cannot report (pages, pixels, storage searches) is left out."""

CONTEXTS: Final[Mapping[tuple[str, str], tuple[str, str]]] = {
    ("processing", "batch"): ("tier", "batch"),
    ("service_tier", "flex"): ("tier", "flex"),
    ("service_tier", "priority"): ("tier", "priority"),
    ("service_tier", "fast"): ("tier", "fast"),
    ("speed", "fast"): ("speed", "fast"),
    ("search_type", "fast"): ("speed", "fast"),
    ("route", "mistral/eu"): ("region", "eu"),
}
"""Its request context -> our terms; a variant whose context is not in here is never selected."""

FALLBACKS: Final[Mapping[str, tuple[str, ...]]] = {
    "azure": ("openai", "anthropic", "x-ai", "moonshotai"),
    "google": ("anthropic",),
}
"""Who sells another provider's models at that provider's list price, as the price data itself states.

DeepSeek's hours are left out on purpose: they are DeepSeek's own and hold on no other route.
"""


class Snapshot:
    """The data of the `genai-prices` project, as a price layer: what is installed, or other data of the same shape.

    Other data than the installed is given with the `source` that charges are to name.
    """

    def __init__(self, providers: Sequence[Provider] | None = None, source: str | None = None) -> None:
        listed = data.providers if providers is None else providers
        self._providers = {provider.id: Models(provider.models) for provider in listed}
        self.version = bundled_version() if source is None else source
        """Names the data by its content."""
        self._source = f"genai-prices {version('genai-prices')}" if source is None else source

    @property
    def providers(self) -> frozenset[str]:
        """The provider ids that it lists."""
        return frozenset(self._providers)

    def listings(self) -> Iterator[tuple[str, Listing]]:
        """Every model it lists, with a name that finds it."""
        for provider, models in self._providers.items():
            for model in models:
                name = models.name_of(model)
                if name is not None:
                    yield name, self._listing(provider, model, own_route=True)

    def matching(self, provider: str, model: str) -> object:
        """The rule by which a model is found; equal rules find the same names."""
        return next(one.match for one in self._providers[provider] if one.id == model)

    def find(self, provider: str, names: Sequence[str]) -> Listing | None:
        """What it says about the model, under the first of the names that it knows."""
        own = self._providers.get(provider)
        if own is None:
            return None
        for seller, models in ((provider, own), *self._fallbacks(provider)):
            for name in names:
                model = models.find(name)
                if model is not None:
                    # Tiers are each seller's own: a fall-back carries standard prices only.
                    listing = self._listing(seller, model, own_route=seller == provider)
                    if name != model.id.lower() and not spelled_out(model.match, name):
                        guess = f"model {name!r} taken for {seller} {model.id!r}, whose pattern it fits"
                        listing = replace(listing, guess=guess)
                    return listing
        return None

    def _fallbacks(self, provider: str) -> Iterator[tuple[str, Models]]:
        for seller in FALLBACKS.get(provider, ()):
            if (models := self._providers.get(seller)) is not None:
                yield seller, models

    def _listing(self, provider: str, model: ModelInfo, *, own_route: bool) -> Listing:
        def entry(prices: ModelPrice, validity: Validity, when: Mapping[str, str] | None = None) -> Entry:
            return Entry(
                layer="genai-prices",
                source=self._source,
                provider=provider,
                model=model.id,
                prices=_prices(prices),
                validity=validity,
                when=when or MappingProxyType({}),
            )

        conditional = (
            [ConditionalPrice(prices=model.prices)] if isinstance(model.prices, ModelPrice) else list(model.prices)
        )
        # Its rule is "the last price that holds"; ours is "the first".
        standard = tuple(entry(item.prices, _validity(item.constraint)) for item in reversed(conditional))
        special: list[Entry] = []
        if own_route:
            for variant in model.price_variants or ():
                terms = [CONTEXTS.get(context) for context in variant.when.items()]
                if all(term is not None for term in terms):
                    when: dict[str, str] = dict(term for term in terms if term is not None)
                    special.append(entry(variant.prices, _validity(variant.constraint), when))
        return Listing(provider, model.id, standard, tuple(special), whole=True)


def bundled_version() -> str:
    """The version of the data that is installed."""
    content = files("genai_prices").joinpath("data.py").read_bytes()
    return f"genai-prices {version('genai-prices')} ({hashlib.sha256(content).hexdigest()[:12]})"


def _prices(prices: ModelPrice) -> Mapping[Item, Price]:
    found: dict[Item, Price] = {}
    listed: dict[str, object] = vars(prices)
    for key, value in listed.items():
        unit = PRICE_UNITS.get(key)
        if unit is None or value is None:
            continue
        item, per = unit
        if isinstance(value, TieredPrices):
            steps = tuple((tier.start, pico(tier.price, per)) for tier in value.tiers)
            found[item] = Price(pico(value.base, per), steps)
        elif isinstance(value, Decimal):
            found[item] = Price(pico(value, per))
    return MappingProxyType(found)


def _validity(constraint: StartDateConstraint | TimeOfDateConstraint | None) -> Validity:
    match constraint:
        case None:
            return ALWAYS
        case StartDateConstraint():
            return Validity(start_ns=day_number(constraint.start_date) * DAY_NS)
        case TimeOfDateConstraint():
            return Validity(window=Window(((_minute(constraint.start_time), _minute(constraint.end_time)),)))


def _minute(at: time) -> int:
    offset = at.utcoffset()
    minutes = at.hour * 60 + at.minute
    return (minutes - (int(offset.total_seconds()) // 60 if offset else 0)) % 1440
