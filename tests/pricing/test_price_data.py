"""Published price data is read exactly, or refused in a line that says which provider and model."""

from __future__ import annotations

import dataclasses
import json
import re
from datetime import date, time
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING, cast

import pytest
from genai_prices.data import providers
from genai_prices.types import ModelPrice

from spancost_pricing import Book, PriceFileError, Route, Usage
from spancost_pricing.changes import changes
from spancost_pricing.price_data import parse_price_data
from spancost_pricing.snapshot import Snapshot

if TYPE_CHECKING:
    from collections.abc import Mapping

NOON = 1_795_176_000_000_000_000  # 2026-11-20T12:00:00Z


def published(value: object) -> object:
    """The installed data in the layout in which it is published; what reads responses is left out."""
    if isinstance(value, ModelPrice):
        return {key: published(price) for key, price in vars(value).items() if price is not None}
    if dataclasses.is_dataclass(value):
        return {
            field.name.removesuffix("_"): published(getattr(value, field.name))
            for field in dataclasses.fields(value)
            if field.name != "extractors" and getattr(value, field.name) is not None
        }
    if isinstance(value, list):
        return [published(one) for one in cast("list[object]", value)]
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, (date, time)):
        return value.isoformat()
    return value


def one(prices: object, **model: object) -> list[dict[str, object]]:
    return [
        {
            "id": "acme",
            "name": "Acme",
            "api_pattern": "https://acme",
            "models": [{"id": "one", "match": {"equals": "one"}, "prices": prices, **model}],
        }
    ]


def parse(document: object) -> Snapshot:
    return parse_price_data(json.dumps(document).encode(), "data.json")


def test_todays_data_published_and_read_back_changes_nothing():
    snapshot = parse(published(providers))

    found = changes(Snapshot(), snapshot)

    assert not found
    assert found.models_before == found.models_after == sum(len(provider.models) for provider in providers)


def test_a_published_figure_is_the_price_and_not_the_nearest_float():
    content = json.dumps(one({"input_mtok": 0.1, "output_mtok": "THIS"})).replace('"THIS"', "1.10000000000000000001")
    snapshot = parse_price_data(content.encode(), "data.json")

    listing = snapshot.find("acme", ["one"])

    assert listing is not None
    assert listing.standard[0].prices["input"].base == Fraction(100_000)
    assert listing.standard[0].prices["output"].base == Fraction(110000000000000000001, 10**14)


def test_a_charge_names_the_data_that_priced_it_and_the_book_is_another_one():
    content = json.dumps(one({"input_mtok": 2})).encode()
    book = Book([], parse_price_data(content, "data.json"))

    charge = book.charge(Route("acme", "one"), Usage(input_tokens=7), NOON)

    assert charge.total_pico == 14_000_000
    assert charge.items[0].rate.source == book.snapshot.version
    assert re.fullmatch("genai-prices data [0-9a-f]{12}", book.snapshot.version)
    assert book.version != Book([], parse(one({"input_mtok": 3}))).version


def test_the_newer_layout_with_units_beside_the_providers_is_read_too():
    units = {"input_tokens": {"per": 1_000_000, "price_key": "input_mtok"}}

    snapshot = parse({"units": units, "providers": one({"input_mtok": 2})})

    listing = snapshot.find("acme", ["one"])
    assert listing is not None
    assert listing.standard[0].prices["input"].base == Fraction(2_000_000)


def test_a_unit_that_means_something_else_is_refused():
    units = {"input_tokens": {"per": 1_000, "price_key": "input_mtok"}}

    with pytest.raises(PriceFileError, match=r"units: input_mtok is per 1000; expected per 1000000"):
        parse({"units": units, "providers": one({"input_mtok": 2})})


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"[", "data.json: is not JSON: Expecting value"),
        (b"\xff", "data.json: is not JSON: "),
        (b"[" * 100_000, "data.json: is not JSON: "),
        (b"[]", "data.json: lists no providers"),
        (b'{"models": []}', "data.json: lists no providers"),
        (b"7", "data.json: lists no providers"),
        (b"[7]", r"data.json: providers\[0\]: got int; expected an object"),
        (b'[{"id": "acme", "name": "A", "api_pattern": "a", "models": 7}]', "data.json: acme: models: got int"),
        (b'[{"id": "acme"}]', "data.json: acme: name: Field required"),
    ],
    ids=["broken", "binary", "nested", "empty", "no-providers", "number", "no-object", "no-list", "no-name"],
)
def test_what_is_no_price_data_is_refused(content: bytes, said: str):
    with pytest.raises(PriceFileError, match=said):
        parse_price_data(content, "data.json")


@pytest.mark.parametrize(
    ("document", "said"),
    [
        (one({"input_mtok": "cheap"}), "data.json: acme: one: input_mtok: .*valid decimal"),
        (
            one({"input_mtok": -1}),
            "data.json: acme: one: input_mtok: got -1; expected an amount from 0 to 1,000,000 USD",
        ),
        (one({"input_mtok": 1e22}), "data.json: acme: one: input_mtok: got 1E\\+22; expected an amount from 0 to"),
        (one({"input_mtok": {"base": 1, "tiers": [{"start": 5, "price": -2}]}}), "acme: one: input_mtok: got -2"),
        (one([{"prices": {"output_mtok": "Infinity"}}]), "data.json: acme: one: output_mtok: .*finite"),
        (one({}, match={"regex": "("}), "data.json: acme: one: match: '\\(' is not a regular expression"),
        (one({}, match={"sounds_like": "one"}), "data.json: acme: one: match: .*sounds_like"),
        (one({}) + one({}), "data.json: acme: stands twice"),
    ],
    ids=["text", "negative", "huge", "negative-step", "infinite", "bad-regex", "unknown-rule", "twice"],
)
def test_a_mistake_names_its_provider_and_model(document: list[Mapping[str, object]], said: str):
    with pytest.raises(PriceFileError, match=said):
        parse(document)


def test_a_seller_of_others_models_may_be_listed_without_them():
    azure = [{**one({"input_mtok": 1})[0], "id": "azure"}]

    charge = Book((), parse(azure)).charge(Route("azure", "gpt-5"), Usage(input_tokens=1, output_tokens=1), NOON)

    assert (charge.status, charge.reason) == ("unpriced", "unknown_model")


def test_not_a_number_is_not_a_price():
    with pytest.raises(PriceFileError, match="NaN is not a price"):
        parse(one({"input_mtok": float("nan")}))


def test_many_mistakes_are_cut_short():
    models = [{"id": f"m{n}", "match": {"equals": f"m{n}"}, "prices": {"input_mtok": -n}} for n in range(1, 9)]
    document = [{"id": "acme", "name": "A", "api_pattern": "a", "models": models}]

    with pytest.raises(PriceFileError) as refused:
        parse(document)

    assert str(refused.value).splitlines()[-1] == "and 3 more"
    assert len(str(refused.value).splitlines()) == 6
