"""What a model call costs: pure arithmetic over price data, shared by the app side and the receiver.

No OpenTelemetry, no network, no clock in here; time and usage are arguments. `Book` and `load_book` bring the price
data along (tens of megabytes and most of a second), so they are only imported for who asks for them: what runs inside
an app counts tokens and needs none of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from spancost_pricing.charge import PICO_USD, Charge, Layer, LineItem, Rate, Reason, Route, Status, usd
from spancost_pricing.errors import ConfigError, PriceFileError, SpancostError, UnknownModelError
from spancost_pricing.split import UsageError, split
from spancost_pricing.usage import TOKEN_CLASSES, UNIT_ATTRIBUTES, USAGE_ATTRIBUTES, TokenClass, Unit, Usage

if TYPE_CHECKING:
    from spancost_pricing.book import Book, load_book

__all__ = [
    "PICO_USD",
    "TOKEN_CLASSES",
    "UNIT_ATTRIBUTES",
    "USAGE_ATTRIBUTES",
    "Book",
    "Charge",
    "ConfigError",
    "Layer",
    "LineItem",
    "PriceFileError",
    "Rate",
    "Reason",
    "Route",
    "SpancostError",
    "Status",
    "TokenClass",
    "Unit",
    "UnknownModelError",
    "Usage",
    "UsageError",
    "load_book",
    "split",
    "usd",
]


if not TYPE_CHECKING:

    def __getattr__(name: str) -> object:
        if name in ("Book", "load_book"):
            from spancost_pricing import book

            return getattr(book, name)
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
