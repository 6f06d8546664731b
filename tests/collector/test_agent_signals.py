"""A coding agent's run is charged by one of its signals: events before spans before sums, whatever comes first."""

from __future__ import annotations

from itertools import permutations
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.collector.agents import CLAUDE_EVENTS, CUMULATIVE, event, logs, metrics, request_event, total
from tests.collector.books import Books, Row, describe
from tests.collector.conftest import FixedBook, Otlp

from spancost_collector.agents.events import calls_in_logs
from spancost_collector.agents.points import calls_in_metrics
from spancost_collector.call import Attribution
from spancost_collector.dialects import DIALECTS
from spancost_collector.reading.decode import Export
from spancost_collector.reading.normalise import Normaliser

if TYPE_CHECKING:
    from collections.abc import Sequence

    from spancost_collector.call import ModelCall

CALL = 2_080_000_000
"""1,000 tokens in at 2 USD and 10 out at 8 USD the million, in pico-USD."""
SCOPES = {
    "logs": "claude_code.logs",
    "spans": "com.anthropic.claude_code.tracing",
    "metrics": "claude_code.metrics",
    "sums": "claude_code.sums",
}


def told(n: int, signal: str, *, run: str | None = "run-1", agent: str = "claude_code", **changes: object) -> ModelCall:
    """What a run says of a call, or of a minute, in a signal; `n` makes its span id and, but for spans, its trace."""
    described: dict[str, object] = {
        "emitter": SCOPES[signal],
        "trace": n,
        "at": n * 100.0,
        "attribution": Attribution(session=run),
        "dialect": agent,
        **changes,
    }
    return describe(n, **described)  # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize("order", list(permutations((1, 2, 3, 4))))
def test_the_best_signal_of_a_run_is_charged_whatever_comes_first(books: Books, order: Sequence[int]) -> None:
    descriptions = {1: told(1, "logs"), 2: told(2, "spans"), 3: told(3, "metrics"), 4: told(4, "sums")}

    for n in order:
        books.charge(descriptions[n])

    assert books.rows() == [Row(1, CALL, "priced")]
    assert books.metric("duplicates", reason="aggregate") == 3


def test_they_may_come_together(books: Books) -> None:
    books.charge(told(3, "metrics"), told(2, "spans"), told(1, "logs"))

    assert books.rows() == [Row(1, CALL, "priced")]


def test_totals_are_charged_where_a_run_says_nothing_else(books: Books) -> None:
    books.charge(told(1, "metrics"), told(2, "metrics", tokens=(2000, 20)))

    assert books.rows() == [Row(1, CALL, "priced"), Row(2, 4_160_000_000, "priced")]


@pytest.mark.parametrize("run", ["run-1", None])
@pytest.mark.parametrize("order", list(permutations((1, 2, 3))))
def test_of_totals_since_a_start_only_the_newest_is_charged(books: Books, order: Sequence[int], run: str) -> None:
    for n in order:
        books.charge(told(n, "sums", run=run, trace=9, tokens=(1000 * n, 10 * n)))
    books.charge(told(8, "sums", run=run, trace=10))

    assert books.rows() == [Row(3, 3 * CALL, "priced"), Row(8, CALL, "priced")]


def test_totals_that_were_charged_are_taken_back_once_an_event_comes(books: Books) -> None:
    books.charge(told(1, "metrics", tokens=(2000, 20)), told(2, "metrics"))
    books.charge(told(3, "logs"))

    assert books.rows() == [Row(3, CALL, "priced")]
    assert books.counter("spancost_cost_usd_total") == pytest.approx(0.00624)  # a counter does not fall


def test_every_event_of_a_run_is_a_call_of_its_own(books: Books) -> None:
    books.charge(told(1, "logs"), told(2, "logs"))
    books.charge(told(3, "logs"), told(4, "spans"))

    assert [row.n for row in books.rows()] == [1, 2, 3]


def test_an_event_and_the_span_of_the_same_request_are_one_call(books: Books) -> None:
    request = "req_0123456789abcdefghij"

    books.charge(told(1, "spans", response_id=request, more={"cache_read_tokens": 400}))
    books.charge(told(2, "logs", response_id=request), told(3, "metrics"))

    assert books.rows() == [Row(1, 1_360_000_000, "priced")]


def test_other_runs_and_other_agents_are_charged_by_their_own(books: Books) -> None:
    books.charge(
        told(1, "logs"),
        told(2, "metrics", run="run-2"),
        told(3, "metrics", agent="gemini_cli", emitter="gemini_cli.metrics"),
        told(4, "metrics", run=None),
    )

    assert [row.n for row in books.rows()] == [1, 2, 3, 4]


