"""What the receiver costs for each span, as a multiple of merely parsing and writing the same bytes.

The baseline P is protobuf's own parse + serialise of the official messages. Against it, first the pure part: decode,
normalise, price, enrich and write, without a ledger, counters or a network, for spans that are all model calls, for a
mix of one in five, and for calls that carry prompts. Then the durable path at real prices: elected, committed before
anything else happens, and counted, in groups of 16 and of 512 calls, into a ledger without rows and one with a
million. The result is checked before anything is timed.
"""

from __future__ import annotations

import sqlite3
import statistics
import time
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, InstrumentationScope, KeyValue
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, ScopeSpans, Span
from prometheus_client import CollectorRegistry

from spancost_collector.charging import Charging
from spancost_collector.dialects import DIALECTS
from spancost_collector.election.elect import open_election
from spancost_collector.enrich import Enricher
from spancost_collector.ledger.writer import Ledger
from spancost_collector.metrics.accounts import Accounts
from spancost_collector.metrics.labels import LabelBounds
from spancost_collector.metrics.receiver import ReceiverMetrics
from spancost_collector.pipeline import Pipeline
from spancost_collector.price import Price
from spancost_collector.reading.decode import Export
from spancost_collector.reading.normalise import Normaliser
from spancost_pricing import Charge, LineItem, Rate, Route, Usage, load_book

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from spancost_collector.outcome import Refusal

SPANS = 512
ROUNDS = 15
REPEATS = 8
DURABLE_SPANS = 512 * 40
DURABLE_ROUNDS = 3


class FlatBook:
    """Two rates, so that the benchmark is about the receiver and not about looking up prices."""

    def __init__(self) -> None:
        self._input = Rate("input", Decimal(2_500_000), "openai/gpt-5:input", None, "user", "prices.yaml")
        self._output = Rate("output", Decimal(10_000_000), "openai/gpt-5:output", None, "user", "prices.yaml")

    def charge(self, route: Route, usage: Usage | None, ended_ns: int) -> Charge:
        if usage is None or usage.input_tokens is None or usage.output_tokens is None:
            raise AssertionError("every call of this benchmark has usage")
        items = (
            LineItem(self._input, usage.input_tokens, usage.input_tokens * 2_500_000),
            LineItem(self._output, usage.output_tokens, usage.output_tokens * 10_000_000),
        )
        return Charge(
            status="priced",
            reason=None,
            total_pico=items[0].amount_pico + items[1].amount_pico,
            items=items,
            book="flat",
            quantities={"input": usage.input_tokens, "output": usage.output_tokens},
        )


def attributes(values: dict[str, str | int | float]) -> list[KeyValue]:
    found: list[KeyValue] = []
    for key, value in values.items():
        match value:
            case str():
                found.append(KeyValue(key=key, value=AnyValue(string_value=value)))
            case int():
                found.append(KeyValue(key=key, value=AnyValue(int_value=value)))
            case float():
                found.append(KeyValue(key=key, value=AnyValue(double_value=value)))
    return found


def model_call(n: int, prompt: str) -> dict[str, str | int | float]:
    """The 23 attributes of an instrumented chat call."""
    return {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": "gpt-5",
        "gen_ai.response.model": "gpt-5-2025-08-07",
        "gen_ai.response.id": f"chatcmpl-{n:029d}",
        "gen_ai.conversation.id": f"conversation-{n % 40:06d}",
        "gen_ai.request.temperature": 0.2,
        "gen_ai.request.max_tokens": 1024,
        "gen_ai.request.top_p": 0.95,
        "gen_ai.output.type": "text",
        "gen_ai.usage.input_tokens": 1200 + n,
        "gen_ai.usage.output_tokens": 300,
        "gen_ai.usage.cache_read.input_tokens": 1000,
        "gen_ai.usage.cache_write.input_tokens": 0,
        "gen_ai.usage.reasoning.output_tokens": 128,
        "gen_ai.response.time_to_first_chunk": 0.31,
        "openai.response.service_tier": "default",
        "openai.response.system_fingerprint": "fp_0123456789",
        "server.address": "api.openai.com",
        "server.port": 443,
        "spancost.feature": f"feature-{n % 12}",
        "user.id": f"user-{n % 300}",
        "gen_ai.input.messages": prompt,
    }


