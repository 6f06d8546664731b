"""Logs and metrics of coding agents on both protocols: charged once, not passed on, kept apart where a plan pays."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, cast

import grpc
import httpx
import pytest
from google.protobuf import json_format
from opentelemetry._logs import LogRecord
from opentelemetry.exporter.otlp.proto.grpc._log_exporter import OTLPLogExporter
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import SimpleLogRecordProcessor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from tests.collector.agents import CLAUDE_EVENTS, CUMULATIVE, event, logs, metrics, request_event, total
from tests.collector.conftest import NOON, FixedBook
from typer.testing import CliRunner

from spancost_collector.cli import app
from spancost_collector.ledger.repricing import reprice

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.collector.conftest import Launch, NextHop, Otlp, Running

LOGS = "/opentelemetry.proto.collector.logs.v1.LogsService/Export"
METRICS = "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export"
JSON = {"content-type": "application/json"}
# 504 in at 2 USD, 2,000 read at 0.2 and 97 out at 8 USD the million, and 1,000 written, which count as input here
COST = 0.003008 + 0.0004 + 0.000776
RESOURCE = {"service.name": "claude-code", "vcs.owner.name": "acme", "vcs.repository.name": "shop"}
OTHERS = ExportMetricsServiceRequest.FromString(metrics(total("http.requests", {"": 9.0}, {}), scope="web"))


def as_json(message: ExportLogsServiceRequest | ExportMetricsServiceRequest) -> bytes:
    return json_format.MessageToJson(message).encode()


class Sender:
    """Sends to one receiver by gRPC and by HTTP."""

    def __init__(self, running: Running, ledger: Path) -> None:
        self.running = running
        self._ledger = ledger
        self._channel = grpc.insecure_channel(str(running.receiver.grpc_address))
        self._client = httpx.Client(base_url=f"http://{running.receiver.http_address}", timeout=20)

    def call(self, method: str, body: bytes) -> tuple[grpc.StatusCode, str]:
        """Status and message of an export over gRPC."""
        export: grpc.UnaryUnaryMultiCallable[bytes, bytes] = self._channel.unary_unary(method)
        try:
            export(body, timeout=20)
        except grpc.RpcError as error:
            refusal = cast("grpc.Call", error)
            return refusal.code(), refusal.details() or ""
        return grpc.StatusCode.OK, ""

    def post(self, path: str, body: bytes) -> httpx.Response:
        """The answer to a post of JSON."""
        return self._client.post(path, content=body, headers=JSON)

    def cost(self, metric: str = "spancost_cost_usd_total") -> float:
        return sum(self.running.metric(metric).values())

    def calls(self) -> float:
        return sum(self.running.metric("spancost_calls_total").values())

    def table(self, *arguments: str) -> str:
        """What `spancost report` prints."""
        result = CliRunner().invoke(app, ["report", *arguments, "--ledger", str(self._ledger)])
        assert result.exit_code == 0, result.output
        return result.output

    def report(self, by: str) -> Any:
        """The same as JSON."""
        return json.loads(self.table("--by", by, "--json"))

    def close(self) -> None:
        self._channel.close()
        self._client.close()


@pytest.fixture
def listen(launch: Launch, tmp_path: Path) -> Iterator[Any]:
    senders: list[Sender] = []

    def one(**settings: object) -> Sender:
        senders.append(Sender(launch(http={"listen": "127.0.0.1:0"}, **settings), tmp_path / "ledger.sqlite3"))
        return senders[-1]

    yield one
    for sender in senders:
        sender.close()


def request(**changes: Any) -> bytes:
    return logs(event(request_event(**changes)), scope=CLAUDE_EVENTS, resource=RESOURCE)


def test_logs_are_charged_once_however_they_come_and_not_passed_on(listen: Any, next_hop: NextHop, otlp: Otlp) -> None:
    sender = listen(forward=str(next_hop.address))

    assert sender.call(LOGS, request())[0] is grpc.StatusCode.OK
    assert sender.post("/v1/logs", as_json(ExportLogsServiceRequest.FromString(request()))).status_code == 200
    assert sender.running.export(otlp.body(otlp.call(9))) is grpc.StatusCode.OK

    assert sender.cost() == pytest.approx(COST + 0.00208)
    assert sender.calls() == 2
    assert [span.span_id for span in next_hop.spans()] == [(9).to_bytes(8, "big")]
    assert sender.running.metric("spancost_receiver_agent_records_total", signal="logs", kind="call") == {(): 2}


def test_real_exporters_are_understood(listen: Any) -> None:
    sender = listen()
    grpc_address, http_address = sender.running.receiver.grpc_address, sender.running.receiver.http_address
    log_provider = LoggerProvider()
    log_provider.add_log_record_processor(
        SimpleLogRecordProcessor(OTLPLogExporter(f"http://{grpc_address}", insecure=True))
    )
    reader = PeriodicExportingMetricReader(OTLPMetricExporter(f"http://{http_address}/v1/metrics"))
    meter_provider = MeterProvider([reader])

    log_provider.get_logger(CLAUDE_EVENTS).emit(LogRecord(timestamp=NOON, attributes=request_event()))
    tokens = meter_provider.get_meter("gemini-cli").create_counter("gemini_cli.token.usage")
    tokens.add(1000, {"session.id": "run-2", "model": "one", "type": "input"})
    tokens.add(10, {"session.id": "run-2", "model": "one", "type": "output"})
    log_provider.shutdown()
    meter_provider.shutdown()

    assert sender.calls() == 2
    assert sender.cost() == pytest.approx(COST + 0.00208)


def test_ids_in_json_are_hexadecimal(listen: Any) -> None:
    sender = listen()
    document = json.loads(as_json(ExportLogsServiceRequest.FromString(request())))
    record = document["resourceLogs"][0]["scopeLogs"][0]["logRecords"][0]
    record |= {"traceId": "07" * 16, "spanId": "08" * 8}

    assert sender.post("/v1/logs", json.dumps(document).encode()).status_code == 200

    found = sender.report("trace")
    assert found["rows"][0]["trace"] == "07" * 16


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"[]",
        b'{"resourceLogs": 3}',
        b'{"resourceLogs": [{"scopeLogs": "x"}]}',
        b'{"resourceLogs": [{"scopeLogs": [{"logRecords": [{"severityNumber": 1e999}]}]}]}',
    ],
)
def test_json_that_is_no_request_is_malformed(listen: Any, body: bytes) -> None:
    answer = listen().post("/v1/logs", body)

    assert answer.status_code == 400
    assert answer.json()["message"].startswith(f"ExportLogsServiceRequest of {len(body)} bytes: ")


def test_sums_are_charged_until_an_event_of_the_run_comes(listen: Any) -> None:
    sender = listen()
    common = {"session.id": "run-1", "organization.id": "org-1", "query_source": "main", "model": "one"}
    used = {"input": 1000.0, "output": 10.0}

    first = sender.call(METRICS, metrics(total("claude_code.token.usage", used, common), resource=RESOURCE))
    charged = sender.cost()
    second = sender.call(LOGS, request())

    assert (first[0], second[0]) == (grpc.StatusCode.OK, grpc.StatusCode.OK)
    assert charged == pytest.approx(0.00208)
    assert sender.cost() == pytest.approx(COST)
    (row,) = sender.report("session")["rows"]
    assert (row["session"], row["calls"], row["cost_usd"]) == ("run-1", 1, "0.004184")


def test_sums_since_a_start_are_charged_as_far_as_they_have_come(listen: Any) -> None:
    sender = listen()

    for until, tokens in ((10, 1000.0), (20, 1000.0), (30, 3000.0), (25, 2000.0)):
        used = {"input": tokens, "output": tokens / 100}
        common = {"session.id": "run-1", "model": "one"}
        found = total("gemini_cli.token.usage", used, common, until=until, temporality=CUMULATIVE)
        assert sender.call(METRICS, metrics(found, scope="gemini-cli"))[0] is grpc.StatusCode.OK

    assert sender.cost() == pytest.approx(3 * 0.00208)
    (row,) = sender.report("session")["rows"]
    assert (row["calls"], row["input_tokens"], row["cost_usd"]) == (1, 3000, "0.00624")


@pytest.mark.parametrize(
    ("path", "body", "message"),
    [
        ("/v1/logs", b'{"resourceLogs": [{"scopeLogs": [{"logRecords": [{"severityText": "INFO"}]}]}]}', "send logs"),
        ("/v1/metrics", as_json(OTHERS), "send metrics elsewhere, or switch them off at the sender"),
    ],
)
def test_what_is_of_no_coding_agent_is_refused_with_what_to_do(
    listen: Any, path: str, body: bytes, message: str
) -> None:
    answer = listen().post(path, body)

    assert answer.status_code == 404
    assert message in answer.json()["message"]


def test_what_agents_say_beside_their_calls_is_taken_for_done_with(listen: Any) -> None:
    sender = listen()
    prompt = logs(event({"event.name": "user_prompt", "session.id": "run-1"}), scope=CLAUDE_EVENTS)

    assert sender.call(LOGS, prompt)[0] is grpc.StatusCode.OK
    assert sender.calls() == 0


def test_a_request_is_sent_again_where_the_ledger_did_not_keep_it(listen: Any, ledger: Any) -> None:
    sender = listen()
    ledger.fail()

    status, _ = sender.call(LOGS, request())

    ledger.recover()
    assert status is grpc.StatusCode.UNAVAILABLE
    assert sender.call(LOGS, request())[0] is grpc.StatusCode.OK
    assert sender.calls() == 1


def test_what_a_subscription_covers_is_a_row_of_its_own_and_no_spend(listen: Any) -> None:
    sender = listen(subscriptions=[{"agent": "claude_code", "organization": "org-*"}, {"user": "nobody"}])

    sender.call(LOGS, request())
    sender.call(LOGS, request(organization__id="other", event__sequence=5, request_id="req_abcdefghij0123456789"))

    assert sender.cost() == pytest.approx(COST)
    assert sender.cost("spancost_imputed_usd_total") == pytest.approx(COST)
    found = sender.report("user,repository,model")
    spent, imputed = found["rows"]
    assert (spent["repository"], spent["cost_usd"], spent["imputed_usd"]) == ("acme/shop", "0.004184", None)
    assert (imputed["user"], imputed["cost_usd"], imputed["imputed_usd"]) == ("dev@example.com", None, "0.004184")
    assert (found["total"]["cost_usd"], found["total"]["imputed_usd"]) == ("0.004184", "0.004184")
    assert found["total"]["calls"] == 2
    assert found["unpriced"] == []


def test_repricing_leaves_imputed_what_was(listen: Any, tmp_path: Path) -> None:
    sender = listen(subscriptions=[{"user": "dev@*"}])
    sender.call(LOGS, request())
    sender.running.stop()

    dearer = FixedBook({"input": 4_000_000, "cache_read": 400_000, "output": 16_000_000})
    reprice(tmp_path / "ledger.sqlite3", dearer, since_ns=0)

    total_row = sender.report("model")["total"]
    assert (total_row["cost_usd"], total_row["imputed_usd"]) == ("0", "0.008368")


def test_the_table_says_what_is_imputed_and_leaves_it_out_of_the_total(listen: Any) -> None:
    sender = listen(subscriptions=[{"service": "claude-code"}])
    sender.call(LOGS, request())

    lines = [" ".join(line.split()) for line in sender.table("--by", "model").splitlines() if line]

    assert lines[1:] == [
        "one 1 0 3,504 97 imputed 0.004184",
        "total 1 0 3,504 97 0.000000",
        "Not in the total: 0.004184 USD imputed, for calls that a subscription covers",
    ]
