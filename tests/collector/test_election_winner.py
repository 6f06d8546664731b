"""Which of several descriptions of a call is charged, and what it takes from the others."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.collector.books import Row, describe, duplicate_of

from spancost_collector.call import Attribution, Reported
from spancost_pricing import Route

if TYPE_CHECKING:
    from tests.collector.books import Books

ID = "chatcmpl-0123456789abcdef"
CALL = 2_080_000_000
"""1000 tokens in at 2,000,000 and 10 out at 8,000,000 pico-USD."""


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


def test_that_a_subscription_covers_a_call_is_no_figure_that_decides_which_description_is_charged(books: Books) -> None:
    # As the ledger tells it after a restart of what `subscriptions` in the configuration covers.
    counted = describe(
        1, emitter="framework", response_id=ID, more={"estimated": True}, reported=Reported(0, "subscription")
    )
    books.charge(counted)
    books.charge(describe(2, tokens=(1000, 12), response_id=ID))

    # 1000 x 2,000,000 + 12 x 8,000,000
    assert books.rows() == [Row(2, 2_096_000_000, "imputed")]


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
