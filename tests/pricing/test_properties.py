"""What holds for every usage, not only for the ones that somebody thought of."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spancost_pricing import Book, Route, Usage, UsageError, split
from spancost_pricing.price_file import parse_price_file
from spancost_pricing.snapshot import Snapshot

if TYPE_CHECKING:
    from decimal import Decimal

NOON = 1_795_176_000_000_000_000  # 2026-11-20T12:00:00Z
BOOK = Book(
    [
        parse_price_file(
            """
version: 1
prices:
  - provider: acme
    model: one
    input_per_mtok: "1.25"
    cache_read_per_mtok: "0.037"
    cache_write_per_mtok: "1.5625"
    cache_write_1h_per_mtok: "2.5"
    input_audio_per_mtok: "32"
    output_per_mtok: "10"
    reasoning_per_mtok: "11"
    output_audio_per_mtok: "64"
    web_search_per_thousand: "14"
  - {provider: acme, model: ear, second_per_hour: "0.111"}
""",
            "prices.yaml",
        )
    ],
    Snapshot([]),
)
ROUTE = Route("acme", "one")
TOKENS = st.integers(0, 10**7)
ANYTHING = st.none() | st.integers(-(10**20), 10**20)


@st.composite
def possible(draw: st.DrawFn) -> Usage:
    """A usage that does not contradict itself, made of its parts."""
    text, read, short, hour, audio = (draw(TOKENS) for _ in range(5))
    answer, thought, speech = (draw(TOKENS) for _ in range(3))
    return Usage(
        input_tokens=text + read + short + hour + audio,
        cache_read_tokens=read,
        cache_write_tokens=short + hour,
        cache_write_1h_tokens=hour,
        input_audio_tokens=audio,
        cache_read_audio_tokens=0,
        output_tokens=answer + thought + speech,
        reasoning_tokens=thought,
        output_audio_tokens=speech,
        units={"web_search": draw(st.integers(0, 20))},
    )


def added(first: Usage, second: Usage) -> Usage:
    def total(name: str) -> int:
        return getattr(first, name) + getattr(second, name)

    return first._replace(
        input_tokens=total("input_tokens"),
        cache_read_tokens=total("cache_read_tokens"),
        cache_write_tokens=total("cache_write_tokens"),
        cache_write_1h_tokens=total("cache_write_1h_tokens"),
        input_audio_tokens=total("input_audio_tokens"),
        output_tokens=total("output_tokens"),
        reasoning_tokens=total("reasoning_tokens"),
        output_audio_tokens=total("output_audio_tokens"),
        units={"web_search": first.units["web_search"] + second.units["web_search"]},
    )


@given(possible())
def test_classes_sum_to_the_totals(usage: Usage):
    classes = split(usage)
    out = sum(classes.get(name, 0) for name in ("output", "reasoning", "output_audio", "output_image"))

    assert out == usage.output_tokens
    assert sum(classes.values()) - out == usage.input_tokens
    assert all(tokens > 0 for tokens in classes.values())


@given(possible(), possible())
def test_two_calls_cost_what_their_sum_costs_where_no_step_lies_between(first: Usage, second: Usage):
    one, two, both = (BOOK.charge(ROUTE, usage, NOON).total_pico for usage in (first, second, added(first, second)))

    assert one is not None
    assert two is not None
    assert both == one + two


@given(possible())
def test_the_parts_sum_to_the_total(usage: Usage):
    charge = BOOK.charge(ROUTE, usage, NOON)

    assert charge.status == "priced"
    assert charge.total_pico == sum(item.amount_pico for item in charge.items)
    assert all(
        item.rate.pico is not None and item.amount_pico == item.quantity * item.rate.pico for item in charge.items
    )


@given(
    st.builds(
        Usage,
        input_tokens=ANYTHING,
        cache_read_tokens=ANYTHING,
        cache_write_tokens=ANYTHING,
        cache_write_1h_tokens=ANYTHING,
        input_audio_tokens=ANYTHING,
        input_image_tokens=ANYTHING,
        cache_read_audio_tokens=ANYTHING,
        cache_read_image_tokens=ANYTHING,
        output_tokens=ANYTHING,
        reasoning_tokens=ANYTHING,
        output_audio_tokens=ANYTHING,
        output_image_tokens=ANYTHING,
        units=st.dictionaries(st.sampled_from(["web_search", "second", "image"]), st.decimals() | st.integers()),
    ),
    st.integers(-(10**22), 10**22),
)
def test_no_usage_makes_a_charge_raise(usage: Usage, ended_ns: int):
    charge = BOOK.charge(ROUTE, usage, ended_ns)

    assert (charge.total_pico is None) == (charge.status in ("unpriced", "invalid_usage"))
    assert charge.total_pico is None or charge.total_pico >= 0


@given(st.text(max_size=60), st.text(max_size=60), st.none() | st.text(max_size=20), st.none() | st.text(max_size=20))
def test_no_route_makes_a_charge_raise(provider: str, model: str, tier: str | None, place: str | None):
    charge = BOOK.charge(Route(provider, model, tier, place, place, tier), Usage(input_tokens=1), NOON)

    assert charge.quantities == {"input": 1}


@given(possible(), st.integers(1, 10**6))
def test_a_part_past_its_whole_is_never_clamped(usage: Usage, more: int):
    assert usage.output_tokens is not None
    broken = usage._replace(reasoning_tokens=usage.output_tokens + more)

    with pytest.raises(UsageError) as caught:
        split(broken)
    assert caught.value.reason == "part_exceeds_whole"


@given(st.decimals(min_value=0, max_value=10**6, places=3))
def test_seconds_are_charged_to_the_nearest_pico(seconds: Decimal):
    charge = BOOK.charge(Route("acme", "ear"), Usage(input_tokens=0, units={"second": seconds}), NOON)

    assert charge.total_pico is not None
    assert abs(charge.total_pico * 3600 - seconds * 111_000_000_000) <= 1800
