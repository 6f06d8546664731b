"""A tiny price book, official OTLP messages, and receivers and next hops on loopback."""

from __future__ import annotations

import sqlite3
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Any, cast

import grpc
import httpx
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, InstrumentationScope, KeyValue
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, ScopeSpans, Span
from prometheus_client.parser import text_string_to_metric_families
from tests.collector.books import Books
from tests.collector.hops import Counts, Script
from tests.collector.kept import keep, seven_calls

from spancost_collector.config import Address, Settings
from spancost_collector.ledger.report import LedgerReader
from spancost_collector.ledger.writer import Ledger
from spancost_collector.server import Receiver
from spancost_pricing import Charge, LineItem, Rate

if TYPE_CHECKING:
    from pathlib import Path

    from spancost_pricing import Route, TokenClass, Unit, Usage

EXPORT = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"
NOON = 1_795_176_000 * 1_000_000_000  # 2026-11-20T12:00:00Z
ANYWHERE = Address("127.0.0.1", 0)

Scalar = str | bool | int | float


@dataclass
class FixedBook:
    """One model, `acme/one`, in pico-USD a token: input 2,000,000, cache read 200,000, output 8,000,000."""

    rates: Mapping[TokenClass, int] = field(
        default_factory=lambda: {"input": 2_000_000, "cache_read": 200_000, "output": 8_000_000}
    )
    faulty_model: str = "faulty"

    def charge(self, route: Route, usage: Usage | None, ended_ns: int) -> Charge:
        if route.model == self.faulty_model:
            raise RuntimeError("a bug in the book")
        if usage is None:
            return Charge(status="unpriced", reason="no_usage", total_pico=None, items=(), book="book-1", quantities={})
        cached = usage.cache_read_tokens or 0
        used: dict[TokenClass | Unit, Decimal | int] = {
            "input": (usage.input_tokens or 0) - cached,
            "cache_read": cached,
            "output": usage.output_tokens or 0,
        }
        if used["input"] < 0:
            whole: dict[TokenClass | Unit, Decimal | int] = {"input": usage.input_tokens or 0, "output": used["output"]}
            return Charge(
                status="invalid_usage",
                reason="part_exceeds_whole",
                total_pico=None,
                items=(),
                book="book-1",
                quantities=whole,
            )
        if route.model != "one":
            return Charge(
                status="unpriced", reason="unknown_model", total_pico=None, items=(), book="book-1", quantities=used
            )
        items = tuple(
            LineItem(
                Rate(unit, Decimal(rate), f"acme/one:{unit}", None, "user", "prices.yaml: prices[0]"),
                used[unit],
                int(used[unit]) * rate,
            )
            for unit, rate in self.rates.items()
            if used[unit]
        )
        return Charge(
            status="priced",
            reason=None,
            total_pico=sum(item.amount_pico for item in items),
            items=items,
            book="book-1",
            quantities=used,
        )


