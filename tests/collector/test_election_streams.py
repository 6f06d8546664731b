"""Streams of which an emitter notes down the end, or cannot read the usage, are charged once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from tests.collector.books import Books, Row, describe

from spancost_collector.call import Resource

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.collector.conftest import FixedBook

    from spancost_collector.call import ModelCall

ID = "chatcmpl-0123456789abcdef"
OTHER_ID = "chatcmpl-fedcba9876543210"
CALL = 2_080_000_000
"""1000 tokens in at 2,000,000 and 10 out at 8,000,000 pico-USD."""


def stream(n: int, *, trace: int, at: float = 0.0) -> tuple[ModelCall, ModelCall]:
    """A stream as its SDK describes it, and as somebody notes it down when it is over, in a trace of its own."""
    sdk = describe(n, trace=trace, at=at, took=2.0, parent=99, response_id=f"msg_0123456789abcdef{n}")
    return sdk, describe(n + 50, trace=trace + 50, at=at + 0.3, took=1.704, emitter="notes")


@pytest.mark.parametrize("order", [(0, 1), (1, 0)], ids=["the call first", "the note first"])
def test_a_note_on_a_stream_that_is_over_is_charged_with_the_stream(books: Books, order: tuple[int, int]) -> None:
    described = stream(1, trace=1)
    for position in order:
        books.charge(described[position])

    assert books.rows() == [Row(1, CALL, "priced")]
    assert books.counter("spancost_calls_total") == 1
    assert books.metric("duplicates", reason="same_call") == 1


def test_two_equal_streams_at_the_same_time_stay_two_when_each_is_noted_down(books: Books) -> None:
    books.charge(*stream(1, trace=1), *stream(2, trace=2, at=0.004))
    books.charge(*stream(3, trace=3, at=0.002))

    assert [row.n for row in books.rows()] == [1, 2, 3]
    assert [books.column("response_id")[place] for place in (0, 1, 2)] == [
        f"msg_0123456789abcdef{n}" for n in (1, 2, 3)
    ]


def test_two_notes_of_one_emitter_are_two_calls(books: Books) -> None:
    books.charge(*(describe(n, trace=n, emitter="notes", at=0.001 * n) for n in (1, 2)))

    assert [row.n for row in books.rows()] == [1, 2]


@pytest.mark.parametrize(
    "other",
    [
        {"at": 2.5},
        {"at": 0.3, "took": 1.2},
        {"tokens": (1000, 11)},
        {"model": "two"},
        {"resource": Resource(service="another shop")},
        {"resource": Resource()},
        {"response_id": OTHER_ID},
        {"parent": 98},
        {"operation": "embeddings"},
    ],
    ids=lambda said: " ".join(said),
)
def test_what_differs_from_a_stream_in_anything_is_no_note_on_it(books: Books, other: dict[str, Any]) -> None:
    sdk, _ = stream(1, trace=1)
    note: dict[str, Any] = {"trace": 2, "emitter": "notes", "at": 0.3, "took": 1.7, **other}
    books.charge(sdk, describe(2, **note))

    assert [row.n for row in books.rows()] == [1, 2]


def test_a_stream_that_its_framework_describes_as_well_has_one_note(books: Books) -> None:
    first, second = stream(1, trace=1), stream(2, trace=2, at=0.004)
    books.charge(
        *second,
        describe(11, trace=1, took=2.001, emitter="framework"),
        *first,
        describe(12, trace=2, at=0.003, took=2.003, emitter="framework"),
    )

    assert [row.n for row in books.rows()] == [1, 2]


def test_a_note_finds_its_stream_after_a_restart(path: Path, book: FixedBook) -> None:
    sdk, note = stream(1, trace=1)
    first = Books(path, book)
    first.charge(sdk)
    first.close()
    again = Books(path, book)
    again.charge(note)
    again.close()

    assert [row.n for row in again.rows()] == [1]


def test_a_note_stays_with_a_stream_that_is_forgotten(path: Path, book: FixedBook) -> None:
    sdk, note = stream(1, trace=1)
    books = Books(path, book, max_calls=2)
    for call in (sdk, note, describe(7, at=9, trace=7)):
        books.charge(call)
    books.charge(describe(60, trace=51, at=0.3, took=1.704, emitter="third"))
    books.close()

    assert [row.n for row in books.rows()] == [1, 7]


def test_a_note_on_a_stream_that_was_undone_is_charged_when_it_comes_again(path: Path, book: FixedBook) -> None:
    sdk, note = stream(1, trace=1)
    books = Books(path, book)
    with pytest.raises(RuntimeError, match="a bug in the book"):
        books.charge(note, describe(7, at=9, model="faulty"))
    books.charge(note)
    before = books.rows()
    books.charge(sdk)
    books.close()

    assert [row.n for row in before] == [51]
    assert [row.n for row in books.rows()] == [1]


def test_a_note_within_the_trace_of_its_stream_may_come_a_little_later(books: Books) -> None:
    books.charge(
        describe(1, took=2.0, parent=99, more={"reasoning_tokens": 4}),
        describe(2, at=0.3, took=1.71, emitter="notes", parent=98),
    )

    assert [row.n for row in books.rows()] == [1]


def test_a_span_id_that_comes_twice_in_a_trace_is_nobodys_parent(books: Books) -> None:
    # Which of the two agents that call themselves 9 is over the call cannot be told; both last while it happens.
    books.charge(describe(1, at=1.0, parent=9), describe(9, took=5.0, tokens=(500, 5), role="aggregate"))
    books.charge(describe(9, at=0.5, took=5.0, tokens=(600, 6), role="aggregate"))

    assert [row.n for row in books.rows()] == [1]


def test_parents_in_a_circle_are_nobodys(books: Books) -> None:
    books.charge(
        describe(1, parent=2, role="aggregate", tokens=(500, 5)),
        describe(2, at=2.0, parent=3, role="aggregate", tokens=(600, 6)),
        describe(3, at=4.0, parent=1, role="aggregate", tokens=(700, 7)),
        describe(4, at=2.5, took=0.2, parent=3),
    )

    # Only agent 2 was at work during call 4; agents 1 and 3 have nothing under them.
    assert [row.n for row in books.rows()] == [1, 3, 4]


def test_an_attempt_without_an_answer_belongs_to_the_call_above_it(books: Books) -> None:
    agent = describe(1, emitter="agents", response_id=ID)
    failed = describe(2, at=0.1, took=0.1, parent=1, tokens=None, outcome="error")
    answered = describe(3, at=0.3, took=0.6, parent=1, response_id=ID)
    books.charge(agent, failed, answered)

    assert books.rows() == [Row(3, CALL, "priced")]


@pytest.mark.parametrize("late", [1, 2, 3])
def test_an_attempt_without_an_answer_does_not_take_the_place_of_the_one_that_has_it(books: Books, late: int) -> None:
    described = {
        1: describe(1, emitter="agents"),
        2: describe(2, at=0.1, took=0.1, parent=1, tokens=None),
        3: describe(3, at=0.3, took=0.6, parent=1),
    }
    last = described.pop(late)
    books.charge(*described.values())
    books.charge(last)

    assert books.rows() == [Row(3, CALL, "priced")]


@pytest.mark.parametrize(
    "inner",
    [{"response_id": OTHER_ID}, {"response_model": "one"}, {"outcome": "blocked"}, {"model": "two"}, {"took": 3.0}],
    ids=lambda said: " ".join(said),
)
def test_what_may_have_been_answered_beside_the_call_above_it_stays_a_call(books: Books, inner: dict[str, Any]) -> None:
    said: dict[str, Any] = {"at": 0.1, "took": 0.1, "parent": 1, "tokens": None, **inner}
    books.charge(describe(1, emitter="agents"), describe(3, at=0.3, took=0.6, parent=1), describe(2, **said))

    assert [row.n for row in books.rows()] == [2, 3]


def unread(n: int, *, trace: int, at: float = 0.0) -> tuple[ModelCall, ModelCall]:
    """A stream as its SDK describes it, and by an emitter that began first, cannot read it, and has no trace for it."""
    sdk = describe(n, trace=trace, at=at + 0.002, took=2.0, response_id=f"msg_0123456789abcdef{n}")
    return sdk, describe(n + 50, trace=trace + 50, at=at, took=0.4, emitter="unread", tokens=None)


@pytest.mark.parametrize("order", [(0, 1), (1, 0)], ids=["the call first", "the unread one first"])
def test_a_stream_that_one_emitter_cannot_read_is_one_call(books: Books, order: tuple[int, int]) -> None:
    described = unread(1, trace=1)
    for position in order:
        books.charge(described[position])

    assert books.rows() == [Row(1, CALL, "priced")]
    assert books.counter("spancost_calls_total") == 1
    assert books.metric("duplicates", reason="same_call") == 1


def test_each_unread_stream_is_joined_to_one_call(books: Books) -> None:
    first, second = unread(1, trace=1), unread(2, trace=2, at=0.004)
    _, nobody_elses = unread(3, trace=3, at=0.008)
    books.charge(*first, nobody_elses, *second)

    assert [(row.cost_pico, row.status) for row in books.rows()] == [
        (CALL, "priced"),
        (CALL, "priced"),
        (None, "unpriced"),
    ]


@pytest.mark.parametrize(
    "other",
    [
        {"at": 0.03},
        {"at": -0.02, "took": 0.02},
        {"model": "two"},
        {"resource": Resource(service="another shop")},
        {"resource": Resource()},
        {"response_id": OTHER_ID},
        {"parent": 98},
        {"operation": "embeddings"},
        {"outcome": "error"},
        {"emitter": "sdk"},
    ],
    ids=lambda said: " ".join(said),
)
def test_what_differs_from_a_call_in_anything_is_not_the_same_unread(books: Books, other: dict[str, Any]) -> None:
    sdk, _ = unread(1, trace=1)
    unread_one: dict[str, Any] = {"trace": 2, "took": 0.4, "emitter": "unread", "tokens": None, **other}
    books.charge(sdk, describe(2, **unread_one))

    assert [row.n for row in books.rows()] == [1, 2]


def test_a_stream_with_a_note_and_an_unread_description_is_one_call(books: Books) -> None:
    sdk, note = stream(1, trace=1)
    books.charge(note, describe(2, trace=2, at=-0.002, took=0.4, emitter="unread", tokens=None))
    books.charge(sdk)

    assert books.rows() == [Row(1, CALL, "priced")]


@pytest.mark.parametrize(("described", "apart"), [(stream, 0.001), (unread, 0.005)])
def test_more_streams_alike_at_one_time_than_can_be_told_apart_are_charged_as_they_are(
    path: Path, book: FixedBook, described: Callable[..., tuple[ModelCall, ModelCall]], apart: float
) -> None:
    crowd = [call for n in range(1, 41) for call in described(n, trace=n, at=apart * n)]
    at_once = Books(path, book)
    at_once.charge(*crowd)
    at_once.close()
    bit_by_bit = Books(path.with_name("other.sqlite3"), book)
    few = len(crowd) // 4
    bit_by_bit.charge(*crowd[:few])
    told_apart = len(bit_by_bit.rows())
    bit_by_bit.charge(*crowd[few:])
    bit_by_bit.close()

    assert told_apart == 10
    assert len(at_once.rows()) == 80
    assert bit_by_bit.state() == at_once.state()
