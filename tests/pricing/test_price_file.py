"""A mistake in a price file is one line that says where, what was found and what to write."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from spancost_pricing import PriceFileError, load_book
from spancost_pricing.price_file import parse_price_file

if TYPE_CHECKING:
    from pathlib import Path


def mistakes(text: str) -> list[str]:
    """What is said of a price file, line by line."""
    with pytest.raises(PriceFileError) as caught:
        parse_price_file(text, "prices.yaml")
    return str(caught.value).splitlines()


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
            'version: 1\nprices: [{provider: acme, model: one, input_per_mtok: "1", valid_from: 2026-01-01T10:00:00}]',
            "prices.yaml: prices[0] 'one': valid_from: got 2026-01-01T10:00:00 without a time zone; add one, "
            "e.g. Z for UTC",
        ),
        (
            'version: 1\nprices: [{provider: acme, model: one, input_per_mtok: "1", valid_from: soon}]',
            "prices.yaml: prices[0] 'one': valid_from: got \"soon\"; expected a date or an instant, "
            "e.g. 2026-08-16T16:00:00Z",
        ),
        (
            "version: 1\nprices: [{provider: a, model: b, valid_from: 2026-02-01, valid_to: 2026-01-01, "
            'input_per_mtok: "1"}]',
            "prices.yaml: prices[0]: valid_to 2026-01-01T00:00:00+00:00 is not after valid_from; swap or drop one",
        ),
        (
            'version: 1\nprices: [{provider: a, model: b, input_per_mtok: "1", hours: {utc: ["9-17"]}}]',
            "prices.yaml: prices[0] 'b': hours: utc[0]: got '9-17'; expected hours in UTC, e.g. \"01:00-04:00\"",
        ),
        (
            'version: 1\nprices: [{provider: a, model: b, input_per_mtok: "1", steps: [{input_per_mtok: "2"}]}]',
            "prices.yaml: prices[0] 'b': steps[0]: a step needs exactly one boundary: over (more input tokens than) "
            "or at_least",
        ),
        (
            'version: 1\nprices: [{provider: a, model: b, input_per_mtok: "1", '
            'steps: [{over: 9, output_per_mtok: "2"}]}]',
            "prices.yaml: prices[0]: a step has output_per_mtok, which has no price below the step; add "
            "output_per_mtok to the entry",
        ),
        (
            'version: 1\nmultipliers: [{provider: a, model: b, factor: "0.5"}]',
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


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("valid_from", "2026-13-01", 'got "2026-13-01"; expected a date or an instant, e.g. 2026-08-16T16:00:00Z'),
        ("valid_from", "2026-02-30", 'got "2026-02-30"; expected a date or an instant, e.g. 2026-08-16T16:00:00Z'),
        (
            "valid_to",
            "2026-08-16T25:00:00Z",
            'got "2026-08-16T25:00:00Z"; expected a date or an instant, e.g. 2026-08-16T16:00:00Z',
        ),
        (
            "valid_from",
            "0001-01-01T00:00:00+05:00",
            'got "0001-01-01T00:00:00+05:00"; expected a date or an instant, e.g. 2026-08-16T16:00:00Z',
        ),
        ("checked", "2026-13-01", 'got "2026-13-01"; expected a date, e.g. 2026-08-16'),
        ("checked", "20260816", 'got "20260816"; expected a date, e.g. 2026-08-16'),
    ],
)
def test_a_day_that_no_calendar_has_is_named_with_its_entry(key: str, value: str, message: str):
    text = f'version: 1\nprices: [{{provider: acme, model: one, input_per_mtok: "1", {key}: {value}}}]'

    assert mistakes(text) == [f"prices.yaml: prices[0] 'one': {key}: {message}"]


@pytest.mark.parametrize("written", ["2026-07-01", '"2026-07-01"', "2026-07-01T02:00:00+02:00", "2026-07-01 00:00:00Z"])
def test_a_date_is_midnight_in_utc_however_it_is_written(written: str):
    tariff = parse_price_file(
        f'version: 1\nprices: [{{provider: acme, model: one, input_per_mtok: "1", valid_from: {written}}}]',
        "prices.yaml",
    )

    assert tariff.entries[0][1].validity.start_ns == 1_782_864_000_000_000_000


def test_a_name_that_looks_like_a_date_is_a_name():
    tariff = parse_price_file(
        'version: 1\nprices: [{provider: acme, model: 2026-01-01, input_per_mtok: "1", source: 2026-02-30}]',
        "prices.yaml",
    )

    assert tariff.find("acme", ["2026-01-01"]) is not None
    assert tariff.entries[0][1].source == "prices.yaml: prices[0] (2026-02-30)"


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ("1e400", 'got "1e400"; expected at most 1,000,000 USD; the key says for how many units'),
        ("1000000.01", 'got "1000000.01"; expected at most 1,000,000 USD; the key says for how many units'),
        ("1e-400000000", 'got "1e-400000000"; expected 0 or at least 1E-12 USD'),
    ],
)
def test_a_price_that_no_price_list_has_is_refused(written: str, message: str):
    text = f'version: 1\nprices: [{{provider: acme, model: one, input_per_mtok: "{written}"}}]'

    assert mistakes(text) == [f"prices.yaml: prices[0] 'one': input_per_mtok: {message}"]


@pytest.mark.parametrize("written", ["0", "0e-400000000", "1e-12", "1000000"])
def test_the_least_and_the_largest_price_are_taken(written: str):
    parse_price_file(f'version: 1\nprices: [{{provider: a, model: b, input_per_mtok: "{written}"}}]', "prices.yaml")


@pytest.mark.parametrize(
    "statement",
    [
        'prices: [{provider: acme, input_per_mtok: "1"}]',
        'multipliers: [{provider: acme, region: eu, factor: "1.1"}]',
        'discounts: [{provider: acme, factor: "0.9"}]',
        "same_rate: [{provider: acme, items: [input_image], as_item: input}]",
        "minimums: [{provider: acme, item: second, least: 10}]",
        "free_models: [{provider: acme}]",
    ],
    ids=lambda statement: statement.partition(":")[0],
)
def test_a_forgotten_model_is_not_every_model(statement: str):
    kind = statement.partition(":")[0]

    assert mistakes(f"version: 1\n{statement}") == [
        f'prices.yaml: {kind}[0]: model: is missing; write "*" for every model of the provider'
    ]


@pytest.mark.parametrize(("written", "shown"), [("", "nothing"), ('""', '""')])
def test_a_model_without_a_name_is_refused(written: str, shown: str):
    text = f'version: 1\nprices:\n  - provider: acme\n    model: {written}\n    input_per_mtok: "1"\n'

    (line,) = mistakes(text)

    assert line.endswith(f"model: got {shown}; expected a name or a list of names")


@pytest.mark.parametrize(("written", "shown"), [("4", "4, a int"), ("4.10", "4.1, a float"), ("no", "False, a bool")])
def test_a_name_that_is_none_to_yaml_is_to_be_put_in_quotes(written: str, shown: str):
    text = f'version: 1\nprices:\n  - {{provider: {written}, model: one, input_per_mtok: "1"}}\n'

    assert mistakes(text) == [
        f"prices.yaml: prices[0] 'one': provider: got {shown}; put a name that YAML takes for one in quotes"
    ]


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("version: 1\non: batch", ""),
        ('version: 1\nprices: [{provider: acme, model: one, input_per_mtok: "1", on: batch}]', " prices[0]:"),
    ],
)
def test_a_key_that_is_no_name_to_yaml_is_refused_where_it_stands(text: str, place: str):
    assert mistakes(text) == [
        f"prices.yaml:{place} got a key that is True to YAML and no name; correct it, or put it in quotes"
    ]


def test_an_alias_still_names_the_one_model_that_it_stands_for():
    assert mistakes("version: 1\naliases: [{provider: acme, match: mine}]") == [
        "prices.yaml: aliases[0]: model: is missing; add it"
    ]


@pytest.mark.parametrize("boundary", ["over: -1", "over: 0", "at_least: 1", "at_least: -5"])
def test_a_step_that_every_request_reaches_is_refused(boundary: str):
    text = (
        'version: 1\nprices: [{provider: a, model: b, input_per_mtok: "1", '
        f'steps: [{{{boundary}, input_per_mtok: "2"}}]}}]'
    )

    assert mistakes(text) == [
        "prices.yaml: prices[0] 'b': steps[0]: a step that every request reaches hides the price below it; expected "
        "over of at least 1, or at_least of at least 2"
    ]


def test_two_steps_at_the_same_boundary_are_refused():
    text = (
        'version: 1\nprices: [{provider: a, model: b, input_per_mtok: "1", '
        'steps: [{over: 1999, input_per_mtok: "2"}, {at_least: 2000, input_per_mtok: "3"}]}]'
    )

    assert mistakes(text) == [
        "prices.yaml: prices[0]: two steps have input_per_mtok for more than 1,999 input tokens; keep one"
    ]


def test_a_discount_is_what_is_left_to_pay_and_never_more_than_everything():
    assert mistakes('version: 1\ndiscounts: [{provider: acme, model: "*", factor: "12"}]') == [
        "prices.yaml: discounts[0] '*': factor: got \"12\"; expected at most 1: what is left to pay, "
        'e.g. "0.88" for 12 % off'
    ]
    parse_price_file('version: 1\ndiscounts: [{provider: acme, model: "*", factor: "1"}]', "prices.yaml")


def test_a_surcharge_is_a_factor_and_not_a_percentage():
    assert mistakes('version: 1\nmultipliers: [{provider: acme, model: "*", region: eu, factor: "110"}]') == [
        "prices.yaml: multipliers[0] '*': factor: got \"110\"; expected at most 10: a factor, not a percentage, "
        'e.g. "1.1" for 10 % more'
    ]
    parse_price_file(
        'version: 1\nmultipliers: [{provider: acme, model: "*", service_tier: fast, factor: "6"}]', "prices.yaml"
    )


def test_all_mistakes_are_reported_together():
    text = """
