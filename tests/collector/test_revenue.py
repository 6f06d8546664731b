"""What tenants pay, from a file to a gauge."""

from __future__ import annotations

import csv
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest
from tests.collector.measured import samples

from spancost_collector.metrics.revenue import Revenue, load_revenue
from spancost_pricing import ConfigError

if TYPE_CHECKING:
    from pathlib import Path

    from tests.collector.conftest import Launch


def test_a_receiver_shows_what_tenants_pay(launch: Launch, tmp_path: Path) -> None:
    file = tmp_path / "revenue.csv"
    file.write_text('tenant,usd\nacme, 1200.50\n"Globex, Inc.",0\n\n')

    running = launch(revenue=file, labels={"tenant": True})

    assert running.metric("spancost_revenue_usd") == {("acme",): 1200.5, ("Globex, Inc.",): 0.0}


def test_tenants_past_the_bound_are_shown_together() -> None:
    revenue = {name: Decimal(usd) for name, usd in (("a", "1"), ("b", "0.10"), ("c", "0.20"))}

    assert samples(Revenue(revenue, max_values=1)) == {
        "spancost_revenue_usd{tenant=a}": 1.0,
        "spancost_revenue_usd{tenant=__other__}": 0.3,
    }


def test_a_file_that_a_spreadsheet_saved_is_read(tmp_path: Path) -> None:
    file = tmp_path / "revenue.csv"
    file.write_bytes(b"\xef\xbb\xbftenant,usd\r\nacme,1200.50\r\n")

    assert load_revenue(file) == {"acme": Decimal("1200.50")}


@pytest.mark.parametrize(
    ("text", "problems"),
    [
        ("", [":1: expected the columns tenant,usd"]),
        ("name,amount\n", [":1: expected the columns tenant,usd"]),
        (
            "tenant,usd\nacme,a lot\n,5\nglobex,1\nglobex,2\ninitech,-1\n",
            [
                ":2: got 'acme,a lot'; expected a tenant and dollars, e.g. acme,1200",
                ":3: got ',5'; expected a tenant and dollars, e.g. acme,1200",
                ":5: globex: stands twice; keep one",
                ":6: got 'initech,-1'; expected a tenant and dollars, e.g. acme,1200",
            ],
        ),
    ],
)
def test_everything_that_is_wrong_with_the_file_is_said_at_once(text: str, problems: list[str], tmp_path: Path) -> None:
    file = tmp_path / "revenue.csv"
    file.write_text(text)

    with pytest.raises(ConfigError) as refused:
        load_revenue(file)

    assert str(refused.value).splitlines() == [f"{file}{problem}" for problem in problems]


def test_a_quote_that_nothing_closes_is_told(tmp_path: Path) -> None:
    file = tmp_path / "revenue.csv"
    file.write_text('tenant,usd\n"' + "x" * 200_000)
    limit = csv.field_size_limit(131_072)
    try:
        with pytest.raises(ConfigError, match=r"cannot be read: not CSV \(field larger than field limit \(131072\)\)"):
            load_revenue(file)
    finally:
        csv.field_size_limit(limit)
