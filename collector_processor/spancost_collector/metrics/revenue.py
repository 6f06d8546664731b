"""What tenants pay, as a file says, so that what they cost can stand beside it.

A CSV with the columns `tenant` and `usd`: dollars a month. Nothing else in spancost reads it; it becomes a gauge with
the same label as the cost of a tenant, and dividing one by the other is left to whoever asks.
"""

from __future__ import annotations

import csv
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Final

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from spancost_collector.metrics.labels import OTHER
from spancost_collector.metrics.table import REVENUE
from spancost_pricing import ConfigError
from spancost_pricing.errors import unreadable

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

_COLUMNS: Final = ["tenant", "usd"]


def load_revenue(path: Path) -> dict[str, Decimal]:
    """Tenant -> dollars a month.

    Raises:
        ConfigError: one line for everything in the file that cannot be used.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:  # spreadsheets begin a file with a byte order mark
            rows = list(csv.reader(file))
    except OSError as error:
        raise ConfigError(unreadable(path, error)) from None
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: cannot be read: not UTF-8 ({error})") from None
    except csv.Error as error:
        raise ConfigError(f"{path}: cannot be read: not CSV ({error})") from None
    if not rows or [name.strip() for name in rows[0]] != _COLUMNS:
        raise ConfigError(f"{path}:1: expected the columns tenant,usd")
    revenue: dict[str, Decimal] = {}
    problems: list[str] = []
    for line, row in enumerate(rows[1:], start=2):
        match [value.strip() for value in row]:
            case []:
                continue
            case [tenant, usd] if tenant and _is_amount(usd):
                if tenant in revenue:
                    problems.append(f"{path}:{line}: {tenant}: stands twice; keep one")
                revenue[tenant] = Decimal(usd)
            case _:
                problems.append(f"{path}:{line}: got {','.join(row)!r}; expected a tenant and dollars, e.g. acme,1200")
    if problems:
        raise ConfigError("\n".join(problems))
    return revenue


class Revenue(Collector):
    """Shows it; the first tenants by name of their own, those past the bound together."""

    def __init__(self, revenue: Mapping[str, Decimal], *, max_values: int) -> None:
        self._shown = dict(list(revenue.items())[:max_values])
        others = list(revenue.values())[max_values:]
        if others:
            self._shown[OTHER] = sum(others, Decimal(0))

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """The gauge."""
        family = GaugeMetricFamily(REVENUE.name, REVENUE.help, labels=REVENUE.labels)
        for tenant, usd in self._shown.items():
            family.add_metric((tenant,), float(usd))
        yield family


def _is_amount(text: str) -> bool:
    try:
        amount = Decimal(text)
    except InvalidOperation:
        return False
    return amount.is_finite() and amount >= 0
