"""A real production trace, with the usage shapes of real recordings, comes out of the receiver to the last digit.

The trace says how many tokens went in and out and when; the recordings say which models are called and which share
of their tokens is cached, written to a cache or thought. The expected sums are made here from those numbers alone,
and the money by the price data's own library, which the receiver does not use to price.
"""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

import genai_prices
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.end_to_end.conftest import Serve

pytestmark = pytest.mark.end_to_end

DATA = Path(os.environ.get("SPANCOST_RECORDINGS", Path(__file__).parents[2].parent / "shared" / "data"))
START = datetime(2026, 11, 20, 9, tzinfo=UTC)
FEATURES = ("search", "summaries", "chat", None)
PROVIDERS = {"openai": "openai", "anthropic": "anthropic", "gemini": "gcp.gemini"}
ORACLE = {"openai": "openai", "anthropic": "anthropic", "gemini": "google"}


@dataclass(frozen=True)
class Shape:
    """How a recorded call of a model divided its tokens, as fractions of (input, output)."""

    provider: str
    model: str
    cached: tuple[int, int]
    written: tuple[int, int]
    reasoning: tuple[int, int]


@dataclass(frozen=True)
class Call:
    shape: Shape
    ended: datetime
    feature: str | None
    tokens_in: int
    cached: int
    written: int
    tokens_out: int
    reasoning: int


def number(text: str) -> int:
    return int(float(text)) if text else 0


def shapes() -> list[Shape]:
    found = list[Shape]()
    with (DATA / "index_interactions.csv").open() as file:
        for row in csv.DictReader(file):
            if row["provider"] not in PROVIDERS or row["http_status"] != "200" or row["api"] == "embeddings":
                continue
            cached, written = number(row["cached_raw"]), number(row["cache_write_raw"])
            tokens_in, tokens_out = number(row["input_tokens_raw"]), number(row["output_tokens_raw"])
            reasoning = number(row["reasoning_raw"])
            if row["provider"] == "anthropic":
                tokens_in += cached + written
            if row["provider"] == "gemini":
                tokens_out += reasoning
            if not tokens_in or not tokens_out or row["audio_raw"] or row["image_raw"]:
                continue
            found.append(
                Shape(
                    row["provider"],
                    row["model_reported"] or row["model_requested"],
                    (cached, tokens_in),
                    (written, tokens_in),
                    (reasoning, tokens_out),
                )
            )
    return found


def trace() -> Iterator[tuple[datetime, int, int]]:
    (path,) = sorted((DATA / "traffic").glob("AzureLLMInferenceTrace_conv*.csv"))
    with path.open() as file:
        first: datetime | None = None
        for row in csv.DictReader(file):
            moment = datetime.fromisoformat(row["TIMESTAMP"][:26]).replace(tzinfo=UTC)
            first = first or moment
            yield START + (moment - first), int(row["ContextTokens"]), int(row["GeneratedTokens"])


def part(whole: int, fraction: tuple[int, int]) -> int:
    return whole * fraction[0] // fraction[1]


def calls() -> list[Call]:
    known = [shape for shape in shapes() if shape.model and price(shape, 1000, 0, 0, 10, START) is not None]
    return [
        Call(
            shape := known[n % len(known)],
            ended,
            FEATURES[n % len(FEATURES)],
            tokens_in,
            part(tokens_in, shape.cached),
            part(tokens_in, shape.written),
            tokens_out,
            part(tokens_out, shape.reasoning),
        )
        for n, (ended, tokens_in, tokens_out) in enumerate(trace())
    ]


def price(shape: Shape, tokens_in: int, cached: int, written: int, tokens_out: int, ended: datetime) -> Decimal | None:
    try:
        return genai_prices.calc_price(
            genai_prices.Usage(
                input_tokens=tokens_in,
                output_tokens=tokens_out,
                cache_read_tokens=cached or None,
                cache_write_tokens=written or None,
            ),
            shape.model,
            provider_id=ORACLE[shape.provider],
            genai_request_timestamp=ended,
        ).total_price
    except LookupError:
        return None