version: 1
prices:
  - {provider: acme, model: one, input_per_mtok: 1}
  - {provider: acme, model: two, outputs_per_mtok: "1", output_per_mtok: "2"}
  - {provider: acme, model: three, output_per_mtok: "2", valid_from: 2026-13-01}
"""

    assert [line.split(":")[1] for line in mistakes(text)] == [
        " prices[0] 'one'",
        " prices[1] 'two'",
        " prices[2] 'three'",
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            'version: 1\nprices: [{provider: acme, model: one, input_per_mtok: "1", input_per_mtok: "2"}]',
            "while reading a mapping (line 2, column 10), input_per_mtok stands twice (line 2, column 60)",
        ),
        (
            "version: 1\nprices: [1",
            "while parsing a flow sequence (line 2, column 9), expected ',' or ']', but got '<stream end>' "
            "(line 2, column 11)",
        ),
        ("version: 1\n? [a]\n: b", "found a list or a mapping where a key should stand (line 2, column 3)"),
        (
            "version: !!int one",
            "found what cannot be read as int: invalid literal for int() with base 10: 'one' (line 1, column 10)",
        ),
        ("version: 1\x00", "special characters are not allowed (character 11 of the file)"),
        (
            "version: 1\nprices: " + "[" * 10_000 + "]" * 10_000,
            "found more than 50 lists and mappings within each other (line 2, column 59)",
        ),
        ("version: 1\nprices: &all [*all]", "found *all within itself (line 2, column 15)"),
    ],
    ids=["a key twice", "an open list", "a list as key", "no such number", "no text", "too deep", "within itself"],
)
def test_what_is_not_yaml_is_said_with_its_line(text: str, message: str):
    assert mistakes(text) == [f"prices.yaml: is not valid YAML: {message}"]


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


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("provider: aws, model: one", "provider: aws.bedrock, model: one"),
        ("provider: acme, model: one", "provider: acme, model: One"),
        (
            "provider: acme, model: one, when: {service_tier: batch}",
            "provider: acme, model: one, when: {service_tier: batches}",
        ),
        ("provider: acme, model: one", "provider: acme, model: one, when: {service_tier: standard}"),
    ],
)
def test_two_prices_are_the_same_however_their_terms_are_spelled(first: str, second: str):
    (said,) = mistakes(
        f'version: 1\nprices: [{{{first}, input_per_mtok: "1"}}, {{{second}, input_per_mtok: "2"}}]',
    )

    assert ": input_per_mtok already stands in prices[0] for the same time and terms" in said


@pytest.mark.parametrize(
    ("key", "value"),
    [("service_tier", "standard"), ("service_tier", "default"), ("deployment", "-"), ("speed", "normal")],
)
def test_a_factor_on_terms_that_are_none_is_refused_and_not_forgotten(key: str, value: str):
    text = f'version: 1\nmultipliers: [{{provider: acme, model: one, {key}: ["{value}"], factor: "1.1"}}]'

    assert mistakes(text) == [
        f"prices.yaml: multipliers[0] 'one': {key}: got \"{value}\", which is no term of its own: a call without any is"
        " the same; leave it out, or use discounts"
    ]


@pytest.mark.parametrize("hours", ["08:00-08:00", "00:00-00:00", "24:00-24:00", "24:00-00:00"])
def test_hours_in_which_nothing_fits_are_refused(hours: str):
    text = f'version: 1\nprices: [{{provider: acme, model: one, input_per_mtok: "1", hours: {{utc: ["{hours}"]}}}}]'

    assert mistakes(text) == [
        f"prices.yaml: prices[0] 'one': hours: utc[0]: got \"{hours}\", which is no time at all; all day is"
        ' "00:00-24:00"'
    ]


@pytest.mark.parametrize("key", ["utc", "days"])
def test_a_price_of_no_hours_and_of_no_days_is_refused(key: str):
    text = f'version: 1\nprices: [{{provider: acme, model: one, input_per_mtok: "1", hours: {{{key}: []}}}}]'

    (said,) = mistakes(text)

    assert said.startswith(f"prices.yaml: prices[0] 'one': hours: {key}: got []; ")


def test_terms_of_a_price_are_spelled_out_for_a_pattern_would_never_hold():
    text = 'version: 1\nprices: [{provider: acme, model: one, input_per_mtok: "1", when: {region: "eu-*"}}]'

    assert mistakes(text) == [
        "prices.yaml: prices[0] 'one': when: region: got \"eu-*\"; expected one value, spelled out: only names and "
        "multipliers take patterns"
    ]


def test_regions_that_are_left_out_of_none_are_refused():
    text = (
        "version: 1\nmultipliers: [{provider: acme, model: one, deployment: DataZone, except_region: [us], "
        'factor: "1.1"}]'
    )

    assert mistakes(text) == [
        'prices.yaml: multipliers[0]: except_region leaves out some of what region names; add one, e.g. region: "*"'
    ]


def test_a_same_rate_of_nothing_is_refused():
    text = "version: 1\nsame_rate: [{provider: acme, model: one, items: [], as_item: input}]"

    (said,) = mistakes(text)

    assert said.startswith("prices.yaml: same_rate[0] 'one': items: got []; ")


def test_a_discount_on_nothing_is_refused():
    text = 'version: 1\ndiscounts: [{provider: acme, model: one, factor: "0.9", applies_to: []}]'

    assert mistakes(text) == [
        "prices.yaml: discounts[0] 'one': applies_to: got []; value should have at least 1 item after validation, not 0"
    ]


def test_a_file_that_is_not_there_is_named(tmp_path: Path):
    with pytest.raises(PriceFileError, match=r"prices\.yaml: cannot be read: No such file or directory$"):
        load_book(tmp_path / "prices.yaml")