def web_request(n: int) -> dict[str, str | int | float]:
    return {
        "http.request.method": "GET",
        "http.route": "/articles/{id}",
        "url.path": f"/articles/{n}",
        "url.scheme": "https",
        "server.address": "shop.example",
        "server.port": 443,
        "http.response.status_code": 200,
        "client.address": "10.0.0.7",
    }


def request(*, every: int = 1, prompt: str = "", first: int = 1, count: int = SPANS) -> bytes:
    """Spans from number `first` on, of which one in `every` is a model call."""
    spans = [
        Span(
            trace_id=n.to_bytes(16, "big"),
            span_id=n.to_bytes(8, "big"),
            name="chat gpt-5",
            kind=Span.SPAN_KIND_CLIENT,
            start_time_unix_nano=1_795_176_000_000_000_000 + n,
            end_time_unix_nano=1_795_176_001_000_000_000 + n,
            attributes=attributes(model_call(n, prompt) if n % every == 0 else web_request(n)),
        )
        for n in range(first, first + count)
    ]
    return ExportTraceServiceRequest(
        resource_spans=[
            ResourceSpans(
                resource=Resource(attributes=attributes({"service.name": "shop", "service.version": "1.4.0"})),
                scope_spans=[ScopeSpans(scope=InstrumentationScope(name="spancost", version="0.1.0"), spans=spans)],
            )
        ]
    ).SerializeToString()


def baseline(body: bytes) -> bytes:
    return ExportTraceServiceRequest.FromString(body).SerializeToString()


def receiver() -> Callable[[bytes], bytes]:
    normaliser, price, enrich = Normaliser(DIALECTS), Price(FlatBook()), Enricher()

    def process(body: bytes) -> bytes:
        export = Export(body)
        found = [
            (candidate.place, call)
            for candidate in export.candidates(normaliser.markers)
            if (call := normaliser.read(candidate.span, candidate.envelope).call) is not None
        ]
        for (place, _), (_, charge, _) in zip(found, price([call for _, call in found]), strict=True):
            place.append(enrich(charge))
        return export.encode()

    return process


def check(body: bytes, enriched: bytes, *, calls: int) -> None:
    """The enriched request is the original plus our attributes, and the charges are right."""
    before, after = (ExportTraceServiceRequest.FromString(one) for one in (body, enriched))
    priced = 0
    for old, new in zip(
        before.resource_spans[0].scope_spans[0].spans, after.resource_spans[0].scope_spans[0].spans, strict=True
    ):
        added = {pair.key: pair.value.double_value for pair in new.attributes[len(old.attributes) :]}
        if added:
            priced += 1
            n = int.from_bytes(old.span_id, "big")
            expected = ((1200 + n) * 2_500_000 + 300 * 10_000_000) / 10**12
            assert added["spancost.cost.usd"] == expected, (added, expected)
        del new.attributes[len(old.attributes) :]
    assert before == after
    assert priced == calls, (priced, calls)


def microseconds(work: Callable[[bytes], bytes], body: bytes) -> float:
    """CPU time for each span, once around."""
    began = time.process_time()
    for _ in range(REPEATS):
        work(body)
    return (time.process_time() - began) / REPEATS / SPANS * 1e6


def fill(path: Path, rows: int) -> None:
    """Copy the only call of a ledger until there are `rows` of them, all before it."""
    connection = sqlite3.connect(path)
    columns: list[str] = [name for _, name, *_ in connection.execute("PRAGMA table_info(charges)") if name != "id"]
    changed: dict[str, str] = {
        "start_ns": "start_ns - n * 1000000",
        "end_ns": "end_ns - n * 1000000",
        "span_id": "CAST(printf('%08d', n) AS BLOB)",
    }
    connection.execute(
        f"WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < {rows - 1})"
        f" INSERT INTO charges ({', '.join(columns)})"
        f" SELECT {', '.join(changed.get(name, name) for name in columns)} FROM charges, numbers"
    )
    connection.commit()
    connection.close()


