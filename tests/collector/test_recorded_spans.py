"""Every description of a recorded call gives the provider's own token classes, whoever wrote it.

Where it does not, the figure that was reported is nowhere among the figures of the span.
"""

from __future__ import annotations

import base64
import json
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import pytest
from google.protobuf.json_format import ParseDict
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from tests.collector.recorded_spans import (
    FACTS,
    FILES,
    SPANS,
    Tokens,
    all_reported,
    figures,
    judge,
    known_loss,
    recorded,
    request,
    rows,
    said,
    spans_of,
)

from spancost_collector.dialects import DIALECTS
from spancost_collector.reading.decode import Export
from spancost_collector.reading.normalise import Normaliser

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from spancost_collector.call import ModelCall


def described(path: Path, normaliser: Normaliser) -> Iterator[ModelCall]:
    """What the spans of a file describe, sums of calls among it."""
    for _, envelope, span in Export(request(path)).candidates(normaliser.markers):
        reading = normaliser.read(span, envelope)
        assert not reading.unknown_operation, path.name
        if reading.call is not None:
            yield reading.call


@pytest.fixture(scope="module")
def truths() -> dict[str, list[Tokens]]:
    return all_reported()


@pytest.fixture(scope="module")
def files() -> list[tuple[dict[str, str], list[ModelCall]]]:
    """Each file of the index with what its spans describe."""
    normaliser = Normaliser(DIALECTS)
    return [
        (row, list(described(SPANS / row["path"], normaliser)))
        for row in rows(FILES)
        if row["path"].endswith(".otlp.json")
    ]


@recorded
def test_every_description_of_a_recorded_call_gives_the_providers_own_tokens(
    files: list[tuple[dict[str, str], list[ModelCall]]],
    truths: dict[str, list[Tokens]],
    capsys: pytest.CaptureFixture[str],
) -> None:
    table: dict[tuple[str, str, str], Counter[str]] = {}
    wrong: list[str] = []
    for row, described_calls in files:
        name = Path(row["path"]).name
        numbers = {bytes.fromhex(span["spanId"]): figures(span) for _, span in spans_of(SPANS / row["path"])}
        by_emitter: dict[tuple[str, str], list[ModelCall]] = {}
        for call in described_calls:
            if call.role == "leaf":
                by_emitter.setdefault((call.dialect, call.emitter), []).append(call)
        for (dialect, emitter), calls in by_emitter.items():
            cell = table.setdefault((dialect, emitter, row["provider"]), Counter())
            reported = truths.get(row["cassette"], [])
            with_usage = [(call, call.usage) for call in calls if call.usage is not None]
            read = [(emitter, usage) for _, usage in with_usage]
            answers, left = judge(read, reported)
            for answer, (call, usage) in zip(answers, with_usage, strict=True):
                cell["wrong" if answer.wrong else answer.said] += 1
                if answer.wrong:
                    wrong.append(f"{name}: {answer.said}")
                for count in set(answer.lost) & numbers[call.span_id] - {*said(usage), 0}:
                    wrong.append(f"{name}: {emitter}: {count} is on the span and was not read")
            quiet = sum(call.usage is None and call.outcome == "ok" for call in calls)
            silent = min(quiet, sum(map(any, reported)) - len(read))
            if silent > 0 and row["sdk_error"] == "" and "background" not in name:
                known = known_loss(emitter)
                cell["no usage"] += silent
                counts = set[int]().union(*(numbers[call.span_id] for call in calls if call.usage is None))
                if known is None or not known.silent or any(whole_of(truth) <= counts for truth in left):
                    wrong.append(f"{name}: {emitter}: no usage, reported were {left}")
    with capsys.disabled():
        print_table(table)
    assert not wrong, "\n".join(wrong)
    assert sum(cell["right"] for cell in table.values()) > 0


def whole_of(truth: Tokens) -> set[int]:
    """What a usage that was not read would show."""
    return {truth[FACTS.index(total)] for total in ("input", "output")}


def print_table(table: Mapping[tuple[str, str, str], Counter[str]]) -> None:
    print(f"\n{'dialect':<16} {'emitter':<52} {'provider':<12} {'right':>5} {'of':>5}  what the emitter drops")
    totals: Counter[str] = Counter()
    for (dialect, emitter, provider), cell in sorted(table.items()):
        if not cell:
            continue
        totals += Counter(right=cell["right"], all=cell.total())
        drops = "; ".join(f"{count} {reason}" for reason, count in cell.items() if reason != "right")
        print(f"{dialect:<16} {emitter[:52]:<52} {provider:<12} {cell['right']:>5} {cell.total():>5}  {drops}")
    print(f"{'all':<82} {totals['right']:>5} {totals['all']:>5}")


ENVOY = SPANS / "spans" / "openinference_recorded_envoy"


@pytest.mark.skipif(not ENVOY.is_dir(), reason=f"no spans recorded from Envoy in {ENVOY}")
def test_the_spans_of_envoys_gateway_give_the_tokens_that_they_carry() -> None:
    normaliser = Normaliser(DIALECTS)
    compared = 0
    for path in sorted(ENVOY.glob("*.json")):
        span = cast("dict[str, Any]", json.loads(path.read_bytes()))
        span |= {"traceId": base64.b64encode(b"\1" * 16).decode(), "spanId": base64.b64encode(b"\1" * 8).decode()}
        body = ParseDict(
            {"resourceSpans": [{"scopeSpans": [{"scope": {"name": "ai-gateway"}, "spans": [span]}]}]},
            ExportTraceServiceRequest(),
            ignore_unknown_fields=True,
        ).SerializeToString()
        ((_, envelope, raw),) = Export(body).candidates(normaliser.markers)
        call = normaliser.read(raw, envelope).call
        assert call is not None, path.name
        assert call.dialect == "envoy_ai_gateway"
        carried = {
            one["key"]: int(one["value"]["intValue"]) for one in span["attributes"] if "intValue" in one["value"]
        }
        if "llm.token_count.prompt" in carried:
            compared += 1
            assert call.usage is not None, path.name
            assert call.usage.input_tokens == carried["llm.token_count.prompt"], path.name
            assert call.usage.output_tokens == carried.get("llm.token_count.completion"), path.name
    assert compared > 0
