"""A mistake in a price file is one line that says where, what was found and what to write."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from spancost_pricing import PriceFileError, load_book
from spancost_pricing.price_file import parse_price_file

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "version: 1\nprices: [{provider: acme, model: one, input_per_mtok: 0.5}]",
            "prices.yaml: prices[0] 'one': input_per_mtok: got 0.5, a float; write it as text, e.g. \"0.5\"",
        ),
        (
            "version: 1\nprices: [{provider: acme, model: one, input_per_mtok: 3}]",
            "prices.yaml: prices[0] 'one': input_per_mtok: got 3, a int; write it as text, e.g. \"3\"",
        ),
        (
            'version: 1\nprices: [{provider: acme, model: one, input_per_mtok: "3 USD"}]',
            "prices.yaml: prices[0] 'one': input_per_mtok: got \"3 USD\"; expected a decimal amount as text, "
            'e.g. "0.25"',
        ),
        (
            'version: 1\nprices: [{provider: acme, model: one, input_per_mtok: "-1"}]',
            "prices.yaml: prices[0] 'one': input_per_mtok: got \"-1\"; expected a finite amount of at least 0",
        ),
        (
            'version: 1\nprices: [{provider: acme, model: one, input_per_mtok: "NaN"}]',
            "prices.yaml: prices[0] 'one': input_per_mtok: got \"NaN\"; expected a finite amount of at least 0",
        ),
        (
            'version: 1\nprices: [{provider: acme, model: one, input_per_mtoken: "1"}]',
            "prices.yaml: prices[0] 'one': input_per_mtoken: unknown key; did you mean \"input_per_mtok\"?",
        ),
        (
            'version: 1\nprices: [{provider: acme, model: one, input_per_mtok: "1", hours: {day: [mon]}}]',
            "prices.yaml: prices[0] 'one': hours: day: unknown key; did you mean \"days\"?",
        ),
        (
            'version: 1\nprice: [{provider: acme, model: one, input_per_mtok: "1"}]',
            'prices.yaml: price: unknown key; did you mean "prices"?',
        ),
        (
            'version: 1\nprices: [{model: one, input_per_mtok: "1"}]',
            "prices.yaml: prices[0] 'one': provider: is missing; add it",
        ),
        (
            "version: 1\nprices: [{provider: acme, model: one}]",
            "prices.yaml: prices[0]: an entry needs at least one price, e.g. input_per_mtok",
        ),
        (
            'version: 1\nprices: [{provider: acme, input_per_mtok: "1", valid_from: 2026-01-01T10:00:00}]',
            "prices.yaml: prices[0]: valid_from: got 2026-01-01T10:00:00 without a time zone; add one, e.g. Z for UTC",
        ),
        (
            'version: 1\nprices: [{provider: acme, input_per_mtok: "1", valid_from: soon}]',
            'prices.yaml: prices[0]: valid_from: got "soon"; expected a date or an instant, e.g. 2026-08-16T16:00:00Z',
        ),
        (
            'version: 1\nprices: [{provider: a, input_per_mtok: "1", valid_from: 2026-02-01, valid_to: 2026-01-01}]',
            "prices.yaml: prices[0]: valid_to 2026-01-01T00:00:00+00:00 is not after valid_from; swap or drop one",
        ),
        (
            'version: 1\nprices: [{provider: a, input_per_mtok: "1", hours: {utc: ["9-17"]}}]',
            "prices.yaml: prices[0]: hours: utc[0]: got '9-17'; expected hours in UTC, e.g. \"01:00-04:00\"",
        ),
        (
            'version: 1\nprices: [{provider: a, input_per_mtok: "1", steps: [{input_per_mtok: "2"}]}]',
            "prices.yaml: prices[0]: steps[0]: a step needs exactly one boundary: over (more input tokens than) or "
            "at_least",
        ),
        (
            'version: 1\nprices: [{provider: a, input_per_mtok: "1", steps: [{over: 9, output_per_mtok: "2"}]}]',
            "prices.yaml: prices[0]: a step has output_per_mtok, which has no price below the step; add "
            "output_per_mtok to the entry",
        ),
        (
            'version: 1\nmultipliers: [{provider: a, factor: "0.5"}]',
            "prices.yaml: multipliers[0]: a multiplier needs terms: service_tier, region, deployment or speed; "
            "else use discounts",
        ),
        ("version: 2", "prices.yaml: version: got 2; input should be 1"),
        ("prices: []", "prices.yaml: version: is missing; add it"),
        ("- a list", "prices.yaml: expected a mapping that starts with `version: 1`, got list"),
    ],
)
def test_a_mistake_says_where_what_and_what_to_do(text: str, message: str):
    with pytest.raises(PriceFileError) as caught:
        parse_price_file(text, "prices.yaml")
    assert str(caught.value) == message


def test_all_mistakes_are_reported_together():
    text = """
version: 1
prices:
  - {provider: acme, model: one, input_per_mtok: 1}
  - {provider: acme, model: two, outputs_per_mtok: "1", output_per_mtok: "2"}
"""
    with pytest.raises(PriceFileError) as caught:
        parse_price_file(text, "prices.yaml")
    assert [line.split(":")[1] for line in str(caught.value).splitlines()] == [" prices[0] 'one'", " prices[1] 'two'"]


def test_a_key_that_stands_twice_is_an_error_and_not_the_last_word():
    text = 'version: 1\nprices: [{provider: acme, model: one, input_per_mtok: "1", input_per_mtok: "2"}]'

    with pytest.raises(PriceFileError, match=r"prices\.yaml: is not valid YAML: .* input_per_mtok stands twice"):
        parse_price_file(text, "prices.yaml")


def test_two_prices_for_the_same_time_and_terms_are_refused():
    text = """
version: 1
prices:
  - {provider: acme, model: [one, two], input_per_mtok: "1"}
  - {provider: acme, model: two, input_per_mtok: "2"}
"""
    with pytest.raises(PriceFileError) as caught:
        parse_price_file(text, "prices.yaml")
    assert str(caught.value) == (
        'prices.yaml: prices[1] "two": input_per_mtok already stands in prices[0] for the same time and terms; '
        "a new price is a new entry with its own valid_from"
    )


def test_a_file_that_is_not_there_is_named(tmp_path: Path):
    with pytest.raises(PriceFileError, match=r"prices\.yaml: cannot be read: .*No such file"):
        load_book(tmp_path / "prices.yaml")


def test_text_that_is_not_yaml_is_named(tmp_path: Path):
    (tmp_path / "prices.yaml").write_text("version: [1")

    with pytest.raises(PriceFileError, match=r"prices\.yaml: is not valid YAML"):
        load_book(tmp_path / "prices.yaml")
