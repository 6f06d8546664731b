"""A report's rows: their figures equal the calls', whatever the dimensions, and hide nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.collector.kept import call

from spancost_collector.ledger.report import LedgerReader
from spancost_collector.ledger.writer import Ledger
from spancost_collector.price import Price
from spancost_pricing import ConfigError, Usage, load_book

if TYPE_CHECKING:
    from pathlib import Path


def test_rows_are_dearest_first_and_unpriced_calls_stand_apart(reader: LedgerReader) -> None:
    found = reader.report(["feature"])

    assert [(row.key, row.calls, row.errors, row.cost_pico) for row in found.rows] == [
        (("search",), 3, 0, 6_240_000_000),
        (("chat",), 2, 1, 2_080_000_000),
        (("unattributed",), 1, 0, 2_080_000_000),
        (("chat",), 1, 0, None),
    ]
    assert (found.total.calls, found.total.errors, found.total.cost_pico) == (7, 1, 10_400_000_000)
    assert (found.total.input_tokens, found.total.output_tokens) == (5070, 55)


def test_who_is_called_unattributed_is_in_the_row_of_that_name(path: Path) -> None:
    ledger = Ledger(path)
    ledger.record([call(1, feature=None), call(2, feature="unattributed"), call(3, user="unattributed")])
    ledger.close()
    reader = LedgerReader(path)
    by_feature, by_user = ([(row.key, row.calls) for row in reader.report([name]).rows] for name in ("feature", "user"))
    reader.close()

    assert by_feature == [(("unattributed",), 2), (("search",), 1)]
    assert by_user == [(("unattributed",), 3)]


def test_what_has_no_price_is_named_with_its_reason_and_its_tokens(reader: LedgerReader) -> None:
    (one,) = reader.report(["feature"]).unpriced

    assert (one.provider, one.model, one.reason, one.calls, one.tokens) == ("acme", "mystery", "unknown_model", 1, 75)


def test_a_failed_call_without_usage_is_an_error_and_not_a_hole_in_the_prices(reader: LedgerReader) -> None:
    rows = reader.report(["outcome"]).rows

    assert [(row.key, row.calls, row.cost_pico) for row in rows] == [
        (("ok",), 5, 10_400_000_000),
        (("error",), 1, 0),
        (("ok",), 1, None),
    ]


def test_dimensions_that_are_never_rolled_up_come_from_the_calls(reader: LedgerReader) -> None:
    rows = reader.report(["user", "feature"]).rows

    assert [(row.key, row.calls, row.cost_pico) for row in rows[:2]] == [
        (("u1", "search"), 3, 6_240_000_000),
        (("u2", "chat"), 1, 2_080_000_000),
    ]
    assert sum(row.calls for row in rows) == 7


@pytest.mark.parametrize("by", ["feature", "user"])
def test_a_count_below_zero_lowers_no_sum(path: Path, by: str) -> None:
    usage = Usage(input_tokens=-5, output_tokens=7)
    wrong = call(2).call._replace(usage=usage)
    ledger = Ledger(path)
    ledger.record([call(1), *Price(load_book())([wrong])])
    ledger.close()
    reader = LedgerReader(path)
    found = reader.report([by])
    reader.close()

    assert (found.total.calls, found.total.input_tokens, found.total.output_tokens) == (2, 1000, 17)
    assert [(one.reason, one.tokens) for one in found.unpriced] == [("negative_quantity", 7)]


def test_an_unknown_dimension_is_an_error_that_names_the_nearest(reader: LedgerReader) -> None:
    with pytest.raises(ConfigError, match='unknown dimension "featrue"; did you mean "feature"'):
        reader.report(["featrue"])