def test_what_was_decided_holds_after_a_restart(tmp_path: Path, book: FixedBook) -> None:
    path = tmp_path / "ledger.sqlite3"
    before = Books(path, book)
    before.charge(told(1, "logs"), told(2, "metrics"))
    before.close()

    after = Books(path, book)
    after.charge(told(2, "metrics"), told(3, "metrics"))
    after.charge(told(1, "logs"))

    assert after.rows() == [Row(1, CALL, "priced")]
    after.close()


def test_a_request_that_was_not_kept_decides_nothing(books: Books) -> None:
    books.ledger.close()
    with pytest.raises(Exception, match="not committed"):
        books.charge(told(1, "logs"))
    decision = books.election.consider([told(2, "metrics")], lambda _keys: frozenset())

    assert [call.span_id[-1] for call in decision.paid] == [2]


@st.composite
def deliveries(draw: st.DrawFn) -> tuple[list[ModelCall], list[list[ModelCall]], int]:
    """What a few runs say in a few signals, the groups in which it comes, and when there is a restart."""
    described = [
        told(
            n,
            draw(st.sampled_from(("logs", "logs", "spans", "metrics", "metrics", "sums", "sums"))),
            trace=draw(st.sampled_from((n, n, 99))),
            run=draw(st.sampled_from(("run-1", "run-1", "run-2", None))),
            response_id=draw(st.sampled_from((None, "req_0123456789abcdefghij", "req_abcdefghij0123456789"))),
            at=draw(st.integers(0, 3)),
        )
        for n in range(1, draw(st.integers(2, 9)) + 1)
    ]
    again = draw(st.lists(st.sampled_from(described), max_size=3))
    order = draw(st.permutations([*described, *again]))
    cuts = sorted(draw(st.lists(st.integers(0, len(order)), max_size=4)))
    groups = [order[start:end] for start, end in zip([0, *cuts], [*cuts, len(order)], strict=True)]
    return described, groups, draw(st.integers(0, len(groups)))


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(deliveries())
def test_any_delivery_of_the_same_signals_ends_in_the_same_ledger(
    delivery: tuple[list[ModelCall], list[list[ModelCall]], int],
) -> None:
    described, groups, restart = delivery
    with TemporaryDirectory() as folder:
        at_once = Books(Path(folder) / "at-once.sqlite3", FixedBook())
        at_once.charge(*described)
        at_once.close()
        path = Path(folder) / "bit-by-bit.sqlite3"
        books = Books(path, FixedBook())
        for number, group in enumerate(groups):
            if number == restart:
                books.close()
                books = Books(path, FixedBook())
            books.charge(*group)
        books.close()

        assert books.state() == at_once.state()


def bodies() -> list[bytes]:
    """One run of two calls, in each of its signals, as trace requests."""
    common = {"session.id": "run-1", "organization.id": "org-1", "model": "one"}
    used = {"input": 1008.0, "output": 194.0, "cacheRead": 4000.0, "cacheCreation": 2000.0}
    second = {"event__sequence": 5, "request_id": "req_abcdefghij0123456789"}
    otlp = Otlp()
    span = otlp.span(
        {**common, "span.type": "llm_request", "gen_ai.response.id": "req_abcdefghij0123456789", "output_tokens": 97},
        name="claude_code.llm_request",
    )
    return [
        calls_in_logs(logs(event(request_event()), scope=CLAUDE_EVENTS)).body,
        calls_in_logs(logs(event(request_event(**second), at=9), scope=CLAUDE_EVENTS)).body,
        otlp.request(span, scope="com.anthropic.claude_code.tracing").SerializeToString(),
        calls_in_metrics(metrics(total("claude_code.token.usage", used, common, until=10))).body,
        calls_in_metrics(metrics(total("claude_code.token.usage", used, common, temporality=CUMULATIVE))).body,
    ]


def test_a_run_in_all_of_its_signals_is_charged_by_its_events_in_any_order(tmp_path: Path, book: FixedBook) -> None:
    normaliser = Normaliser(DIALECTS)
    groups = [
        [normaliser.read(one.span, one.envelope).call for one in Export(body).candidates(normaliser.markers)]
        for body in bodies()
    ]
    assert [len(group) for group in groups] == [1] * 5

    for number, order in enumerate([*permutations(groups)][::5]):
        books = Books(tmp_path / f"{number}.sqlite3", book)
        for group in order:
            books.charge(*(call for call in group if call is not None))
        charged = books.column("cost_pico")
        books.close()

        # 1,504 of input at 2, 2,000 read at 0.2, 97 out at 8 USD the million
        assert charged == [4_184_000_000] * 2