def attribute(key: str, value: str | int) -> KeyValue:
    return KeyValue(
        key=key, value=AnyValue(int_value=value) if isinstance(value, int) else AnyValue(string_value=value)
    )


def requests(sent: list[Call], size: int = 512) -> Iterator[ExportTraceServiceRequest]:
    for first in range(0, len(sent), size):
        request = ExportTraceServiceRequest()
        resource = request.resource_spans.add()
        resource.resource.attributes.append(attribute("service.name", "replayed"))
        scope = resource.scope_spans.add()
        for n, call in enumerate(sent[first : first + size], first + 1):
            span = scope.spans.add(
                trace_id=n.to_bytes(16, "big"), span_id=n.to_bytes(8, "big"), name=f"chat {call.shape.model}", kind=3
            )
            span.end_time_unix_nano = round((call.ended - datetime(1970, 1, 1, tzinfo=UTC)) / timedelta(microseconds=1))
            span.end_time_unix_nano *= 1000
            span.start_time_unix_nano = span.end_time_unix_nano - 1_000_000_000
            found: dict[str, str | int] = {
                "gen_ai.operation.name": "chat",
                "gen_ai.provider.name": PROVIDERS[call.shape.provider],
                "gen_ai.request.model": call.shape.model,
                "gen_ai.response.model": call.shape.model,
                "gen_ai.usage.input_tokens": call.tokens_in,
                "gen_ai.usage.output_tokens": call.tokens_out,
                "gen_ai.usage.cache_read.input_tokens": call.cached,
                "gen_ai.usage.cache_write.input_tokens": call.written,
                "gen_ai.usage.reasoning.output_tokens": call.reasoning,
            }
            if call.feature is not None:
                found["spancost.feature"] = call.feature
            span.attributes.extend(attribute(key, value) for key, value in found.items())
        yield request


def report(ledger: Path, by: str) -> dict[str, list[dict[str, str]]]:
    command = [sys.executable, "-m", "spancost_collector", "report", "--json", "--by", by, "--ledger", str(ledger)]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True, timeout=60).stdout)


@pytest.mark.skipif(not (DATA / "traffic").is_dir(), reason=f"no recorded traffic in {DATA} (SPANCOST_RECORDINGS)")
def test_ten_thousand_calls_sent_twice_are_counted_once_and_priced_exactly(serve: Callable[..., Serve]) -> None:
    sent = calls()
    assert len(sent) >= 10_000
    expected = Counter[str]()
    cost = dict[str, Decimal]()
    classes = Counter[str]()
    for call in sent:
        feature = call.feature or "unattributed"
        expected[feature] += 1
        amount = price(call.shape, call.tokens_in, call.cached, call.written, call.tokens_out, call.ended)
        assert amount is not None
        cost[feature] = cost.get(feature, Decimal(0)) + amount
        classes["input"] += call.tokens_in - call.cached - call.written
        classes["cache_read"] += call.cached
        classes["cache_write_5m"] += call.written
        classes["output"] += call.tokens_out - call.reasoning
        classes["reasoning"] += call.reasoning

    receiver = serve()
    for _ in range(2):
        for request in requests(sent):
            receiver.send(request)
    tokens = Counter[str]()
    for labels, value in receiver.samples("spancost_tokens_total").items():
        tokens[labels.partition('token_class="')[2].partition('"')[0]] += int(value)
    counted = sum(receiver.samples("spancost_calls_total").values())
    assert receiver.stop() == 0
    found = report(receiver.ledger, "feature")

    assert {row["feature"]: int(row["calls"]) for row in found["rows"]} == dict(expected)
    assert counted == len(sent)
    assert {name: count for name, count in tokens.items() if count} == {k: v for k, v in classes.items() if v}
    assert {row["feature"]: Decimal(row["cost_usd"]) for row in found["rows"]} == cost
    assert found["unpriced"] == []
    models = len({call.shape.model for call in sent})
    print(f"\n{len(sent)} calls of {models} models, sent twice: {sum(cost.values())} USD")
