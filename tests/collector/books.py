"""Descriptions of calls, and books that they are charged in: an election, a ledger and counters, without the wire."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING, Any, NamedTuple

from prometheus_client import CollectorRegistry

from spancost_collector.call import Attribution, ModelCall, Resource
from spancost_collector.charging import Charging
from spancost_collector.election.elect import open_election
from spancost_collector.enrich import Enricher
from spancost_collector.ledger.rows import USAGE_COLUMNS
from spancost_collector.ledger.writer import Ledger
from spancost_collector.metrics.accounts import Accounts
from spancost_collector.metrics.labels import LabelBounds
from spancost_collector.metrics.receiver import ReceiverMetrics
from spancost_collector.price import Price
from spancost_pricing import Route, Usage

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from tests.collector.conftest import FixedBook

    from spancost_collector.charging import Observer

NOON = 1_795_176_000 * 1_000_000_000  # 2026-11-20T12:00:00Z
SECOND = 1_000_000_000


def describe(
    n: int,
    *,
    at: float = 0.0,
    took: float = 1.0,
    emitter: str = "sdk",
    trace: int = 1,
    tokens: tuple[int | None, int | None] | None = (1000, 10),
    model: str = "one",
    parent: int | None = None,
    more: dict[str, Any] | None = None,
    **fields: Any,
) -> ModelCall:
    """A call of `acme/one`, `at` seconds after noon; `n` makes its span id, `more` is added to its usage."""
    usage = None if tokens is None else Usage(input_tokens=tokens[0], output_tokens=tokens[1], **(more or {}))
    described: dict[str, Any] = {
        "trace_id": trace.to_bytes(16, "big"),
        "span_id": n.to_bytes(8, "big"),
        "start_ns": NOON + int(at * SECOND),
        "end_ns": NOON + int((at + took) * SECOND),
        "operation": "chat",
        "route": Route("acme", model),
        "request_model": model,
        "response_model": None,
        "response_id": None,
        "usage": usage,
        "outcome": "ok",
        "attribution": Attribution(feature="search"),
        "resource": Resource(service="shop"),
        "dialect": "otel",
        "emitter": emitter,
        "parent_id": b"" if parent is None else parent.to_bytes(8, "big"),
        **fields,
    }
    return ModelCall(**described)


class Row(NamedTuple):
    """A paid call as the ledger has it."""

    n: int
    cost_pico: int | None
    status: str


class Books:
    """Charges calls in a ledger file; several may follow each other on one file, like a receiver and its restart."""

    def __init__(self, path: Path, book: FixedBook, observers: Sequence[Observer] = (), **bounds: Any) -> None:
        self.registry = CollectorRegistry()
        self.path = path
        self.ledger = Ledger(path, busy_seconds=0.05)
        accounts = Accounts(LabelBounds(max_values=10, tenant=False), folded=lambda _dimension, _calls: None)
        accounts.load(self.ledger.totals(), self.ledger.credit())
        self.registry.register(accounts)
        self.election = open_election(self.ledger, **bounds)
        self._charging = Charging(
            election=self.election,
            price=Price(book),
            enricher=Enricher(),
            ledger=self.ledger,
            accounts=accounts,
            metrics=ReceiverMetrics(self.registry),
            observers=observers,
        )

    def charge(self, *calls: ModelCall) -> list[bytes]:
        """Charge them as one group; what their spans are told."""
        return self._charging(calls)

    def rows(self) -> list[Row]:
        """The paid calls, by span id."""
        found = self._query("SELECT span_id, cost_pico, status FROM calls ORDER BY span_id")
        return [Row(int.from_bytes(span_id, "big"), *rest) for span_id, *rest in found]

    def column(self, name: str) -> list[object]:
        """One column of the paid calls, by span id."""
        return [value for (value,) in self._query(f"SELECT {name} FROM calls ORDER BY span_id")]

    def state(self) -> dict[str, list[tuple[Any, ...]]]:
        """Everything that must not depend on the order of arrival: the calls and all sums, with names for numbers."""
        used = ", ".join(USAGE_COLUMNS)
        series = "feature, task, tenant, provider, model, environment, release, service"
        found = {
            "calls": (
                f"SELECT start_ns, span_id, trace_id, end_ns, user, session, tags, response_id, service_tier, region,"
                f" outcome, status, reason, cost_pico, {used}, quantities, quoted_pico, cached, {series},"
                " (SELECT group_concat(price_id || json_extract(part.value, '$[2]')) FROM json_each(calls.parts) part"
                " JOIN rates ON rates.id = json_extract(part.value, '$[0]'))"
                " FROM calls ORDER BY start_ns, span_id"
            ),
            "hourly": (
                f"SELECT hour, outcome, status, reason, calls, {series} FROM hourly"
                " JOIN series ON series.id = series_id ORDER BY 1, 2, 3, 4, 6, 7, 8, 9, 10, 11, 12, 13"
            ),
            "hourly_parts": (
                f"SELECT hour, outcome, status, reason, unit, quantity, usd, pico, {series} FROM hourly_parts"
                " JOIN series ON series.id = series_id ORDER BY 1, 2, 3, 4, 5, 9, 10, 11, 12, 13, 14, 15, 16"
            ),
            "totals": (
                f"SELECT outcome, status, reason, calls, {series} FROM totals"
                " JOIN series ON series.id = series_id ORDER BY 1, 2, 3, 5, 6, 7, 8, 9, 10, 11, 12"
            ),
            "total_parts": (
                f"SELECT outcome, status, reason, unit, quantity, usd, pico, {series} FROM total_parts"
                " JOIN series ON series.id = series_id ORDER BY 1, 2, 3, 4, 8, 9, 10, 11, 12, 13, 14, 15"
            ),
        }
        return {name: self._query(query) for name, query in found.items()}

    def counters(self) -> dict[tuple[str, ...], float]:
        """The counters about calls: name and label values -> value."""
        return {
            (sample.name, *(value for _, value in sorted(sample.labels.items()) if value)): sample.value
            for family in self.registry.collect()
            if not family.name.startswith("spancost_receiver_")
            for sample in family.samples
            if sample.name.endswith("_total")
        }

    def counter(self, name: str, **labels: str) -> float:
        """What a counter about calls adds up to, of all series with these labels."""
        return sum(
            sample.value
            for family in self.registry.collect()
            for sample in family.samples
            if sample.name == name and labels.items() <= sample.labels.items()
        )

    def metric(self, name: str, **labels: str) -> float | None:
        """A counter of the receiver about itself."""
        return self.registry.get_sample_value(f"spancost_receiver_{name}_total", labels)

    def _query(self, query: str) -> list[tuple[Any, ...]]:
        connection = sqlite3.connect(self.path)
        found = connection.execute(query).fetchall()
        connection.close()
        return found

    def close(self) -> None:
        """Let the next one have the file."""
        self.ledger.close()


def charged_in(path: Path, book: FixedBook, groups: Iterable[Sequence[ModelCall]]) -> Books:
    """Books in which these groups were charged; closed."""
    books = Books(path, book)
    for group in groups:
        books.charge(*group)
    books.close()
    return books


def duplicate_of(n: int) -> bytes:
    """How the attributes end that say of a span that span `n` is charged in its stead."""
    return f"spancost.duplicate_of\x12\x12\n\x10{n:016x}".encode()
