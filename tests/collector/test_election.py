"""One paid call, one charge: however often, by whomever and in whichever order it is described."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from tests.collector.books import Books, Row, describe
from tests.collector.conftest import FixedBook

from spancost_collector.call import Attribution, Reported, Resource
from spancost_collector.ledger.repricing import reprice
from spancost_pricing import Route

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.collector.conftest import Launch, Otlp

    from spancost_collector.call import ModelCall

ID = "chatcmpl-0123456789abcdef"
OTHER_ID = "chatcmpl-fedcba9876543210"
CALL = 2_080_000_000
"""1000 tokens in at 2,000,000 and 10 out at 8,000,000 pico-USD."""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ledger.sqlite3"


@pytest.fixture
def books(path: Path, book: FixedBook) -> Iterator[Books]:
    opened = Books(path, book)
    yield opened
    opened.close()


def duplicate_of(n: int) -> bytes:
    return f"spancost.duplicate_of\x12\x12\n\x10{n:016x}".encode()


def test_two_emitters_that_describe_one_call_are_charged_once(books: Books) -> None:
    inner = describe(1, at=0.1, took=0.8)
    outer = describe(2, at=0.0, took=1.0, emitter="framework")
    told = books.charge(inner, outer)

    assert books.rows() == [Row(1, CALL, "priced")]
    assert b"spancost.cost.usd" in told[0]
    assert told[1].endswith(duplicate_of(1))
    assert b"spancost.cost.usd" not in told[1]
    assert books.metric("duplicates", reason="same_call") == 1


def test_two_calls_of_one_emitter_are_two_however_alike(books: Books) -> None:
    books.charge(describe(1), describe(2), describe(3, at=0.2, took=0.5))

    assert [row.n for row in books.rows()] == [1, 2, 3]


def test_two_identical_calls_at_the_same_time_stay_two_when_each_is_described_twice(books: Books) -> None:
    books.charge(
        describe(1, at=0.10, took=0.80),
        describe(2, at=0.11, took=0.80),
        describe(3, at=0.00, took=1.00, emitter="framework"),
        describe(4, at=0.01, took=1.00, emitter="framework"),
    )

    assert [row.n for row in books.rows()] == [1, 2]


def test_of_calls_of_like_length_those_that_began_and_ended_together_are_one(books: Books) -> None:
    books.charge(
        describe(1, at=0.02, took=0.95),
        describe(2, at=0.06, took=1.03),
        describe(3, at=0.00, took=1.00, emitter="framework"),
        describe(4, at=0.05, took=1.07, emitter="framework"),
    )

    assert [row.n for row in books.rows()] == [1, 2]


def test_calls_one_after_the_other_are_not_one_call(books: Books) -> None:
    books.charge(describe(1, at=0), describe(2, at=1.5, emitter="framework"))

    assert [row.n for row in books.rows()] == [1, 2]


def test_different_totals_are_different_calls(books: Books) -> None:
    books.charge(describe(1, at=0.1, took=0.8), describe(2, emitter="framework", tokens=(1000, 11), model="other"))

    assert [row.n for row in books.rows()] == [1, 2]


@pytest.mark.parametrize("whole_first", [True, False])
def test_cached_tokens_that_one_emitter_leaves_out_of_its_input_do_not_make_two_calls(
    books: Books, whole_first: bool
) -> None:
    whole = describe(1, at=0.1, took=0.8, parent=2, more={"cache_read_tokens": 400})
    rest = describe(2, emitter="other", tokens=(600, 10), response_model="one")
    books.charge(*((whole, rest) if whole_first else (rest, whole)))

    assert books.rows() == [Row(1, 600 * 2_000_000 + 400 * 200_000 + 10 * 8_000_000, "priced")]


def test_the_billers_figure_stands_on_the_usage_that_leaves_nothing_out(books: Books) -> None:
    whole = describe(1, at=0.1, took=0.8, parent=2, more={"cache_read_tokens": 400})
    rest = describe(2, emitter="other", tokens=(600, 10), reported=Reported(7, "openrouter"))
    books.charge(whole, rest)

    assert books.column("input_tokens") == [1000]
    assert books.column("reported_pico") == [7]


def test_what_differs_by_more_than_its_cache_is_another_call(books: Books) -> None:
    books.charge(
        describe(1, at=0.1, took=0.8, more={"cache_read_tokens": 400}),
        describe(2, emitter="other", tokens=(601, 10)),
        describe(3, emitter="third", tokens=(600, 10), more={"cache_read_tokens": 100}),
    )

    assert [row.n for row in books.rows()] == [1, 2, 3]


def test_of_two_that_agree_about_the_output_the_one_with_more_input_has_left_less_out(books: Books) -> None:
    richer = describe(1, at=0.1, took=0.8, tokens=(985, 10), response_id=ID, response_model="one")
    books.charge(richer, describe(2, emitter="framework", response_id=ID))

    assert books.rows() == [Row(2, CALL, "priced")]


@pytest.mark.parametrize("order", [(0, 1), (1, 0)], ids=["exact first", "lumped first"])
def test_a_tools_tokens_that_one_emitter_takes_for_thoughts_are_charged_as_input(
    books: Books, order: tuple[int, int]
) -> None:
    # Both add up to 1450; the one that knows more besides has only that sum, and calls thoughts what is left of it.
    exact = describe(1, tokens=(1050, 400), response_id=ID, more={"reasoning_tokens": 300})
    lumped = describe(
        2,
        at=0.1,
        took=0.8,
        emitter="by the grand total",
        tokens=(1000, 450),
        response_id=ID,
        response_model="one",
        more={"reasoning_tokens": 350, "cache_read_tokens": 0},
    )
    for position in order:
        books.charge((exact, lumped)[position])

    assert books.rows() == [Row(1, 1050 * 2_000_000 + 400 * 8_000_000, "priced")]


def test_the_billers_figure_stands_whatever_its_bearer_takes_for_thoughts(books: Books) -> None:
    exact = describe(1, tokens=(1050, 400), response_id=ID, more={"reasoning_tokens": 300})
    biller: dict[str, Any] = {"tokens": (1000, 450), "more": {"reasoning_tokens": 350}, "reported": Reported(7, "x")}
    books.charge(exact, describe(2, at=0.1, took=0.8, emitter="gateway", response_id=ID, **biller))

    assert books.rows() == [Row(2, 7, "reported")]


def test_more_output_that_no_thoughts_explain_is_kept(books: Books) -> None:
    richer = describe(
        2, at=0.1, took=0.8, emitter="other", tokens=(1000, 450), response_id=ID, more={"cache_read_tokens": 0}
    )
    books.charge(describe(1, tokens=(1050, 400), response_id=ID), richer)

    assert books.rows() == [Row(2, 1000 * 2_000_000 + 450 * 8_000_000, "priced")]


def test_three_descriptions_of_one_call_are_one(books: Books) -> None:
    books.charge(describe(1, at=0.2, took=0.5), describe(2, at=0.1, took=0.8, emitter="b"), describe(3, emitter="c"))

    assert [row.n for row in books.rows()] == [1]


def test_the_providers_id_joins_descriptions_in_unrelated_traces(books: Books) -> None:
    books.charge(describe(1, trace=1, response_id=ID))
    told = books.charge(describe(2, trace=2, at=0.1, took=0.7, emitter="gateway", response_id=ID))

    assert books.rows() == [Row(2, CALL, "priced")]  # the shorter is nearer to the provider
    assert b"spancost.cost.usd" in told[0]
    assert books.metric("duplicates", reason="same_response") == 1
    assert books.metric("corrections") == 1
    assert books.counter("spancost_calls_total") == 1


@pytest.mark.parametrize("better", [1, 16, 17, 40])
@pytest.mark.parametrize("size", [1, 7, 40])
def test_an_answer_that_is_described_very_often_is_charged_once(books: Books, better: int, size: int) -> None:
    described = [
        describe(n, trace=n, at=n, response_id=ID, more={"reasoning_tokens": 4} if n == better else None)
        for n in range(1, 41)
    ]
    for start in range(0, 40, size):
        books.charge(*described[start : start + size])

    assert len(books.rows()) == 1
    assert books.counter("spancost_calls_total") == 1
    assert books.counter("spancost_tokens_total", token_class="input") == 1000


def test_different_ids_keep_calls_apart_that_look_alike(books: Books) -> None:
    books.charge(describe(1, at=0.1, took=0.8, response_id=ID), describe(2, emitter="framework", response_id=OTHER_ID))

    assert len(books.rows()) == 2


def test_a_short_id_that_comes_again_later_is_another_call(books: Books) -> None:
    # Ollama numbers its answers from 0 to 998.
    books.charge(describe(1, response_id="chatcmpl-417"), describe(2, at=60, trace=2, response_id="chatcmpl-417"))

    assert len(books.rows()) == 2


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


def embedded(n: int, *, at: float = 0.0) -> tuple[ModelCall, ModelCall]:
    """Embeddings, which have no id, by an SDK and its framework, each in a trace of its own."""
    said: dict[str, Any] = {"operation": "embeddings", "tokens": (8, None)}
    sdk = describe(n, trace=n, at=at + 0.001, took=0.005, **said)
    return sdk, describe(n + 50, trace=n + 50, at=at, took=0.016, emitter="framework", **said)


def test_embeddings_of_a_few_milliseconds_are_charged_once(books: Books) -> None:
    sdk, framework = embedded(1)
    books.charge(framework)
    books.charge(sdk)

    assert books.rows() == [Row(1, 16_000_000, "priced")]


def test_equal_embeddings_at_the_same_time_stay_as_many_as_they_are(books: Books) -> None:
    books.charge(*(call for n in range(1, 9) for call in embedded(n, at=0.001 * n)))

    assert len(books.rows()) == 8


def test_a_framework_may_be_busy_with_a_short_answer_for_a_while_and_no_longer(books: Books) -> None:
    books.charge(describe(1, trace=1, at=0.01, took=0.005), describe(2, trace=2, took=0.114, emitter="framework"))
    books.charge(
        describe(3, trace=3, at=9.01, took=0.005), describe(4, trace=4, at=9.0, took=0.116, emitter="framework")
    )

    assert [row.n for row in books.rows()] == [1, 3, 4]


def test_an_answer_that_is_fetched_later_is_paid_once_with_its_usage(books: Books) -> None:
    books.charge(describe(1, tokens=None, response_id=ID, attribution=Attribution(feature="nightly")))
    before = books.rows()
    books.charge(describe(2, at=7200, trace=2, response_id=ID, attribution=Attribution()))
    books.charge(describe(3, at=7300, trace=3, response_id=ID, attribution=Attribution()))

    assert before == [Row(1, None, "unpriced")]
    assert books.rows() == [Row(2, CALL, "priced")]
    assert books.ledger.recent(10).groups[0].call is not None
    assert [total.series.feature for total in books.ledger.totals()] == ["nightly"]


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


def test_the_richer_description_is_charged_and_takes_what_only_the_other_knows(books: Books) -> None:
    described = describe(
        1,
        at=0.1,
        took=0.8,
        more={"cache_read_tokens": 400},
        route=Route("acme", "one", "flex"),
        attribution=Attribution(session="s1"),
    )
    framework = describe(
        2,
        emitter="framework",
        more={"reasoning_tokens": 4},
        route=Route("acme", "one", None, "eu"),
        attribution=Attribution("search", "rerank", "acme", "u42", "s2", "greeting", "3", ("beta",)),
    )
    books.charge(framework)
    books.charge(described)

    # 600 x 2,000,000 + 400 x 200,000 + 10 x 8,000,000
    assert books.rows() == [Row(1, 1_360_000_000, "priced")]
    used = ("input_tokens", "cache_read_tokens", "output_tokens", "reasoning_tokens")
    assert [books.column(name) for name in used] == [[1000], [400], [10], [4]]
    assert [books.column(name)[0] for name in ("service_tier", "region", "user", "session", "prompt", "tags")] == [
        "flex",
        "eu",
        "u42",
        "s1",
        "greeting",
        '["beta"]',
    ]
    assert [total.series.task for total in books.ledger.totals()] == ["rerank"]


def test_details_that_do_not_fit_the_totals_are_not_taken(books: Books) -> None:
    books.charge(
        describe(1, at=0.1, took=0.8, more={"reasoning_tokens": 4, "output_audio_tokens": 0}),
        describe(2, emitter="framework", more={"cache_read_tokens": 1001}),
    )

    assert books.rows() == [Row(1, CALL, "priced")]


def test_the_billers_own_figure_decides_which_description_is_charged(books: Books) -> None:
    books.charge(
        describe(1, at=0.1, took=0.8, more={"reasoning_tokens": 4}),
        describe(2, emitter="gateway", reported=Reported(2_000_000_000, "openrouter")),
    )

    assert books.rows() == [Row(2, 2_000_000_000, "reported")]


def test_an_answer_from_a_cache_costs_nothing_whoever_says_so(books: Books) -> None:
    books.charge(
        describe(1, trace=1, response_id=ID), describe(2, trace=2, emitter="gateway", response_id=ID, cached=True)
    )

    assert [(row.cost_pico, row.status) for row in books.rows()] == [(0, "free")]
    assert books.metric("cached_calls") == 1
    assert books.counter("spancost_tokens_total", token_class="input") == 1000


def test_what_others_reckon_stands_beside_the_charge(books: Books) -> None:
    books.charge(describe(1, quoted=Reported(999, "litellm")))

    assert books.rows() == [Row(1, CALL, "priced")]
    assert books.column("quoted_pico") == [999]
    assert books.column("quoted_by") == ["litellm"]


def test_what_another_receiver_found_to_be_a_duplicate_is_not_charged(books: Books) -> None:
    told = books.charge(describe(2, duplicate_of=(1).to_bytes(8, "big")))

    assert books.rows() == []
    assert told[0].endswith(duplicate_of(1))


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


def test_spans_of_two_instrumentations_of_one_call_are_counted_once_on_the_wire(launch: Launch, otlp: Otlp) -> None:
    inner, outer = otlp.call(1), otlp.call(2)
    inner.parent_span_id = outer.span_id
    running = launch()
    for scope, span in (("opentelemetry.instrumentation.openai_v2", inner), ("my.framework", outer)):
        running.export(otlp.request(span, scope=scope).SerializeToString())

    assert sum(running.metric("spancost_calls_total").values()) == 1
    assert running.metric("spancost_receiver_duplicates_total", reason="same_call") == {(): 1}
