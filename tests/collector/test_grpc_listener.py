"""The gRPC listener beside plain exports: who is let in, what is told to whom, and what tools find there."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, cast

import grpc
import pytest
from grpc_health.v1 import health_pb2
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord, ResourceLogs, ScopeLogs
from opentelemetry.proto.metrics.v1.metrics_pb2 import Metric, NumberDataPoint, ResourceMetrics, ScopeMetrics, Sum
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from google.protobuf.message import Message
    from tests.collector.conftest import FlakyLedger, Launch, NextHop, Otlp, Running

    Connect = Callable[[Running], grpc.Channel]

TRACES = "opentelemetry.proto.collector.trace.v1.TraceService"
# google.rpc.RetryInfo{retry_delay{seconds: 2}} as the payload of an Any
RETRY_IN_TWO_SECONDS = b"type.googleapis.com/google.rpc.RetryInfo\x12\x04\x0a\x02\x08\x02"


@pytest.fixture
def connect() -> Iterator[Connect]:
    channels: list[grpc.Channel] = []

    def one(running: Running) -> grpc.Channel:
        channels.append(
            grpc.insecure_channel(str(running.receiver.grpc_address), options=[("grpc.max_send_message_length", -1)])
        )
        return channels[-1]

    yield one
    for channel in channels:
        channel.close()


def refusal(channel: grpc.Channel, method: str = f"/{TRACES}/Export", body: bytes = b"", **options: Any) -> grpc.Call:
    """How a call that is refused ends."""
    export: grpc.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(method)
    with pytest.raises(grpc.RpcError) as refused:
        export(body, timeout=20, **options)
    return cast("grpc.Call", refused.value)


def details(call: grpc.Call) -> bytes:
    return dict(cast("Iterable[tuple[str, bytes]]", call.trailing_metadata())).get("grpc-status-details-bin", b"")


def rejected(running: Running, reason: str) -> float:
    return running.metric("spancost_receiver_rejected_requests_total", reason=reason)[()]


def serving(channel: grpc.Channel, service: str = "") -> str:
    check: grpc.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary("/grpc.health.v1.Health/Check")
    return status(check(health_pb2.HealthCheckRequest(service=service).SerializeToString(), timeout=20))


def status(answer: bytes) -> str:
    return health_pb2.HealthCheckResponse.ServingStatus.Name(health_pb2.HealthCheckResponse.FromString(answer).status)


@pytest.mark.parametrize("compression", [grpc.Compression.NoCompression, grpc.Compression.Gzip])
def test_a_real_exporter_is_understood(launch: Launch, compression: grpc.Compression) -> None:
    running = launch(grpc={"listen": "127.0.0.1:0", "tokens": ["a-token"]})
    exporter = OTLPSpanExporter(
        f"http://{running.receiver.grpc_address}",
        headers={"authorization": "Bearer a-token"},
        compression=compression,
        insecure=True,
    )
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))

    with provider.get_tracer("t").start_as_current_span("chat one") as span:
        span.set_attribute("gen_ai.operation.name", "chat")
        span.set_attribute("gen_ai.provider.name", "acme")
        span.set_attribute("gen_ai.request.model", "one")
        span.set_attribute("gen_ai.usage.input_tokens", 1000)
    provider.shutdown()

    assert sum(running.metric("spancost_cost_usd_total", token_class="input").values()) == 0.002


@pytest.mark.parametrize(
    ("service", "request_", "message"),
    [
        (
            "logs.v1.LogsService",
            ExportLogsServiceRequest(
                resource_logs=[ResourceLogs(scope_logs=[ScopeLogs(log_records=[LogRecord(severity_text="INFO")])])]
            ),
            "spancost takes traces, not logs (but coding agents' own); send logs elsewhere",
        ),
        (
            "metrics.v1.MetricsService",
            ExportMetricsServiceRequest(
                resource_metrics=[
                    ResourceMetrics(
                        scope_metrics=[
                            ScopeMetrics(
                                metrics=[Metric(name="http.requests", sum=Sum(data_points=[NumberDataPoint(as_int=1)]))]
                            )
                        ]
                    )
                ]
            ),
            "spancost takes traces, not metrics (but coding agents' own); send metrics elsewhere",
        ),
    ],
    ids=["logs", "metrics"],
)
def test_other_signals_are_refused_with_a_reason(
    launch: Launch, connect: Connect, service: str, request_: Message, message: str
) -> None:
    running = launch()

    call = refusal(connect(running), f"/opentelemetry.proto.collector.{service}/Export", request_.SerializeToString())

    assert call.code() is grpc.StatusCode.UNIMPLEMENTED
    assert message in (call.details() or "")
    assert rejected(running, "not_taken") == 1


@pytest.mark.parametrize("metadata", [None, (("authorization", "Bearer wrong"),), (("authorization", "good"),)])
def test_whoever_has_no_token_is_refused_before_anything_is_read(
    launch: Launch, connect: Connect, otlp: Otlp, metadata: object
) -> None:
    running = launch(grpc={"listen": "127.0.0.1:0", "tokens": ["old", "good"]})
    channel = connect(running)

    call = refusal(channel, body=otlp.body(otlp.call()), metadata=metadata)

    assert call.code() is grpc.StatusCode.UNAUTHENTICATED
    assert "Authorization: Bearer TOKEN" in (call.details() or "")
    assert rejected(running, "unauthenticated") == 1
    assert running.metric("spancost_calls_total") == {}
    assert serving(channel) == "SERVING"


@pytest.mark.parametrize("token", ["old", "good"])
def test_every_token_lets_in(launch: Launch, connect: Connect, otlp: Otlp, token: str) -> None:
    running = launch(grpc={"listen": "127.0.0.1:0", "tokens": ["old", "good"]})
    export: grpc.UnaryUnaryMultiCallable[bytes, bytes] = connect(running).unary_unary(f"/{TRACES}/Export")

    export(otlp.body(otlp.call()), timeout=20, metadata=(("authorization", f"Bearer {token}"),))

    assert list(running.metric("spancost_calls_total").values()) == [1]


def test_more_requests_than_may_wait_are_told_to_come_back(
    launch: Launch, connect: Connect, otlp: Otlp, next_hop: NextHop
) -> None:
    running = launch(forward=str(next_hop.address), intake={"max_concurrent_requests": 1, "max_waiting_requests": 0})
    asked, release = threading.Event(), threading.Event()

    def hang(_body: bytes) -> bytes:
        asked.set()
        release.wait(20)
        return b""

    next_hop.answer = hang
    channel = connect(running)
    with ThreadPoolExecutor(1) as others:
        first = others.submit(running.export, otlp.body(otlp.call(1)))
        assert asked.wait(10)
        call = refusal(channel, body=otlp.body(otlp.call(2)))
        release.set()

    assert first.result() is grpc.StatusCode.OK
    assert call.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert RETRY_IN_TWO_SECONDS in details(call)
    assert rejected(running, "overloaded") == 1
    assert running.export(otlp.body(otlp.call(2))) is grpc.StatusCode.OK


def test_a_request_that_is_too_large_is_refused_for_good_and_counted(
    launch: Launch, connect: Connect, otlp: Otlp
) -> None:
    running = launch(intake={"max_message_bytes": 100_000})
    body = otlp.body(otlp.call(gen_ai__input__messages="x" * 100_000))
    channel = connect(running)

    plain = refusal(channel, body=body)
    packed = refusal(channel, body=body, compression=grpc.Compression.Gzip)

    assert [call.code() for call in (plain, packed)] == [grpc.StatusCode.RESOURCE_EXHAUSTED] * 2
    assert [details(call) for call in (plain, packed)] == [b"", b""]  # no RetryInfo: the sender is not to try again
    deadline = time.monotonic() + 10
    while rejected(running, "incomplete") < 2 and time.monotonic() < deadline:
        time.sleep(0.02)
    assert rejected(running, "incomplete") == 2
    assert running.export(otlp.body(otlp.call())) is grpc.StatusCode.OK


def test_health_is_what_an_export_would_meet(launch: Launch, connect: Connect, ledger: FlakyLedger) -> None:
    running = launch()
    channel = connect(running)
    found = [serving(channel), serving(channel, TRACES)]

    ledger.fail()
    found.append(serving(channel))
    ledger.recover()
    found.append(serving(channel))

    assert found == ["SERVING", "SERVING", "NOT_SERVING", "SERVING"]


def test_health_is_answered_while_every_other_thread_waits(
    launch: Launch, connect: Connect, otlp: Otlp, next_hop: NextHop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("spancost_collector.front.CHECK_SECONDS", 0.2)
    running = launch(forward=str(next_hop.address), intake={"max_concurrent_requests": 1})
    asked, release = threading.Event(), threading.Event()

    def hang(_body: bytes) -> bytes:
        asked.set()
        release.wait(20)
        return b""

    next_hop.answer = hang
    channel = connect(running)
    with ThreadPoolExecutor(2) as others:
        exports = [others.submit(running.export, otlp.body(otlp.call(n))) for n in (1, 2)]
        assert asked.wait(10)
        found = serving(channel)  # the pipeline is stuck in the next hop for longer than a check waits
        release.set()

    assert found == "NOT_SERVING"
    assert [export.result() for export in exports] == [grpc.StatusCode.OK] * 2


def test_whoever_watches_health_hears_what_checks_find(launch: Launch, connect: Connect, ledger: FlakyLedger) -> None:
    running = launch()
    channel = connect(running)
    watch: grpc.UnaryStreamMultiCallable[bytes, bytes] = channel.unary_stream("/grpc.health.v1.Health/Watch")
    answers = watch(b"", timeout=20)
    heard = [status(next(answers))]

    running.get("/readyz")
    heard.append(status(next(answers)))
    ledger.fail()
    running.get("/readyz")
    heard.append(status(next(answers)))
    answers.cancel()

    assert heard == ["NOT_SERVING", "SERVING", "NOT_SERVING"]


def test_reflection_names_the_services_and_describes_the_request(launch: Launch, connect: Connect) -> None:
    database = ProtoReflectionDescriptorDatabase(connect(launch()))

    assert set(database.get_services()) >= {TRACES, "grpc.health.v1.Health"}
    described = database.FindFileContainingSymbol(TRACES)
    assert described.message_type[0].name == "ExportTraceServiceRequest"


def test_whoever_keeps_a_reflection_open_keeps_nobody_else_waiting(
    launch: Launch, connect: Connect, otlp: Otlp
) -> None:
    running = launch(intake={"max_concurrent_requests": 1})
    channel = connect(running)
    closed = threading.Event()

    def never_ending() -> Iterator[bytes]:
        closed.wait(20)
        yield b""

    describe: grpc.StreamStreamMultiCallable[bytes, bytes] = channel.stream_stream(
        "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo"
    )
    streams = [describe(never_ending()) for _ in range(3)]
    try:
        assert running.export(otlp.body(otlp.call())) is grpc.StatusCode.OK
        assert serving(channel) == "SERVING"
    finally:
        closed.set()
        for stream in streams:
            stream.cancel()


def test_reflection_can_be_switched_off(launch: Launch, connect: Connect) -> None:
    running = launch(grpc={"listen": "127.0.0.1:0", "reflection": False})

    call = refusal(connect(running), "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo")

    assert call.code() is grpc.StatusCode.UNIMPLEMENTED


def test_calls_without_a_message_do_not_keep_others_out(
    launch: Launch, connect: Connect, otlp: Otlp, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("spancost_collector.intake.otlp_grpc.ARRIVAL_SECONDS", 0.5)
    running = launch(intake={"max_concurrent_requests": 2, "max_waiting_requests": 1})
    over = threading.Event()

    def nothing() -> Iterator[bytes]:
        over.wait()
        yield b""

    silent: grpc.StreamUnaryMultiCallable[bytes, bytes] = connect(running).stream_unary(f"/{TRACES}/Export")
    calls = [silent.future(nothing()) for _ in range(2)]
    time.sleep(0.2)  # they hold all the threads

    assert running.export(otlp.body(otlp.call())) == grpc.StatusCode.OK
    assert [call.code() for call in calls] == [grpc.StatusCode.CANCELLED, grpc.StatusCode.CANCELLED]
    assert rejected(running, "incomplete") == 2
    over.set()


def test_connections_that_nobody_uses_are_closed_and_made_again(
    launch: Launch, connect: Connect, otlp: Otlp, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("spancost_collector.intake.otlp_grpc.IDLE_SECONDS", 0.1)
    channel = connect(launch())
    closed = threading.Event()
    states: list[grpc.ChannelConnectivity] = []

    def watch(state: grpc.ChannelConnectivity) -> None:
        states.append(state)
        if state is grpc.ChannelConnectivity.IDLE and grpc.ChannelConnectivity.READY in states:
            closed.set()

    channel.subscribe(watch)
    export: grpc.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(f"/{TRACES}/Export")

    assert export(otlp.body(otlp.call())) == b""
    assert closed.wait(20)
    assert export(otlp.body(otlp.call(2))) == b""


def test_a_call_that_ends_without_a_message_is_not_acknowledged(launch: Launch, connect: Connect) -> None:
    running = launch()
    export: grpc.StreamUnaryMultiCallable[bytes, bytes] = connect(running).stream_unary(f"/{TRACES}/Export")

    with pytest.raises(grpc.RpcError) as refused:
        export(iter(()), timeout=20)

    assert cast("grpc.Call", refused.value).code() == grpc.StatusCode.CANCELLED
    assert rejected(running, "incomplete") == 1