class Sink:
    """A next hop that takes everything."""

    def __call__(self, bodies: Sequence[bytes]) -> list[Refusal | None]:
        return [None] * len(bodies)

    def check(self) -> Refusal | None:
        return None


def durable_receiver(ledger: Ledger) -> Pipeline:
    accounts = Accounts(LabelBounds(max_values=100, tenant=False), folded=lambda _dimension, _calls: None)
    accounts.load(ledger.totals(), ledger.credit())
    metrics = ReceiverMetrics(CollectorRegistry())
    return Pipeline(
        normaliser=Normaliser(DIALECTS),
        charging=Charging(
            price=Price(load_book()),
            enricher=Enricher(),
            election=open_election(ledger),
            ledger=ledger,
            accounts=accounts,
            metrics=metrics,
        ),
        metrics=metrics,
        forward=Sink(),
    )


def durable(path: Path, *, rows: int, group: int) -> tuple[float, float]:
    """CPU microseconds a span: the baseline's, and those of everything between the bytes in and the bytes out."""
    if rows:
        with closing(Ledger(path)) as ledger:
            durable_receiver(ledger)([request(count=1)])
        fill(path, rows)
    bodies = [request(first=2 + number * group, count=group) for number in range(DURABLE_SPANS // group)]
    with closing(Ledger(path)) as ledger:
        pipeline = durable_receiver(ledger)
        began = time.process_time()
        for body in bodies:
            baseline(body)
        between = time.process_time()
        for body in bodies:
            answers = pipeline([body])
            assert answers == [None], answers
        ended = time.process_time()
        assert sum(total.calls for total in ledger.totals()) == DURABLE_SPANS + (1 if rows else 0)
    return (between - began) / DURABLE_SPANS * 1e6, (ended - between) / DURABLE_SPANS * 1e6


def main() -> None:
    pure_part()
    durable_path()


def durable_path() -> None:
    print(f"\ndurable, {DURABLE_SPANS} model calls, CPU us a span: median (min-max) of {DURABLE_ROUNDS} rounds")
    print(f"{'calls a group':>13} {'rows before':>12} {'P':>8} {'receiver':>18} {'x P':>6} {'spans/s/core':>13}")
    for group in (512, 16):
        for rows in (0, 1_000_000):
            plain: list[float] = []
            ours: list[float] = []
            for _ in range(DURABLE_ROUNDS):
                with TemporaryDirectory() as folder:
                    one, other = durable(Path(folder) / "ledger.sqlite3", rows=rows, group=group)
                plain.append(one)
                ours.append(other)
            middle = statistics.median(ours)
            print(
                f"{group:>13} {rows:>12,} {statistics.median(plain):>8.2f}"
                f" {middle:>7.2f} ({min(ours):.2f}-{max(ours):.2f})"
                f" {middle / statistics.median(plain):>6.1f} {1e6 / middle:>13,.0f}"
            )


def pure_part() -> None:
    process = receiver()
    print(f"{SPANS}-span requests, CPU us a span: median (min-max) of {ROUNDS} interleaved rounds")
    print(f"{'input':<22} {'bytes/span':>10} {'P':>18} {'receiver':>18} {'x P':>6} {'spans/s/core':>13}")
    for name, every, prompt in (
        ("model calls", 1, ""),
        ("one in five", 5, ""),
        ("with 3 KB prompts", 1, "word " * 600),
    ):
        body = request(every=every, prompt=prompt)
        check(body, process(body), calls=SPANS // every)
        rounds = [(microseconds(baseline, body), microseconds(process, body)) for _ in range(ROUNDS)]
        plain, ours = zip(*rounds, strict=True)
        middle = statistics.median(ours)
        print(
            f"{name:<22} {len(body) // SPANS:>10}"
            f" {statistics.median(plain):>7.2f} ({min(plain):.2f}-{max(plain):.2f})"
            f" {middle:>7.2f} ({min(ours):.2f}-{max(ours):.2f})"
            f" {middle / statistics.median(plain):>6.1f} {1e6 / middle:>13,.0f}"
        )


if __name__ == "__main__":
    main()
