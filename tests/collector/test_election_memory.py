"""A call stays one call across repeats, restarts, failed commits and all that is forgotten meanwhile."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.collector.books import Books, Row, describe
from tests.collector.conftest import FixedBook

from spancost_collector.ledger.repricing import reprice

if TYPE_CHECKING:
    from pathlib import Path


ID = "chatcmpl-0123456789abcdef"
CALL = 2_080_000_000
"""1000 tokens in at 2,000,000 and 10 out at 8,000,000 pico-USD."""


def test_redelivery_changes_nothing_and_is_told_the_same(books: Books) -> None:
    calls = (describe(1, at=0.1, took=0.8), describe(2, emitter="framework"), describe(3, at=5))
    told = books.charge(*calls)
    before = books.state(), books.counters()

    assert books.charge(*calls) == told
    assert (books.state(), books.counters()) == before
    assert books.metric("duplicates", reason="redelivery") == 3


def test_after_a_restart_a_second_description_still_finds_the_first(path: Path, book: FixedBook) -> None:
    first = Books(path, book)
    first.charge(describe(1, at=0.1, took=0.8), describe(3, at=5, response_id=ID))
    first.close()
    again = Books(path, book)
    again.charge(describe(2, emitter="framework"), describe(4, at=5.1, took=0.5, trace=2, response_id=ID))
    again.charge(describe(2, emitter="framework"))
    again.close()

    assert [row.n for row in again.rows()] == [1, 4]


def test_a_forgotten_description_that_comes_again_is_still_known(path: Path, book: FixedBook) -> None:
    books = Books(path, book, max_calls=2)
    books.charge(describe(1, at=0.1, took=0.8), describe(2, emitter="framework"))
    books.charge(*(describe(n, at=n, trace=n) for n in range(10, 20)))
    before = books.state()
    books.charge(describe(2, emitter="framework"))
    books.charge(describe(1, at=0.1, took=0.8))
    books.close()

    assert books.state() == before
    assert len(books.election) == 2


def test_quiet_traces_are_forgotten_after_a_while(path: Path, book: FixedBook) -> None:
    now = [0.0]
    books = Books(path, book, max_age_seconds=60, clock=lambda: now[0])
    books.charge(describe(1))
    now[0] = 61
    books.charge(describe(2, at=61, trace=2))
    books.close()

    assert len(books.election) == 1


def test_what_the_ledger_did_not_take_is_decided_again_when_it_comes_again(path: Path, book: FixedBook) -> None:
    books = Books(path, book)
    with pytest.raises(RuntimeError, match="a bug in the book"):
        books.charge(describe(1, at=0.1, took=0.8), describe(7, at=9, model="faulty"))
    books.charge(describe(2, emitter="framework"))
    books.charge(describe(1, at=0.1, took=0.8))
    books.close()

    assert [row.n for row in books.rows()] == [1]


def test_a_better_description_of_a_call_that_was_repriced_meanwhile_corrects_what_is_kept(
    path: Path, book: FixedBook
) -> None:
    books = Books(path, book)
    books.charge(describe(2, emitter="framework"))
    dearer = FixedBook(rates={"input": 3_000_000, "cache_read": 200_000, "output": 8_000_000})
    reprice(path, dearer, since_ns=0)
    books.charge(describe(1, at=0.1, took=0.8))
    sums = [(total.calls, total.parts["input"]) for total in books.ledger.totals()]
    books.close()

    assert books.rows() == [Row(1, CALL, "priced")]
    assert sums == [(1, (1000, 2_000_000_000))]


def test_credit_is_used_up_before_a_counter_rises_again(books: Books) -> None:
    books.charge(describe(9, took=5.0, tokens=(5000, 10), role="aggregate"))
    seen: list[float] = []
    for n in range(1, 8):
        books.charge(describe(n, at=0.5 * n, took=0.4))
        seen.append(books.counter("spancost_tokens_total", token_class="input"))

    assert seen == [5000, 5000, 5000, 5000, 5000, 6000, 7000]