class Otlp:
    """Builds official OTLP messages."""

    noon = NOON

    def attributes(self, values: Mapping[str, Scalar]) -> list[KeyValue]:
        return [KeyValue(key=key, value=self._value(value)) for key, value in values.items()]

    def span(self, values: Mapping[str, Scalar], *, n: int = 1, start_ns: int = NOON, name: str = "chat one") -> Span:
        """A span with nothing but `values`; `n` makes its id."""
        return Span(
            trace_id=b"\x01" * 16,
            span_id=n.to_bytes(8, "big"),
            name=name,
            kind=Span.SPAN_KIND_CLIENT,
            start_time_unix_nano=start_ns,
            end_time_unix_nano=start_ns + 1_000_000_000,
            attributes=self.attributes(values),
        )

    def call(self, n: int = 1, **extra: Scalar) -> Span:
        """A call of `acme/one`, 1000 tokens in and 10 out: 0.002 + 0.00008 = 0.00208 USD. `a__b` is written `a.b`."""
        values: dict[str, Scalar] = {
            "gen_ai.operation.name": "chat",
            "gen_ai.provider.name": "acme",
            "gen_ai.request.model": "one",
            "gen_ai.usage.input_tokens": 1000,
            "gen_ai.usage.output_tokens": 10,
            "spancost.feature": "search",
        }
        values.update({key.replace("__", "."): value for key, value in extra.items()})
        return self.span(values, n=n)

    def request(
        self, *spans: Span, scope: str = "my.scope", resource: Mapping[str, Scalar] | None = None
    ) -> ExportTraceServiceRequest:
        return ExportTraceServiceRequest(
            resource_spans=[
                ResourceSpans(
                    resource=Resource(attributes=self.attributes(resource or {"service.name": "shop"})),
                    scope_spans=[ScopeSpans(scope=InstrumentationScope(name=scope), spans=spans)],
                )
            ]
        )

    def body(self, *spans: Span) -> bytes:
        return self.request(*spans).SerializeToString()

    @staticmethod
    def _value(value: Scalar) -> AnyValue:
        match value:
            case bool():
                return AnyValue(bool_value=value)
            case int():
                return AnyValue(int_value=value)
            case float():
                return AnyValue(double_value=value)
            case str():
                return AnyValue(string_value=value)


class FlakyLedger(Ledger):
    """A ledger that refuses every commit while another process holds its file."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, busy_seconds=0.05)
        self._holder = sqlite3.connect(path, isolation_level=None)

    def fail(self) -> None:
        self._holder.execute("BEGIN IMMEDIATE")

    def recover(self) -> None:
        self._holder.execute("ROLLBACK")

    def close(self) -> None:
        self._holder.close()
        super().close()


class NextHop:
    """Another OTLP receiver, that keeps what it takes and answers as it is told."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []
        """What was taken."""
        self.answer: Callable[[bytes], bytes | grpc.StatusCode] = lambda _body: b""
        self.details: bytes | None = None
        """`grpc-status-details-bin` of refusals."""
        self._threads = ThreadPoolExecutor(4)
        self._server = grpc.server(self._threads)
        handler: grpc.RpcMethodHandler[bytes, bytes] = grpc.unary_unary_rpc_method_handler(self._export)
        service = EXPORT.split("/")[1]
        self._server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(service, {"Export": handler}),))
        self.address = Address("127.0.0.1", self._server.add_insecure_port("127.0.0.1:0"))
        self._server.start()

    def _export(self, body: bytes, context: grpc.ServicerContext) -> bytes:
        answer = self.answer(body)
        if isinstance(answer, bytes):
            self.bodies.append(body)
            return answer
        context.set_code(answer)
        context.set_details("said the next hop")
        if self.details is not None:
            context.set_trailing_metadata((("grpc-status-details-bin", self.details),))
        return b""

    def spans(self) -> list[Span]:
        """Every span that was taken, as the official messages read it."""
        return [
            span
            for body in self.bodies
            for resource_spans in ExportTraceServiceRequest.FromString(body).resource_spans
            for scope_spans in resource_spans.scope_spans
            for span in scope_spans.spans
        ]

    def stop(self) -> None:
        self._server.stop(None).wait()
        self._threads.shutdown()


class Running:
    """A started receiver and a sender that is connected to it."""

    def __init__(self, receiver: Receiver) -> None:
        self.receiver = receiver
        self._stopped = False
        self._channel = grpc.insecure_channel(
            str(receiver.grpc_address), options=[("grpc.max_send_message_length", -1)]
        )
        self.call: grpc.UnaryUnaryMultiCallable[bytes, bytes] = self._channel.unary_unary(EXPORT)
        receiver.start()

    def export(self, body: bytes) -> grpc.StatusCode:
        """Send a request; the status of the answer."""
        try:
            self.call(body, timeout=20)
        except grpc.RpcError as error:
            return cast("grpc.Call", error).code()
        return grpc.StatusCode.OK

    def get(self, path: str, accept: str = "text/plain") -> tuple[int, str, str]:
        """Status, content type and text of a page."""
        url = f"http://{self.receiver.web_address}{path}"
        try:
            with urllib.request.urlopen(urllib.request.Request(url, headers={"Accept": accept}), timeout=20) as page:
                return page.status, page.headers["Content-Type"], page.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.headers["Content-Type"], error.read().decode()

    def metric(self, name: str, **labels: str) -> dict[tuple[str, ...], float]:
        """The samples of a metric that have `labels`, by their remaining label values in order of label name."""
        found: dict[tuple[str, ...], float] = {}
        for family in text_string_to_metric_families(self.get("/metrics")[2]):
            for sample in family.samples:
                if sample.name == name and labels.items() <= sample.labels.items():
                    rest = tuple(value for key, value in sorted(sample.labels.items()) if key not in labels and value)
                    found[rest] = sample.value
        return found

    def stop(self, grace: float = 5.0) -> None:
        if not self._stopped:
            self._stopped = True
            self.receiver.stop(grace)
            self._channel.close()


