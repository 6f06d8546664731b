"""What a book answers: sums that are exact, states that are told apart, and never an exception."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from spancost_pricing import Route, Usage

if TYPE_CHECKING:
    from spancost_pricing import Book

    from .conftest import BookOf

NOON = 1_795_176_000_000_000_000  # 2026-11-20T12:00:00Z
PRICES = """
version: 1
prices:
  - provider: acme
    model: one
    input_per_mtok: "3"
    cache_read_per_mtok: "0.3"
    cache_write_per_mtok: "3.75"
    cache_write_1h_per_mtok: "6"
    output_per_mtok: "15"
    web_search_per_thousand: "10"
    second_per_hour: "0.111"
    request_per_thousand: "5"
  - {provider: acme, model: thirds, second_per_hour: "0.1"}
  - {provider: acme, model: plain, input_per_mtok: "1", output_per_mtok: "2"}
  - {provider: acme, model: gift, input_per_mtok: "0", output_per_mtok: "0"}
  - provider: acme
    model: tall
    input_per_mtok: "1"
    output_per_mtok: "2"
    steps:
      - {over: 100, input_per_mtok: "10", output_per_mtok: "20"}
      - {at_least: 200, input_per_mtok: "100"}
"""


def test_the_parts_of_a_charge_sum_to_its_total(book_of: BookOf):
    usage = Usage(
        input_tokens=3504,
        cache_read_tokens=2000,
        cache_write_tokens=1000,
        cache_write_1h_tokens=400,
        output_tokens=97,
        reasoning_tokens=40,
        units={"web_search": 2},
    )

    charge = book_of(PRICES).charge(Route("acme", "one"), usage, NOON)

    assert charge.status == "priced"
    assert [(item.unit, item.quantity, item.amount_pico) for item in charge.items] == [
        ("input", 504, 1_512_000_000),
        ("cache_read", 2000, 600_000_000),
        ("cache_write_5m", 600, 2_250_000_000),
        ("cache_write_1h", 400, 2_400_000_000),
        ("output", 57, 855_000_000),
        ("reasoning", 40, 600_000_000),
        ("web_search", 2, 20_000_000_000),
        ("request", 1, 5_000_000_000),
    ]
    assert charge.usd == Decimal("0.033217")
    assert charge.quantities == {
        "input": 504,
        "cache_read": 2000,
        "cache_write_5m": 600,
        "cache_write_1h": 400,
        "output": 57,
        "reasoning": 40,
        "web_search": 2,
        "request": 1,
    }


@pytest.mark.parametrize(
    ("seconds", "pico"),
    [
        # 0.1 USD / 3600 s = 27,777,777.777… pico-USD a second
        (1, 27_777_778),
        (2, 55_555_556),
        (9, 250_000_000),
        (Decimal("0.5"), 13_888_889),
        # 13,888,888.5 and 41,666,665.5 exactly: halves go to the even neighbour
        (Decimal("0.499999986"), 13_888_888),
        (Decimal("1.499999958"), 41_666_666),
    ],
)
def test_a_line_item_is_rounded_once_and_half_to_even(book_of: BookOf, seconds: int | Decimal, pico: int):
    charge = book_of(PRICES).charge(Route("acme", "thirds"), Usage(units={"second": seconds}), NOON)

    assert charge.total_pico == pico


@pytest.mark.parametrize(
    ("tokens", "usd"),
    [(100, "0.00012"), (101, "0.00121"), (199, "0.00219"), (200, "0.0202")],
)
def test_a_context_step_reprices_the_whole_request_at_its_own_boundary(book_of: BookOf, tokens: int, usd: str):
    charge = book_of(PRICES).charge(Route("acme", "tall"), Usage(input_tokens=tokens, output_tokens=10), NOON)

    assert charge.usd == Decimal(usd)


def test_without_rates_of_their_own_cached_and_reasoning_tokens_cost_what_their_parents_cost(book_of: BookOf):
    usage = Usage(input_tokens=10, cache_read_tokens=4, cache_write_tokens=3, output_tokens=5, reasoning_tokens=2)

    charge = book_of(PRICES).charge(Route("acme", "plain"), usage, NOON)

    assert charge.status == "priced"
    assert charge.total_pico == 20_000_000
    assert {item.unit: item.rate.price_id for item in charge.items}["cache_read"] == "acme/plain:input"


def test_audio_without_a_rate_is_left_unpriced_instead_of_priced_as_text(book_of: BookOf):
    usage = Usage(input_tokens=10, input_audio_tokens=4, output_tokens=5)

    charge = book_of(PRICES).charge(Route("acme", "plain"), usage, NOON)

    assert (charge.status, charge.reason, charge.detail) == ("partial", "unknown_unit", "no rate for input_audio")
    assert charge.total_pico == 16_000_000
    assert charge.quantities == {"input": 6, "input_audio": 4, "output": 5}


def test_a_fee_without_a_rate_is_reported_as_missing(book_of: BookOf):
    charge = book_of(PRICES).charge(Route("acme", "plain"), Usage(input_tokens=1, units={"web_search": 3}), NOON)

    assert (charge.status, charge.detail) == ("partial", "no rate for web_search")


def test_a_call_of_nothing_but_unknown_units_is_unpriced(book_of: BookOf):
    charge = book_of(PRICES).charge(Route("acme", "plain"), Usage(units={"image": 1}), NOON)

    assert (charge.status, charge.reason, charge.total_pico) == ("unpriced", "unknown_unit", None)
    assert charge.quantities == {"image": 1}


def test_reported_zero_is_priced_at_zero_and_absence_is_no_usage(book_of: BookOf):
    book = book_of(PRICES)
    route = Route("acme", "plain")

    zero = book.charge(route, Usage(input_tokens=0, output_tokens=0), NOON)
    absent = book.charge(route, Usage(), NOON)

    assert (zero.status, zero.total_pico) == ("priced", 0)
    assert (absent.status, absent.reason, absent.total_pico) == ("unpriced", "no_usage", None)
    assert book.charge(route, None, NOON).reason == "no_usage"


def test_a_price_of_zero_is_free_only_where_somebody_says_so(book_of: BookOf, book: Book):
    usage = Usage(input_tokens=5, output_tokens=5)

    said = book_of(PRICES).charge(Route("acme", "gift"), usage, NOON)
    listed_without_price = book.charge(Route("github-copilot", "gpt-4o"), usage, NOON)
    allowed = book.charge(Route("openai", "omni-moderation-latest"), usage, NOON)

    assert (said.status, said.total_pico) == ("free", 0)
    assert (listed_without_price.status, listed_without_price.reason) == ("unpriced", "unknown_model")
    assert (allowed.status, allowed.total_pico) == ("free", 0)


@pytest.mark.parametrize(
    ("usage", "reason"),
    [
        (Usage(input_tokens=5, cache_read_tokens=6), "part_exceeds_whole"),
        (Usage(input_tokens=-5), "negative_quantity"),
        (Usage(units={"second": Decimal(-1)}), "negative_quantity"),
        (Usage(units={"second": Decimal("NaN")}), "too_large"),
        (Usage(input_tokens=10**13), "too_large"),
    ],
)
def test_usage_that_cannot_be_is_invalid_and_has_no_amount(book_of: BookOf, usage: Usage, reason: str):
    charge = book_of(PRICES).charge(Route("acme", "plain"), usage, NOON)

    assert (charge.status, charge.reason, charge.total_pico, charge.items) == ("invalid_usage", reason, None, ())


def test_of_usage_that_cannot_be_only_totals_from_zero_on_are_added_up(book_of: BookOf):
    charge = book_of(PRICES).charge(Route("acme", "plain"), Usage(input_tokens=-5, output_tokens=7), NOON)

    assert charge.quantities == {"output": 7}


@pytest.mark.parametrize(
    ("usage", "reason", "detail"),
    [
        (Usage(input_tokens=10**5000), "too_large", "about 2**16632 pico-USD do not fit in 64 bits"),
        (
            Usage(units={"second": Decimal("1E+5000")}),
            "too_large",
            "about 2**16635 pico-USD do not fit in 64 bits",
        ),
        (
            Usage(output_tokens=-(10**5000)),
            "negative_quantity",
            "output_tokens is about -2**16610; a quantity cannot be negative",
        ),
        (
            Usage(units={"image": -(10**5000)}),
            "negative_quantity",
            "image is about -2**16610; a quantity cannot be negative",
        ),
        (
            Usage(output_tokens=5, reasoning_tokens=10**5000),
            "part_exceeds_whole",
            "reasoning_tokens is about 2**16610, more than the 5 output_tokens it is part of",
        ),
    ],
)
def test_quantities_of_more_digits_than_python_writes_are_invalid_and_say_how_large_they_are(
    book_of: BookOf, usage: Usage, reason: str, detail: str
):
    charge = book_of(PRICES).charge(Route("acme", "one"), usage, NOON)

    assert (charge.status, charge.reason, charge.detail) == ("invalid_usage", reason, detail)


def test_the_largest_charge_that_fits_64_bits_is_kept(book_of: BookOf):
    # 9,223,372,036,854 tokens at 1,000,000 pico-USD are just under 2**63.
    book = book_of(PRICES)

    fits = book.charge(Route("acme", "plain"), Usage(input_tokens=9_223_372_036_854), NOON)
    over = book.charge(Route("acme", "plain"), Usage(input_tokens=9_223_372_036_855), NOON)

    assert fits.total_pico == 9_223_372_036_854_000_000
    assert over.reason == "too_large"


def test_contradicting_usage_keeps_the_reported_totals(book_of: BookOf):
    usage = Usage(input_tokens=5, cache_read_tokens=6, output_tokens=2)

    charge = book_of(PRICES).charge(Route("acme", "plain"), usage, NOON)

    assert charge.quantities == {"input": 5, "output": 2}


@pytest.mark.parametrize(
    ("route", "reason"),
    [
        (Route("nobody", "one"), "unknown_provider"),
        (Route("", ""), "unknown_provider"),
        (Route("acme", "two"), "unknown_model"),
        (Route("acme", ""), "unknown_model"),
        (Route("acme", "x" * 100_000), "unknown_model"),
        (Route("acme", "one", service_tier="turbo"), "unknown_tier"),
        (Route("acme", "one", speed="fast"), "unknown_tier"),
    ],
)
def test_unknown_is_not_free(book_of: BookOf, route: Route, reason: str):
    charge = book_of(PRICES).charge(route, Usage(input_tokens=7), NOON)

    assert (charge.status, charge.reason, charge.total_pico) == ("unpriced", reason, None)
    assert charge.quantities == {"input": 7}


@pytest.mark.parametrize("ended_ns", [0, -1, -(10**25), 10**25, 2**63, 86_400 * 10**9 - 1])
def test_no_instant_is_an_error(book: Book, ended_ns: int):
    charge = book.charge(Route("deepseek", "deepseek-v4-pro"), Usage(input_tokens=1), ended_ns)

    assert charge.status == "priced"


def test_what_was_not_reported_and_changes_the_price_is_said(book_of: BookOf):
    usage = Usage(input_tokens=10, cache_write_tokens=4, output_tokens=0)

    charge = book_of(PRICES).charge(Route("acme", "one"), usage, NOON)

    assert charge.assumptions == ("cache_write_1h_tokens not reported: none taken",)


@pytest.mark.parametrize(
    ("usage", "said"),
    [
        (Usage(output_tokens=10), ("input_tokens not reported: none taken",)),
        (Usage(input_tokens=10), ("output_tokens not reported: none taken",)),
        (Usage(input_tokens=0, output_tokens=10), ()),
        (Usage(units={"web_search": 1}), ()),
    ],
)
def test_a_total_that_nobody_reported_beside_the_other_is_said(book_of: BookOf, usage: Usage, said: tuple[str, ...]):
    charge = book_of(PRICES).charge(Route("acme", "one"), usage, NOON)

    assert charge.status == "priced"
    assert charge.assumptions == said


def test_that_an_embedding_has_no_output_is_nothing_to_be_said(book: Book):
    charge = book.charge(Route("openai", "text-embedding-3-small"), Usage(input_tokens=10), NOON)

    assert (charge.status, charge.assumptions) == ("priced", ())


def test_a_line_item_explains_itself(book: Book):
    charge = book.charge(Route("openai", "gpt-5.4", region="eu"), Usage(input_tokens=1000), NOON)

    (item,) = charge.items
    assert item.rate.price_id == "openai/gpt-5.4:input"
    assert item.rate.pico == Decimal(2_750_000)
    assert (item.rate.layer, item.rate.source) == ("genai-prices", "genai-prices 0.2.3")
    assert item.rate.multipliers == ("region eu x1.1",)
    assert charge.book == book.version


def test_invented_names_leave_memory_flat(book_of: BookOf):
    book = book_of(PRICES)
    usage = Usage(input_tokens=1)

    for number in range(20_000):
        assert book.charge(Route("acme", f"invented-{number}"), usage, NOON).reason == "unknown_model"

    assert book.plans_kept == 4096


def test_one_book_serves_many_threads(book: Book):
    def total(number: int) -> int | None:
        route = Route("openai", ("gpt-5", "gpt-4o", "o3", "gpt-6.1-sol")[number % 4])
        return book.charge(route, Usage(input_tokens=1_000_000), NOON + number % 7 * 86_400 * 10**9).total_pico

    with ThreadPoolExecutor(8) as pool:
        totals = list(pool.map(total, range(400)))

    # USD per million input tokens; gpt-6.1-sol is past its 272k step
    assert [totals[n] for n in range(4)] == [1_250_000_000_000, 2_500_000_000_000, 2_000_000_000_000, 4_000_000_000_000]
    assert totals == totals[:4] * 100


def test_the_version_follows_the_content(book_of: BookOf):
    same = book_of(PRICES).version
    assert book_of(PRICES).version == same
    assert book_of(PRICES.replace('"15"', '"16"')).version != same


@pytest.mark.parametrize(("requests", "rate"), [(None, 10), (1, 10), (2, 1), (0, 10)])
def test_the_size_of_a_batch_is_that_of_its_average_request(book_of: BookOf, requests: int | None, rate: int):
    usage = Usage(input_tokens=200 - 1, batched_requests=requests)

    charge = book_of(PRICES).charge(Route("acme", "tall"), usage, NOON)

    # 199 tokens in one request are over the first step; in two of at most 100 tokens each they are not.
    assert charge.total_pico == 199 * rate * 1_000_000


def test_a_fee_for_each_request_is_charged_for_each_of_a_batch(book_of: BookOf):
    charge = book_of(PRICES).charge(Route("acme", "one"), Usage(input_tokens=1000, batched_requests=3), NOON)

    assert [(item.unit, item.quantity, item.amount_pico) for item in charge.items] == [
        ("input", 1000, 3_000_000_000),
        ("request", 3, 15_000_000_000),
    ]
