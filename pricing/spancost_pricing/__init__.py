"""What a model call costs: pure arithmetic over price data, shared by the app side and the receiver.

No OpenTelemetry, no network, no clock in here; time and usage are arguments.
"""

from spancost_pricing.charge import PICO_USD, Charge, Layer, LineItem, Reason, Route, Status, usd
from spancost_pricing.errors import ConfigError, PriceFileError, SpancostError, UnknownModelError
from spancost_pricing.usage import TOKEN_CLASSES, UNIT_ATTRIBUTES, USAGE_ATTRIBUTES, TokenClass, Unit, Usage

__all__ = [
    "PICO_USD",
    "TOKEN_CLASSES",
    "UNIT_ATTRIBUTES",
    "USAGE_ATTRIBUTES",
    "Charge",
    "ConfigError",
    "Layer",
    "LineItem",
    "PriceFileError",
    "Reason",
    "Route",
    "SpancostError",
    "Status",
    "TokenClass",
    "Unit",
    "UnknownModelError",
    "Usage",
    "usd",
]
