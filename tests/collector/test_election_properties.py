"""Whatever the order, the repetition, the batches and the restarts: the same descriptions end in the same ledger."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.collector.books import Books, describe
from tests.collector.conftest import FixedBook

from spancost_collector.call import Attribution, Reported

if TYPE_CHECKING:
    from spancost_collector.call import Key, ModelCall

IDS = (None, None, None, "chatcmpl-0123456789abcdef", "chatcmpl-fedcba9876543210", "7")
TOTALS = ((1000, 10), (1000, 10), (2000, 20), (1000, None), None)
PARTS = (None, {"cache_read_tokens": 400}, {"reasoning_tokens": 4})


@st.composite
def descriptions(draw: st.DrawFn) -> list[ModelCall]:
    """A dozen descriptions that are hard to tell apart: few traces, moments, emitters, totals and response ids.

    Some bear the span id of another, some have parents that form a circle, and some are equal and end together in
    traces of their own, or begin together there and one of them knows no usage.
    """
    count = draw(st.integers(2, 12))
    scattered = draw(st.booleans())
    traces = st.sampled_from((1, 2, 3, 4, 5, 6)) if scattered else st.sampled_from((1, 1, 1, 2, 3))
    starts = st.sampled_from((0.0, 0.002, 0.3)) if scattered else st.integers(0, 4)
    times = st.sampled_from((2.0, 1.7, 1.702)) if scattered else st.integers(1, 5)
    totals = st.sampled_from(((1000, 10), (1000, 10), None, (2000, 20)) if scattered else TOTALS)
    tangled = draw(st.sampled_from((False, False, True)))
    found: dict[Key, ModelCall] = {}
    for number in range(1, count + 1):
        n = draw(st.integers(1, number)) if tangled else number
        parents = st.integers(1, count) if tangled else st.integers(n + 1, count + 2)  # some of them never seen
        call = describe(
            n,
            at=draw(starts),
            took=draw(times),
            emitter=draw(st.sampled_from("ab" if draw(st.booleans()) else "abc")),
            trace=draw(traces),
            tokens=draw(totals),
            model=draw(st.sampled_from(("one", "one", "two"))),
            parent=draw(st.one_of(st.none(), parents)),
            more=draw(st.sampled_from(PARTS)),
            response_id=draw(st.sampled_from(IDS)),
            role=draw(st.sampled_from(("leaf", "leaf", "leaf", "aggregate"))),
            outcome=draw(st.sampled_from(("ok",) * 5 + ("error",))),
            attribution=draw(st.sampled_from((Attribution(), Attribution("search"), Attribution(user="u42")))),
            cached=draw(st.sampled_from((False,) * 9 + (True,))),
            reported=draw(st.sampled_from((None,) * 9 + (Reported(5_000_000_000, "biller"),))),
        )
        found.setdefault(call.key, call)  # what comes under the same key is the same span
    return [*found.values()]


@st.composite
def deliveries(draw: st.DrawFn) -> tuple[list[ModelCall], list[list[ModelCall]], int]:
    """Descriptions, the groups in which they arrive (some twice), and after how many groups there is a restart."""
    described = draw(descriptions())
    again = draw(st.lists(st.sampled_from(described), max_size=4))
    order = draw(st.permutations([*described, *again]))
    cuts = sorted(draw(st.lists(st.integers(0, len(order)), max_size=5)))
    groups = [order[start:end] for start, end in zip([0, *cuts], [*cuts, len(order)], strict=True)]
    return described, groups, draw(st.integers(0, len(groups)))


def shown(books: Books) -> dict[tuple[str, ...], float]:
    """The counters that have counted anything: a series may stand at zero, or not be there."""
    return {name: value for name, value in books.counters().items() if value}


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(deliveries())
def test_any_delivery_of_the_same_descriptions_ends_in_the_same_ledger(
    delivery: tuple[list[ModelCall], list[list[ModelCall]], int],
) -> None:
    described, groups, restart = delivery
    with TemporaryDirectory() as folder:
        at_once = Books(Path(folder) / "at-once.sqlite3", FixedBook())
        at_once.charge(*described)
        at_once.close()

        path = Path(folder) / "bit-by-bit.sqlite3"
        books = Books(path, FixedBook())
        before = shown(books)
        for number, group in enumerate(groups):
            if number == restart:
                books.close()
                books = Books(path, FixedBook())
            books.charge(*group)
            after = shown(books)
            assert all(value <= after.get(name, 0) for name, value in before.items()), "a counter fell"
            before = after
        books.close()
        loaded = Books(path, FixedBook())
        loaded.close()

        assert books.state() == at_once.state()
        assert shown(loaded) == shown(books)
