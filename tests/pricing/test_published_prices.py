"""Prices as the providers publish them, worked out by hand, on both sides of boundaries and price changes."""

from __future__ import annotations

import csv
import os
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from spancost_pricing import Route, Usage

if TYPE_CHECKING:
    from spancost_pricing import Book, Unit

RECORDINGS = Path(os.environ.get("SPANCOST_RECORDINGS", Path(__file__).parents[2] / "../shared/data"))
CASES = RECORDINGS / "pricing-cases.csv"
NOT_IN_THE_ROW = {
    # The row's note says that both searches were fast ones, which none of its columns can say.
    "PPX-01": {"speed": "fast"},
}


@pytest.mark.parametrize(
    ("route", "usage", "ended", "usd"),
    [
        # 800 x 3 + 200 x 0.30 + 100 x 15, per million
        (
            Route("anthropic", "claude-sonnet-4-5"),
            Usage(input_tokens=1000, cache_read_tokens=200, output_tokens=100),
            "2026-11-20",
            "0.00396",
        ),
        # more than 200,000 input tokens: 6 and 22.50, and from 2026-03-13 flat again
        (
            Route("anthropic", "claude-sonnet-4-6"),
            Usage(input_tokens=200_001, output_tokens=100),
            "2026-03-12",
            "1.202256",
        ),
        (
            Route("anthropic", "claude-sonnet-4-6"),
            Usage(input_tokens=200_001, output_tokens=100),
            "2026-03-13",
            "0.601503",
        ),
        # cache hits cost $0.20 until 2026-10-07, then $0.10
        (
            Route("anthropic", "claude-sonnet-5-5"),
            Usage(input_tokens=1_000_000, cache_read_tokens=1_000_000),
            "2026-10-06",
            "0.2",
        ),
        (
            Route("anthropic", "claude-sonnet-5-5"),
            Usage(input_tokens=1_000_000, cache_read_tokens=1_000_000),
            "2026-10-07",
            "0.1",
        ),
        # cut by four fifths on 2025-06-10
        (Route("openai", "o3"), Usage(input_tokens=1000, output_tokens=1000), "2025-06-09", "0.05"),
        (Route("openai", "o3"), Usage(input_tokens=1000, output_tokens=1000), "2025-06-10", "0.01"),
        # more than 272,000 input tokens reprice the request: 4 and 15 instead of 2 and 10
        (Route("openai", "gpt-6.1-sol"), Usage(input_tokens=272_000, output_tokens=1000), "2026-11-20", "0.554"),
        (Route("openai", "gpt-6.1-sol"), Usage(input_tokens=272_001, output_tokens=1000), "2026-11-20", "1.103004"),
        # xAI's long context begins at 200,000 tokens, not above
        (Route("x-ai", "grok-4.7"), Usage(input_tokens=199_999), "2026-11-20", "0.399998"),
        (Route("x-ai", "grok-4.7"), Usage(input_tokens=200_000), "2026-11-20", "0.8"),
        # audio in and out of a realtime model: 60 x 32 + 40 x 4 + 10 x 64 + 5 x 16
        (
            Route("openai", "gpt-realtime"),
            Usage(input_tokens=100, input_audio_tokens=60, output_tokens=15, output_audio_tokens=10),
            "2026-11-20",
            "0.0028",
        ),
        # a picture: 100 x 5 + 1056 x 30
        (
            Route("openai", "gpt-image-2"),
            Usage(input_tokens=100, output_tokens=1056, output_image_tokens=1056),
            "2026-11-20",
            "0.03218",
        ),
        # every modality at the text price where none is listed apart: 900 x 1.25 + 10 x 10
        (
            Route("google", "gemini-2.5-pro"),
            Usage(input_tokens=900, input_audio_tokens=400, input_image_tokens=300, output_tokens=10),
            "2026-11-20",
            "0.001225",
        ),
        # audio apart: 100 x 0.30 + 800 x 1.00
        (
            Route("google", "gemini-2.5-flash"),
            Usage(input_tokens=900, input_audio_tokens=800),
            "2026-11-20",
            "0.00083",
        ),
        # an embedding has no output price and needs none
        (Route("openai", "text-embedding-3-large"), Usage(input_tokens=1000), "2026-11-20", "0.00013"),
        # the same model under a name that changed hands twice
        (Route("deepseek", "deepseek-chat"), Usage(input_tokens=1_000_000), "2025-10-01", "0.28"),
        (Route("deepseek", "deepseek-chat"), Usage(input_tokens=1_000_000), "2026-05-15", "0.14"),
        # searches: 10 a thousand
        (Route("openai", "gpt-5"), Usage(input_tokens=0, units={"web_search": 3}), "2026-11-20", "0.03"),
        (
            Route("perplexity", "perplexity/sonar", speed="fast"),
            Usage(units={"web_search": 2}),
            "2026-11-20",
            "0.002",
        ),
        (Route("perplexity", "perplexity/sonar"), Usage(units={"web_search": 2}), "2026-11-20", "0.005"),
    ],
)
def test_a_published_price(book: Book, route: Route, usage: Usage, ended: str, usd: str):
    ended_ns = int(datetime.fromisoformat(f"{ended}T12:00:00+00:00").timestamp()) * 10**9

    charge = book.charge(route, usage, ended_ns)

    assert (charge.status, charge.usd) == ("priced", Decimal(usd))


def rows() -> list[dict[str, str]]:
    if not CASES.exists():
        return []
    with CASES.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def usage_of(row: dict[str, str]) -> Usage:
    def count(column: str) -> int:
        return int(row[column] or 0)

    units: dict[Unit, int | Decimal] = {}
    if count("web_searches"):
        units["web_search"] = count("web_searches")
    if row["audio_seconds"] not in ("", "0"):
        units["second"] = Decimal(row["audio_seconds"])
    hour = count("cache_write_1h_tokens")
    return Usage(
        input_tokens=count("input_tokens"),
        cache_read_tokens=count("cache_read_tokens"),
        cache_write_tokens=count("cache_write_5m_tokens") + hour,
        cache_write_1h_tokens=hour,
        input_audio_tokens=count("input_audio_tokens"),
        output_tokens=count("output_tokens"),
        reasoning_tokens=count("reasoning_tokens"),
        output_audio_tokens=count("output_audio_tokens"),
        output_image_tokens=count("output_image_tokens"),
        units=units,
    )


@pytest.mark.skipif(not CASES.exists(), reason=f"no worked prices in {RECORDINGS}; set SPANCOST_RECORDINGS")
@pytest.mark.parametrize("row", rows(), ids=lambda row: row["id"])
def test_a_worked_case_to_the_last_digit(book: Book, row: dict[str, str]):
    terms = {
        term: row[term] or NOT_IN_THE_ROW.get(row["id"], {}).get(term)
        for term in ("service_tier", "region", "deployment", "speed")
    }
    ended_ns = int(datetime.fromisoformat(row["ended_at"]).timestamp()) * 10**9

    charge = book.charge(Route(row["provider"], row["model"], **terms), usage_of(row), ended_ns)

    assert (charge.status, charge.usd) == ("priced", Decimal(row["expected_usd"]))
