"""`spancost doctor --otlp` says of each span how it was read, and what is charged or not, and why."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from google.protobuf import json_format
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from tests.collector.agents import CLAUDE_EVENTS, event, logs, metrics, request_event, total
from typer.testing import CliRunner

from spancost_collector.cli import app
from spancost_collector.cli.findings import summary
from spancost_collector.config.settings import Settings
from spancost_collector.diagnosis import Examination
from spancost_collector.election import Election
from spancost_collector.front import configured_normaliser
from spancost_collector.price import Price
from spancost_pricing import ConfigError, load_book

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from opentelemetry.proto.trace.v1.trace_pb2 import Span
    from tests.collector.conftest import Otlp, Scalar

    from spancost_collector.call import Charged, ModelCall

CALL: dict[str, Scalar] = {
    "gen_ai.operation.name": "chat",
    "gen_ai.provider.name": "anthropic",
    "gen_ai.request.model": "claude-sonnet-4-5-20250929",
    "gen_ai.response.id": "msg_1",
    "gen_ai.usage.input_tokens": 504,
    "gen_ai.usage.output_tokens": 97,
}


def run(*arguments: str) -> str:
    result = CliRunner().invoke(app, ["doctor", *arguments])
    assert result.exit_code == 0, result.output
    return result.stdout


def refused(*arguments: str) -> str:
    result = CliRunner().invoke(app, ["doctor", *arguments])
    assert isinstance(result.exception, ConfigError)
    return str(result.exception)


def findings(path: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(run("--otlp", str(path), "--json"))["findings"]
    return found


@pytest.fixture
def spans(otlp: Otlp) -> list[Span]:
    """A call, another emitter's description of it, a tool, and something else altogether."""
    described = otlp.span(
        {
            "openinference.span.kind": "LLM",
            "llm.provider": "anthropic",
            "llm.model_name": "claude-sonnet-4-5-20250929",
            "llm.token_count.prompt": 504,
            "llm.token_count.completion": 97,
            "llm.response.id": "msg_1",
            "llm.cost.total": 0.5,
        },
        n=2,
        name="Messages",
    )
    tool = otlp.span({"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "weather"}, n=3, name="weather")
    other = otlp.span({"http.route": "/"}, n=4, name="GET /")
    richer: dict[str, Scalar] = {"spancost.feature": "search", "gen_ai.usage.cache_read.input_tokens": 0}
    return [otlp.span({**CALL, **richer}), described, tool, other]


@pytest.fixture
def file(otlp: Otlp, spans: list[Span], tmp_path: Path) -> Path:
    path = tmp_path / "spans.pb"
    path.write_bytes(
        otlp.request(spans[0], spans[2], spans[3], scope="spancost").SerializeToString()
        + otlp.request(spans[1], scope="openinference.instrumentation.anthropic").SerializeToString()
    )
    return path


def test_each_span_is_said_to_be_charged_or_not_and_why(file: Path) -> None:
    call, tool, described = findings(file)

    # 504 x 3 and 97 x 15 USD the million.
    assert (call["verdict"], call["cost_usd"], call["status"]) == ("charged", "0.002967", "priced")
    assert (call["dialect"], call["usage"]) == (
        "otel",
        {
            "input_tokens": "504",
            "cache_read_tokens": "0",
            "output_tokens": "97",
        },
    )
    assert call["attribution"] == {"feature": "search"}
    assert (tool["verdict"], tool["why"]) == (
        "no model call",
        "read as otel, its operation 'execute_tool' is none that is paid for",
    )
    assert (described["verdict"], described["dialect"], described["quoted_usd"]) == (
        "not charged",
        "openinference",
        "0.5",
    )
    assert described["why"] == "it describes the same call as span 0000000000000001, which is charged"


def test_names_that_would_steer_a_terminal_are_shown_as_text(otlp: Otlp, tmp_path: Path) -> None:
    path = tmp_path / "spans.pb"
    span = otlp.span({**CALL, "spancost.feature": "[/red]\nsearch"}, name="\x1b[2Jchat :free:")
    path.write_bytes(otlp.request(span).SerializeToString())
    said = run("--otlp", str(path)).splitlines()

    assert said[0].startswith("\\x1b[2Jchat :free:  trace ")
    assert "  paid by       feature [/red]\\nsearch" in said


def test_people_read_a_paragraph_for_each_span_and_a_sum_at_the_end(file: Path) -> None:
    said = run("--otlp", str(file)).splitlines()

    assert said[:6] == [
        "chat one  trace 01010101010101010101010101010101 span 0000000000000001",
        "  from scope    spancost",
        "  read as       otel",
        "  call          chat by anthropic with claude-sonnet-4-5-20250929 response msg_1",
        "  tokens        input 504, cache read 0, output 97",
        "  paid by       feature search",
    ]
    assert said[6].startswith("  charged       0.002967 USD, priced")
    assert "  quoted        0.5 USD by openinference, kept beside and never added" in said
    assert said[-1] == (
        "4 spans: 1 charged, 0.002967 USD together; 0 unpriced; 0 with usage that cannot be; 1 not charged;"
        " 0 unreadable; 1 that mention model calls and are none; 1 others"
    )


def test_calls_without_an_amount_are_not_counted_as_charged(otlp: Otlp, tmp_path: Path) -> None:
    path = tmp_path / "spans.pb"
    unknown = {**CALL, "gen_ai.request.model": "nobody-knows", "gen_ai.response.id": "msg_2"}
    path.write_bytes(otlp.request(otlp.span(CALL), otlp.span(unknown, n=2)).SerializeToString())
    document = json.loads(run("--otlp", str(path), "--json"))

    assert run("--otlp", str(path)).splitlines()[-1] == (
        "2 spans: 1 charged, 0.002967 USD together; 1 unpriced; 0 with usage that cannot be; 0 not charged;"
        " 0 unreadable; 0 that mention model calls and are none; 0 others"
    )
    assert [document[name] for name in ("charged", "unpriced", "invalid_usage")] == [1, 1, 0]


def test_calls_with_usage_that_cannot_be_are_counted_by_themselves(otlp: Otlp) -> None:
    price = Price(load_book())

    def contradicted(calls: Sequence[ModelCall]) -> list[Charged]:
        """Readers set most contradictions right before; this is how the rest of them ends."""
        return [
            one._replace(charge=one.charge._replace(status="invalid_usage", total_pico=None)) for one in price(calls)
        ]

    examine = Examination(configured_normaliser(Settings()), Election(), contradicted)
    examine([otlp.request(otlp.span(CALL)).SerializeToString()])

    assert summary(examine.sums()) == (
        "1 spans: 0 charged, 0 USD together; 0 unpriced; 1 with usage that cannot be; 0 not charged;"
        " 0 unreadable; 0 that mention model calls and are none; 0 others"
    )


def test_a_configuration_decides_how_spans_are_read(otlp: Otlp, tmp_path: Path) -> None:
    path, config = tmp_path / "spans.pb", tmp_path / "spancost.yaml"
    path.write_bytes(otlp.body(otlp.span({**CALL, "app.feature": "search"})))
    config.write_text("attribution: {keys: {feature: [app.feature]}}\n")

    assert findings(path)[0]["attribution"] == {}
    (found,) = json.loads(run("--otlp", str(path), "--config", str(config), "--json"))["findings"]
    assert found["attribution"] == {"feature": "search"}


def as_json(otlp: Otlp, span: Span) -> dict[str, Any]:
    return {
        "resourceSpans": [
            {
                "scopeSpans": [
                    {
                        "scope": {"name": "spancost"},
                        "spans": [
                            {
                                "traceId": span.trace_id.hex(),
                                "spanId": span.span_id.hex(),
                                "startTimeUnixNano": str(span.start_time_unix_nano),
                                "endTimeUnixNano": str(span.end_time_unix_nano),
                                "name": span.name,
                                "attributes": [
                                    {"key": "gen_ai.operation.name", "value": {"stringValue": "chat"}},
                                    {"key": "gen_ai.provider.name", "value": {"stringValue": "anthropic"}},
                                    {"key": "gen_ai.request.model", "value": {"stringValue": "claude-sonnet-4-5"}},
                                    {"key": "gen_ai.usage.input_tokens", "value": {"intValue": "504"}},
                                    {"key": "gen_ai.usage.output_tokens", "value": {"intValue": "97"}},
                                ],
                            }
                        ],
                    }
                ]
            }
        ]
    }


def test_a_byte_order_mark_before_json_is_passed_over(otlp: Otlp, tmp_path: Path) -> None:
    path = tmp_path / "spans.json"
    path.write_text("\ufeff" + json.dumps(as_json(otlp, otlp.span(CALL))), encoding="utf-8")

    assert [one["cost_usd"] for one in findings(path)] == ["0.002967"]


@pytest.mark.parametrize("between", ["\n", "", ",\n"], ids=["lines", "one after the other", "with commas"])
def test_json_requests_may_follow_each_other(otlp: Otlp, tmp_path: Path, between: str) -> None:
    path = tmp_path / "spans.jsonl"
    first, second = (as_json(otlp, otlp.span(CALL, n=n)) for n in (1, 2))
    path.write_text(json.dumps(first) + between + json.dumps(second, indent=2) + "\n")

    assert [(one["span_id"], one["cost_usd"]) for one in findings(path)] == [
        ("0000000000000001", "0.002967"),
        ("0000000000000002", "0.002967"),
    ]


def test_protobuf_requests_may_stand_behind_their_lengths(otlp: Otlp, tmp_path: Path) -> None:
    path = tmp_path / "spans.binpb"
    bodies = [otlp.body(otlp.span({**CALL, "gen_ai.response.id": f"msg_{n}"}, n=n)) for n in (1, 2)]
    path.write_bytes(b"".join(len(body).to_bytes(4, "big") + body for body in bodies))

    assert [one["span_id"] for one in findings(path)] == ["0000000000000001", "0000000000000002"]


def test_a_span_that_cannot_be_read_says_what_is_wrong_with_it(otlp: Otlp, tmp_path: Path) -> None:
    path = tmp_path / "spans.pb"
    broken = otlp.span(CALL)
    broken.span_id = b"short"
    path.write_bytes(otlp.body(broken))

    (found,) = findings(path)
    assert (found["verdict"], found["why"]) == ("unreadable", "span: span_id: got 5 bytes; expected 8, not all zero")


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "is empty; expected OTLP traces, as JSON or protobuf"),
        (b"{nothing", "is no OTLP/JSON: Expecting property name"),
        (b'{"resourceSpans": 1}', "is no OTLP/JSON: the request: expected an object with resourceSpans"),
        (b"\x1f\x8b\x08\x00", "is compressed with gzip; unpack it first"),
        (b"\x28\xb5\x2f\xfd\x00", "is compressed with zstd; unpack it first"),
        (b"plain text", "holds no OTLP traces; expected requests with spans, as JSON or protobuf"),
    ],
)
def test_what_is_no_file_of_spans_is_refused_in_one_line(tmp_path: Path, content: bytes, problem: str) -> None:
    path = tmp_path / "spans"
    path.write_bytes(content)

    said = refused("--otlp", str(path))
    assert said.startswith(f"{path}: {problem}")
    assert "\n" not in said


