"""The library whose data is the base layer is the oracle for how that data is read.

Every model of every provider is priced by both; the amounts must agree but for the rounding of line items. Where the
library is known to be wrong, or cannot be asked, the reason is in `DIFFERENT`.
"""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING

import genai_prices
import pytest
from genai_prices.data import providers
from genai_prices.data_snapshot import DataSnapshot

from spancost_pricing import Book, Route, Usage
from spancost_pricing.snapshot import Snapshot

if TYPE_CHECKING:
    from genai_prices.types import Provider

WHEN = datetime(2026, 11, 20, 12, tzinfo=UTC)
WHEN_NS = 1_795_176_000_000_000_000
ORACLE = DataSnapshot(providers=providers, from_auto_update=False)
BOOK = Book([], Snapshot())
USAGES = {
    "plain": (Usage(input_tokens=1234, output_tokens=567), {"input_tokens": 1234, "output_tokens": 567}),
    "cached": (
        Usage(input_tokens=9000, cache_read_tokens=4000, cache_write_tokens=1000, output_tokens=500),
        {"input_tokens": 9000, "cache_read_tokens": 4000, "cache_write_tokens": 1000, "output_tokens": 500},
    ),
    "long": (
        Usage(input_tokens=600_000, cache_read_tokens=100_000, output_tokens=1000, reasoning_tokens=400),
        {
            "input_tokens": 600_000,
            "cache_read_tokens": 100_000,
            "output_tokens": 1000,
            "output_reasoning_tokens": 400,
        },
    ),
}


@pytest.mark.parametrize("shape", USAGES)
@pytest.mark.parametrize("provider", providers, ids=lambda provider: provider.id)
def test_both_read_the_price_data_alike(provider: Provider, shape: str):
    ours, theirs = USAGES[shape]
    differences: list[tuple[str, Decimal, Decimal | str | None]] = []
    for model in provider.models:
        if not model.is_match(model.id):
            continue  # the library itself does not find it by its id
        expected = ORACLE.calc(genai_prices.Usage(**theirs), model.id, provider.id, None, WHEN).total_price
        charge = BOOK.charge(Route(provider.id, model.id), ours, WHEN_NS)
        # The library says 0 for models without a price and leaves out what has no rate; we say so instead.
        charged = Decimal(0) if charge.usd is None else charge.usd
        if abs(charged - expected) > Decimal("0.000000000005"):
            differences.append((model.id, expected, charge.usd))

    assert differences == []


def test_reading_prices_leaves_the_librarys_own_state_alone():
    before = genai_prices.calc_price(genai_prices.Usage(input_tokens=10), "gpt-4o", provider_id="openai").total_price

    mine = Book([], Snapshot([]))
    mine.charge(Route("openai", "gpt-4o"), Usage(input_tokens=10), WHEN_NS)

    assert genai_prices.calc_price(genai_prices.Usage(input_tokens=10), "gpt-4o", provider_id="openai").total_price == (
        before
    )
    assert before == Decimal("0.000025")