@pytest.fixture
def book() -> FixedBook:
    return FixedBook()


@pytest.fixture
def otlp() -> Otlp:
    return Otlp()


@pytest.fixture
def next_hop() -> Iterator[NextHop]:
    hop = NextHop()
    yield hop
    hop.stop()


@pytest.fixture
def ledger(tmp_path: Path) -> FlakyLedger:
    return FlakyLedger(tmp_path / "ledger.sqlite3")


@pytest.fixture
def counts() -> Counts:
    return Counts()


@pytest.fixture
def script() -> Script:
    return Script()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the ledger of `books` and `reader` is."""
    return tmp_path / "ledger.sqlite3"


@pytest.fixture
def books(path: Path, book: FixedBook) -> Iterator[Books]:
    opened = Books(path, book)
    yield opened
    opened.close()


@pytest.fixture
def reader(path: Path) -> Iterator[LedgerReader]:
    """A ledger of seven calls, for reports."""
    keep(path, seven_calls())
    opened = LedgerReader(path)
    yield opened
    opened.close()


Write = Callable[[str], "Path"]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Writes a configuration file; its path."""

    def one(text: str) -> Path:
        path = tmp_path / "spancost.yaml"
        path.write_text(text)
        return path

    return one


Launch = Callable[..., Running]


@pytest.fixture
def launch(ledger: FlakyLedger, book: FixedBook, tmp_path: Path) -> Iterator[Launch]:
    """Starts receivers, on any free ports and over the `ledger` fixture unless told otherwise."""
    started: list[Running] = []

    def launch_one(*, kept: Ledger | None = None, **settings: object) -> Running:
        listeners = {"grpc": {"listen": ANYWHERE}, "http": {"listen": "off"}, "web": {"listen": ANYWHERE}}
        chosen = Settings.model_validate({"ledger": tmp_path / "ledger.sqlite3", **listeners, **settings})
        started.append(Running(Receiver(chosen, book=book, ledger=kept or ledger)))
        return started[-1]

    yield launch_one
    for running in started:
        running.stop()
    ledger.close()


class Sender:
    """A receiver that takes OTLP/HTTP, and a client of it."""

    def __init__(self, running: Running) -> None:
        self.running = running
        self.address = running.receiver.http_address
        self.client = httpx.Client(base_url=f"http://{self.address}", timeout=20)

    def post(
        self, body: bytes, kind: str = "application/x-protobuf", path: str = "/v1/traces", **headers: str
    ) -> httpx.Response:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.client.post(path, content=body, headers={"content-type": kind, **named})

    def calls(self) -> float:
        return sum(self.running.metric("spancost_calls_total").values())

    def rejected(self, reason: str) -> float:
        return self.running.metric("spancost_receiver_rejected_requests_total", reason=reason)[()]


@pytest.fixture
def listen(launch: Launch) -> Iterator[Any]:
    senders: list[Sender] = []

    def one(**settings: Any) -> Sender:
        http = {"listen": "127.0.0.1:0", **settings.pop("http", {})}
        senders.append(Sender(launch(http=http, **settings)))
        return senders[-1]

    yield one
    for sender in senders:
        sender.client.close()
