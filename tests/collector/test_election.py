"""One paid call, one charge: however often, by whomever and in whichever order it is described."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from tests.collector.books import Row, describe, duplicate_of

from spancost_collector.call import Attribution, Reported

if TYPE_CHECKING:
    from tests.collector.books import Books
    from tests.collector.conftest import Launch, Otlp

    from spancost_collector.call import ModelCall

ID = "chatcmpl-0123456789abcdef"
OTHER_ID = "chatcmpl-fedcba9876543210"
CALL = 2_080_000_000
"""1000 tokens in at 2,000,000 and 10 out at 8,000,000 pico-USD."""


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


def test_spans_of_two_instrumentations_of_one_call_are_counted_once_on_the_wire(launch: Launch, otlp: Otlp) -> None:
    inner, outer = otlp.call(1), otlp.call(2)
    inner.parent_span_id = outer.span_id
    running = launch()
    for scope, span in (("opentelemetry.instrumentation.openai_v2", inner), ("my.framework", outer)):
        running.export(otlp.request(span, scope=scope).SerializeToString())

    assert sum(running.metric("spancost_calls_total").values()) == 1
    assert running.metric("spancost_receiver_duplicates_total", reason="same_call") == {(): 1}
