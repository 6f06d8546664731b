"""The rate in force when the call ended prices it: instants, weekdays, hours and holidays, all in UTC."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from spancost_pricing import Route, Usage

if TYPE_CHECKING:
    from spancost_pricing import Book

    from .conftest import BookOf, Instant

MILLION = Usage(input_tokens=1_000_000)
PRICES = """
version: 1
prices:
  - {provider: acme, model: dated, input_per_mtok: "1", valid_from: 2026-01-01}
  - {provider: acme, model: dated, input_per_mtok: "2", valid_from: "2026-08-16T18:00:00+02:00"}
  - {provider: acme, model: dated, input_per_mtok: "3", valid_from: 2026-09-01, valid_to: 2026-09-02}
  - {provider: acme, model: hours, input_per_mtok: "1"}
  - provider: acme
    model: hours
    input_per_mtok: "2"
    hours: {utc: ["01:00-04:00", "22:30-00:30"], days: [mon, tue, wed, thu, fri], except_dates: [2026-12-25]}
  - provider: acme
    model: nights
    input_per_mtok: "1"
    valid_from: 2026-01-01
    valid_to: 2026-12-01
    hours: {utc: ["22:00-06:00"]}
"""


def dollars(book: Book, model: str, ended_ns: int) -> int | None:
    total = book.charge(Route("acme", model), MILLION, ended_ns).total_pico
    return None if total is None else total // 10**12


@pytest.mark.parametrize(
    ("instant", "expected"),
    [
        ("2026-01-01T00:00:00+00:00", 1),
        ("2026-08-16T15:59:59+00:00", 1),
        ("2026-08-16T16:00:00+00:00", 2),
        ("2026-08-31T23:59:59+00:00", 2),
        ("2026-09-01T00:00:00+00:00", 3),
        ("2026-09-02T00:00:00+00:00", 2),
        # The same instant as 2026-08-16T16:00Z, written in Tokyo
        ("2026-08-17T01:00:00+09:00", 2),
    ],
)
def test_a_price_holds_from_its_instant_until_the_next(book_of: BookOf, at: Instant, instant: str, expected: int):
    assert dollars(book_of(PRICES), "dated", at(instant)) == expected


def test_the_last_nanosecond_before_a_change_still_has_the_old_price(book_of: BookOf, at: Instant):
    change = at("2026-08-16T16:00:00+00:00")

    assert dollars(book_of(PRICES), "dated", change - 1) == 1
    assert dollars(book_of(PRICES), "dated", change) == 2


def test_before_the_first_known_date_nothing_is_guessed(book_of: BookOf, at: Instant):
    charge = book_of(PRICES).charge(Route("acme", "dated"), MILLION, at("2025-12-31T23:59:59+00:00"))

    assert (charge.status, charge.reason) == ("unpriced", "before_first_rate")


@pytest.mark.parametrize(
    ("instant", "detail"),
    [
        ("2025-12-31T12:00:00+00:00", "no price of acme 'nights' was in force yet"),
        ("2026-11-20T12:00:00+00:00", "no price of acme 'nights' holds at that hour"),
        ("2026-12-01T12:00:00+00:00", "no price of acme 'nights' was in force any more"),
    ],
)
def test_where_no_price_holds_it_is_said_whether_it_is_for_the_day_or_the_hour(
    book_of: BookOf, at: Instant, instant: str, detail: str
):
    charge = book_of(PRICES).charge(Route("acme", "nights"), MILLION, at(instant))

    assert (charge.status, charge.total_pico, charge.detail) == ("unpriced", None, detail)


@pytest.mark.parametrize(
    ("instant", "expected"),
    [
        ("2026-11-20T00:59:59+00:00", 1),
        ("2026-11-20T01:00:00+00:00", 2),
        ("2026-11-20T03:59:59+00:00", 2),
        ("2026-11-20T04:00:00+00:00", 1),
        ("2026-11-20T22:30:00+00:00", 2),
        ("2026-11-20T23:59:59+00:00", 2),
        ("2026-11-20T00:29:59+00:00", 2),
        ("2026-11-20T00:30:00+00:00", 1),
        # Saturday, Sunday, a holiday
        ("2026-11-21T02:00:00+00:00", 1),
        ("2026-11-22T02:00:00+00:00", 1),
        ("2026-12-25T02:00:00+00:00", 1),
        ("2026-11-23T02:00:00+00:00", 2),
    ],
)
def test_hours_days_and_holidays_select_the_price(book_of: BookOf, at: Instant, instant: str, expected: int):
    assert dollars(book_of(PRICES), "hours", at(instant)) == expected


@pytest.mark.parametrize(
    ("instant", "pico"),
    [
        # flat, then off-peak and peak from 16:00 UTC; weekends off-peak from the second week
        ("2026-07-01T02:00:00+00:00", 435_000),
        ("2026-08-16T15:59:59+00:00", 435_000),
        ("2026-08-16T16:00:00+00:00", 660_000),
        ("2026-08-17T02:00:00+00:00", 1_320_000),
        ("2026-08-17T05:00:00+00:00", 660_000),
        ("2026-08-22T02:00:00+00:00", 1_320_000),
        ("2026-08-29T02:00:00+00:00", 660_000),
        ("2026-11-20T09:59:59+00:00", 1_320_000),
        ("2026-11-21T09:59:59+00:00", 660_000),
        ("2026-10-01T02:00:00+00:00", 660_000),
        ("2027-03-01T02:00:00+00:00", 1_320_000),
    ],
)
def test_deepseek_peak_hours(book: Book, at: Instant, instant: str, pico: int):
    charge = book.charge(Route("deepseek", "deepseek-v4-pro"), Usage(input_tokens=1), at(instant))

    assert charge.total_pico == pico


def test_a_charge_says_since_when_its_rate_holds(book: Book, at: Instant):
    charge = book.charge(Route("deepseek", "deepseek-v4-pro"), Usage(input_tokens=1), at("2026-11-21T12:00:00+00:00"))

    (item,) = charge.items
    assert item.rate.valid_from is not None
    assert item.rate.valid_from.isoformat() == "2026-08-16T16:00:00+00:00"
