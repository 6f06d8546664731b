"""What stands for the calls below it is not charged beside them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.collector.books import Row, describe

if TYPE_CHECKING:
    from tests.collector.books import Books

CALL = 2_080_000_000
"""1000 tokens in at 2,000,000 and 10 out at 8,000,000 pico-USD."""


def test_an_aggregate_over_its_calls_is_not_charged(books: Books) -> None:
    agent = describe(9, took=5.0, tokens=(2000, 20), role="aggregate")
    told = books.charge(describe(1, at=1.0, parent=9), describe(2, at=3.0, parent=9), agent)

    assert books.rows() == [Row(1, CALL, "priced"), Row(2, CALL, "priced")]
    assert b"spancost.duplicate_of" in told[2]
    assert books.metric("duplicates", reason="aggregate") == 1


def test_an_aggregate_without_calls_is_charged_where_it_is(books: Books) -> None:
    books.charge(describe(1, tokens=None, role="aggregate"), describe(2, took=5.0, tokens=(2000, 20), role="aggregate"))

    assert books.rows() == [Row(2, 4_160_000_000, "priced")]


def test_of_aggregates_the_innermost_is_charged(books: Books) -> None:
    books.charge(
        describe(1, took=9.0, role="aggregate"),
        describe(2, at=1.0, took=7.0, role="aggregate", parent=1),
        describe(3, at=2.0, took=5.0, role="aggregate", parent=2),
    )

    assert books.rows() == [Row(3, CALL, "priced")]


def test_a_call_that_ends_a_moment_after_its_agent_by_another_clock_is_still_under_it(books: Books) -> None:
    agent = describe(1, at=0.0, took=1.0, role="aggregate")
    call = describe(2, at=0.1, took=0.9004, parent=99)  # of a step that nobody has described
    books.charge(call, agent)

    assert [row.n for row in books.rows()] == [2]


def test_a_later_call_that_names_a_stream_as_its_parent_is_no_part_of_it(books: Books) -> None:
    books.charge(
        describe(1, at=0.0, took=1.0, emitter="leaves its span open"),
        describe(2, at=2.0, took=1.0, tokens=(500, 5), parent=1),
    )

    assert books.rows() == [Row(1, CALL, "priced"), Row(2, CALL // 2, "priced")]


def test_a_late_call_under_an_aggregate_corrects_its_charge_and_no_counter_falls(books: Books) -> None:
    seen: list[tuple[float, float]] = []
    for late in (describe(9, took=5.0, tokens=(2000, 20), role="aggregate"), describe(1, at=1.0), describe(2, at=3.0)):
        books.charge(late)
        cost = books.counter("spancost_cost_usd_total", token_class="input")
        seen.append((cost, books.counter("spancost_calls_total")))

    assert [row.n for row in books.rows()] == [1, 2]
    assert seen == [(0.004, 1), (0.004, 1), (0.004, 2)]
    assert list(books.ledger.credit()) == []


def test_the_charge_before_a_correction_is_kept(books: Books) -> None:
    books.charge(describe(9, took=5.0, role="aggregate"))
    books.charge(describe(1, at=1.0))
    connection = books.ledger._connection  # pyright: ignore[reportPrivateUsage] # revisions have no reader of their own

    assert connection.execute("SELECT span_id, cost_pico FROM revisions").fetchall() == [((9).to_bytes(8, "big"), CALL)]


def test_agents_at_the_same_time_are_told_apart_by_their_children(books: Books) -> None:
    # Agent 8 has a call of its own; agent 9 reports its usage only at its root.
    books.charge(
        describe(8, took=5.0, role="aggregate"),
        describe(9, at=0.1, took=4.8, tokens=(500, 5), role="aggregate"),
        describe(1, at=1.0, parent=8),
    )

    assert books.rows() == [Row(1, CALL, "priced"), Row(9, 1_040_000_000, "priced")]


def test_what_calls_itself_one_call_and_holds_several_is_an_aggregate(books: Books) -> None:
    books.charge(
        describe(9, took=5.0, tokens=(2000, 20), emitter="framework"),
        describe(1, at=1.0, parent=9),
        describe(2, at=3.0, parent=9),
    )

    assert [row.n for row in books.rows()] == [1, 2]
