"""The example in docs/prices.md is a file that spancost takes, and means what the text says."""

from __future__ import annotations

import re
from decimal import Decimal
from pathlib import Path

import pytest

from spancost_pricing import Route, Usage, load_book

DOCUMENT = (Path(__file__).parents[2] / "docs" / "prices.md").read_text()
FRIDAY_NOON = 1_795_176_000 * 1_000_000_000  # 2026-11-20T12:00:00Z
FRIDAY_NIGHT = FRIDAY_NOON + 8 * 3_600_000_000_000


@pytest.fixture(scope="module")
def example(tmp_path_factory: pytest.TempPathFactory) -> Path:
    (text,) = re.findall(r"^```yaml\n(.*?)^```$", DOCUMENT, flags=re.MULTILINE | re.DOTALL)
    path = tmp_path_factory.mktemp("documentation") / "prices.yaml"
    path.write_text(text)
    return path


@pytest.mark.parametrize(
    ("route", "usage", "ended_ns", "usd"),
    [
        # A fine-tune at 3 and 12 USD the million, less 12 % for OpenAI: (3,000 + 1,200) x 0.88 micro-USD.
        (
            Route("openai", "ft:gpt-4.1-2025-04-14:acme::abc"),
            Usage(input_tokens=1000, output_tokens=100),
            FRIDAY_NOON,
            Decimal("0.003696"),
        ),
        (Route("vllm", "llama-5"), Usage(input_tokens=128_000), FRIDAY_NOON, Decimal("0.0256")),
        (Route("vllm", "llama-5"), Usage(input_tokens=128_001), FRIDAY_NOON, Decimal("0.0512004")),
        # gpt-5 at 1.25 USD the million, and its data zone costs 10 % more.
        (
            Route("azure.ai.openai", "my-prod-deployment"),
            Usage(input_tokens=1_000_000),
            FRIDAY_NOON,
            Decimal("1.375"),
        ),
    ],
)
def test_the_example_prices_as_it_says(example: Path, route: Route, usage: Usage, ended_ns: int, usd: Decimal) -> None:
    charge = load_book(example).charge(route, usage, ended_ns)

    assert (charge.status, charge.usd) == ("priced", usd)


def test_outside_its_hours_the_example_has_no_price(example: Path) -> None:
    charge = load_book(example).charge(Route("vllm", "llama-5"), Usage(input_tokens=1), FRIDAY_NIGHT)

    assert charge.status == "unpriced"
