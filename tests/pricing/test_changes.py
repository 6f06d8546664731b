"""What newer price data changes is said by what it amounts to, however it is written down."""

from __future__ import annotations

import json
from fractions import Fraction

import pytest

from spancost_pricing.changes import RateChange, changes
from spancost_pricing.price_data import parse_price_data
from spancost_pricing.rates import Price
from spancost_pricing.snapshot import Snapshot

DECEMBER = 1_796_083_200_000_000_000  # 2026-12-01T00:00:00Z


def data(*prices: object, ids: str = "abcdefgh", **extra: object) -> Snapshot:
    """Acme's models a, b, c, …, one for each of the prices."""
    models = [
        {"id": name, "match": {"equals": name}, "prices": listed, **extra}
        for name, listed in zip(ids, prices, strict=False)
    ]
    document = [{"id": "acme", "name": "Acme", "api_pattern": "acme", "models": models}]
    return parse_price_data(json.dumps(document).encode(), "data.json")


def usd(amount: str) -> Price:
    """USD per million tokens."""
    return Price(Fraction(amount) * 1_000_000)


def test_a_changed_rate_is_shown_with_both_figures_and_its_share():
    found = changes(data({"input_mtok": 2, "output_mtok": 8}), data({"input_mtok": 2.5, "output_mtok": 8}))

    assert found.rates == (RateChange("acme", "a", "input", {}, None, usd("2"), usd("2.5")),)
    assert found.rates[0].share == Fraction(1, 4)
    assert not found.jumps


@pytest.mark.parametrize(("new", "is_jump"), [(1.3, False), (1.31, True), (0.7, False), (0.69, True)])
def test_a_jump_is_more_than_thirty_percent_either_way(new: float, is_jump: bool):
    found = changes(data({"input_mtok": 1}), data({"input_mtok": new}))

    assert bool(found.jumps) is is_jump


def test_a_rate_that_goes_and_one_that_was_free_are_looked_at_and_a_new_one_is_not():
    before = data({"input_mtok": 1, "output_mtok": 2}, {"input_mtok": 0}, {"input_mtok": 1})
    after = data({"input_mtok": 1}, {"input_mtok": 0.01}, {"input_mtok": 1, "output_mtok": 5})

    found = changes(before, after)

    assert [(change.model, change.item, change.is_jump) for change in found.rates] == [
        ("a", "output", True),
        ("b", "input", True),
        ("c", "output", False),
    ]


def test_a_new_dated_price_is_compared_with_the_one_it_replaces():
    dated = [{"prices": {"input_mtok": 2}}, {"constraint": {"start_date": "2026-12-01"}, "prices": {"input_mtok": 3}}]

    found = changes(data({"input_mtok": 2}), data(dated))

    assert found.rates == (RateChange("acme", "a", "input", {}, DECEMBER, usd("2"), usd("3")),)
    assert found.rates[0].is_jump


def test_the_same_price_written_another_way_is_no_change():
    dated = [{"prices": {"input_mtok": 2}}, {"constraint": {"start_date": "2026-12-01"}, "prices": {"input_mtok": 2}}]

    assert not changes(data({"input_mtok": 2}), data(dated))


def test_a_step_that_doubles_above_a_context_length_is_a_jump():
    stepped = {"input_mtok": {"base": 2, "tiers": [{"start": 200_000, "price": 4}]}}

    found = changes(data({"input_mtok": 2}), data(stepped))

    assert found.rates[0].share == Fraction(1)
    assert found.rates[0].is_jump


def test_a_price_of_a_tier_and_one_at_some_hours_are_compared_on_their_own():
    def priced(batch: float, night: float) -> Snapshot:
        hours = {"start_time": "16:30:00Z", "end_time": "00:30:00Z"}
        return data(
            [{"prices": {"input_mtok": 2}}, {"constraint": hours, "prices": {"input_mtok": night}}],
            price_variants=[{"when": {"processing": "batch"}, "prices": {"input_mtok": batch}}],
        )

    found = changes(priced(batch=1, night=1.5), priced(batch=1.1, night=1.6))

    assert [(change.terms, change.before, change.after, change.certain_hours) for change in found.rates] == [
        ({}, usd("1.5"), usd("1.6"), True),
        ({"tier": "batch"}, usd("1"), usd("1.1"), True),
    ]


def test_models_that_come_go_and_change_their_names_are_listed():
    before = data({"input_mtok": 1}, {"input_mtok": 1}, ids="ab")
    after = parse_price_data(
        json.dumps(
            [
                {
                    "id": "acme",
                    "name": "Acme",
                    "api_pattern": "acme",
                    "models": [
                        {"id": "b", "match": {"starts_with": "b"}, "prices": {"input_mtok": 1}},
                        {"id": "c", "match": {"equals": "c"}, "prices": {"input_mtok": 1}},
                    ],
                }
            ]
        ).encode(),
        "data.json",
    )

    found = changes(before, after)

    assert (found.gone, found.new, found.renamed) == ((("acme", "a"),), (("acme", "c"),), (("acme", "b"),))
    assert not found.shrinks


def test_fewer_models_or_a_provider_less_is_a_shrink():
    two = data({"input_mtok": 1}, {"input_mtok": 1})

    assert changes(two, data({"input_mtok": 1})).shrinks
    assert changes(Snapshot(), two).providers_gone
    assert not changes(data({"input_mtok": 1}), two).shrinks