def test_a_last_line_that_is_still_being_written_is_left_out_and_said(otlp: Otlp, tmp_path: Path) -> None:
    line = json.dumps(as_json(otlp, otlp.span(CALL)))
    path = tmp_path / "traces.json"
    path.write_text(f"{line}\n{line[:200]}")
    found = json.loads(run("--otlp", str(path), "--json"))
    path.write_text(f"{line[:200]}\n{line}\n")

    assert [one["verdict"] for one in found["findings"]] == ["charged"]
    (problem,) = found["left_out"]
    assert problem.startswith("line 2, the last one, which is not whole: ")
    assert refused("--otlp", str(path)).startswith(f"{path}: is no OTLP/JSON: ")


def test_a_file_that_is_not_there_and_options_that_do_not_go_together_are_refused(tmp_path: Path) -> None:
    assert refused("--otlp", str(tmp_path / "none")).endswith("none: cannot be read: No such file or directory")
    assert refused() == "doctor: expected one of --otlp FILE, --tap TIME and --ledger FILE"
    assert refused("--otlp", "x", "--repair-into", "y").startswith("--repair-into: only a ledger can be repaired")


def test_what_a_coding_agent_logged_is_explained_like_a_span(tmp_path: Path) -> None:
    path = tmp_path / "logs.json"
    request = ExportLogsServiceRequest.FromString(logs(event(request_event()), scope=CLAUDE_EVENTS))
    counted = ExportMetricsServiceRequest.FromString(
        metrics(total("claude_code.token.usage", {"input": 504.0}, {"session.id": "run-1", "model": "one"}))
    )
    path.write_text(json_format.MessageToJson(request) + json_format.MessageToJson(counted))

    one, again = findings(path)

    assert (one["dialect"], one["usage"]["cache_read_tokens"]) == ("claude_code", "2000")
    assert (again["verdict"], one["span_id"] in again["why"]) == ("not charged", True)
