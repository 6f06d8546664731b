"""Spans recorded from real emitters, against what the providers reported for the same calls.

`spans_files.csv` lists the span files, each made by running an emitter over a recorded exchange; what the provider
reported for each call of that exchange is in `index_interactions.csv`. Every description of a call has to give the
provider's own token classes. Where an emitter leaves a fact out nobody can give it back: those are named in `LOSSES`,
each with its reason, and only the facts that it names may differ.
"""

from __future__ import annotations

import base64
import csv
import json
import os
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, cast

import pytest
from google.protobuf.json_format import ParseDict
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from spancost_collector.decode import Export
from spancost_collector.dialects import DIALECTS
from spancost_collector.election import Election
from spancost_collector.normalise import Normaliser

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from spancost_collector.call import ModelCall

SPANS = Path(os.environ.get("SPANCOST_SPANS", "../shared/data"))
RECORDINGS = Path(os.environ.get("SPANCOST_RECORDINGS", "../shared/data"))
FILES = SPANS / "spans_files.csv"
CALLS = next(
    (path for path in (SPANS / "index_interactions.csv", RECORDINGS / "index_interactions.csv") if path.exists()),
    SPANS / "index_interactions.csv",
)

Tokens = tuple[int, ...]
FACTS: Final = ("input", "read", "write", "hour", "output", "reasoning", "audio_in", "audio_out")
INSTRUMENTATION: Final = "opentelemetry.instrumentation."


@dataclass(frozen=True)
class Loss:
    """Facts that an emitter does not pass on, or not as they were."""

    scope: str
    facts: frozenset[str]
    reason: str
    invents: bool = False
    """Whether it makes figures up where the provider reported none."""
    silent: bool = False
    """Whether it may say nothing of a usage that was reported."""


def loss(scope: str, facts: str, reason: str, *, invents: bool = False, silent: bool = False) -> Loss:
    return Loss(scope, frozenset(facts.split()), reason, invents, silent)


LOSSES: Final = (
    loss(
        INSTRUMENTATION + "google_genai",
        "input output reasoning read audio_in audio_out",
        "writes prompt and candidates only: no tool results, thoughts, cached tokens, modalities or blocked prompts",
        silent=True,
    ),
    loss(INSTRUMENTATION + "openai_v2", "read write reasoning audio_in audio_out", "writes the two totals only"),
    loss(INSTRUMENTATION + "genai.anthropic", "hour reasoning", "knows no cache lifetimes"),
    loss(INSTRUMENTATION + "genai.bedrock", "hour", "knows no cache lifetimes"),
    loss(
        INSTRUMENTATION + "botocore", "read write hour input", "drops cached tokens of models that are invoked directly"
    ),
    loss(
        INSTRUMENTATION + "anthropic",
        "input read write hour output reasoning",
        "adds the output at a stream's start to that at its end, keeps the input of its start, and knows no lifetimes",
    ),
    loss(
        INSTRUMENTATION + "google_generativeai",
        "input output reasoning audio_in audio_out",
        "shows tool results and thoughts in the grand total only, where nothing tells one from the other",
        silent=True,
    ),
    loss(INSTRUMENTATION + "bedrock", "hour", "knows no cache lifetimes"),
    loss(INSTRUMENTATION + "groq", "reasoning read", "writes the totals only"),
    loss(
        INSTRUMENTATION + "openai.v1",
        "read write reasoning audio_in audio_out",
        "writes no cache writes or modalities, and for streams the totals only",
    ),
    loss(
        "openlit.instrumentation.anthropic",
        "input read write hour reasoning",
        "drops cached tokens of streams, and knows no lifetimes or thoughts",
    ),
    loss("openlit.instrumentation.bedrock", "hour", "knows no cache lifetimes"),
    loss(
        "openlit.instrumentation.google",
        "input audio_in audio_out",
        "drops tool results, modalities and blocked prompts",
        silent=True,
    ),
    loss("openlit.instrumentation.groq", "reasoning read", "writes the totals only", silent=True),
    loss(
        "openlit.instrumentation.openai",
        "input output reasoning audio_in audio_out",
        "drops modalities and some reasoning, and counts by itself where a stream reports nothing",
        invents=True,
    ),
    loss("openinference.instrumentation.mistralai", "read", "drops cached tokens"),
    loss("openinference.instrumentation.bedrock", "hour", "knows no cache lifetimes", silent=True),
    loss("openinference.instrumentation.anthropic", "hour", "knows no cache lifetimes"),
    loss("openinference.instrumentation.groq", "", "says nothing of a stream's usage", silent=True),
    loss(
        "openinference.instrumentation.google_genai",
        "output",
        "counts what a stream said before it was corrected",
        silent=True,
    ),
    loss(
        "litellm",
        "input output reasoning hour",
        "counts thoughts by itself, adds an advisor's tokens to the call's, and counts where nothing was reported",
        invents=True,
        silent=True,
    ),
    loss("pydantic-ai", "input output", "adds up the running totals of a stream of DeepSeek's", silent=True),
    loss("logfire", "", "says nothing of the usage of streamed text completions", silent=True),
    loss("ai", "audio_in audio_out", "drops modalities but Google's"),
)
"""Proven from the recorded spans: the attribute that would say it is not on them."""


def tokens(*parts: int) -> Tokens:
    return parts


def whole(text: str | None) -> int:
    return int(float(text)) if text else 0


def both_ways(text: str) -> tuple[int, int]:
    """Input and output of `in=1;out=2`."""
    found = dict(part.split("=") for part in text.split(";") if "=" in part)
    return whole(found.get("in")), whole(found.get("out"))


def reported(row: Mapping[str, str]) -> Tokens:
    """What a provider reported for one call, as totals that include their parts."""
    usage = cast("dict[str, Any]", json.loads(row["usage_json"]))
    put, got = whole(row["input_tokens_raw"]), whole(row["output_tokens_raw"])
    read, write, hour = (whole(row[name]) for name in ("cached_raw", "cache_write_raw", "cache_write_1h_raw"))
    thought = whole(row["reasoning_raw"])
    if "billed_units" in usage:  # Cohere bills less than its model saw
        billed = cast("dict[str, int]", usage["billed_units"])
        put, got, read = billed.get("input_tokens", 0), billed.get("output_tokens", 0), 0
    elif {"promptTokenCount", "candidatesTokenCount", "totalTokenCount"} & usage.keys():
        put += whole(row["tool_use_prompt_raw"])
        got += thought
    elif row["api"] in {"messages", "converse", "invoke"}:
        put += read + write
    elif (row["provider"], row["api"]) == ("xai", "chat"):
        got += thought
    audio_in, audio_out = both_ways(row["audio_raw"])
    return tokens(put, read, write, hour, got, thought, audio_in, audio_out)


def said(call: ModelCall) -> Tokens:
    """The same of a call that was read."""
    usage = call.usage
    assert usage is not None
    return tokens(
        *(
            0 if count is None else count
            for count in (
                usage.input_tokens,
                usage.cache_read_tokens,
                usage.cache_write_tokens,
                usage.cache_write_1h_tokens,
                usage.output_tokens,
                usage.reasoning_tokens,
                usage.input_audio_tokens,
                usage.output_audio_tokens,
            )
        )
    )


def request(path: Path) -> bytes:
    """A recorded OTLP/JSON file as the protobuf that a sender would send."""
    document = cast("dict[str, Any]", json.loads(path.read_bytes()))
    for resource_spans in document["resourceSpans"]:
        for scope_spans in resource_spans["scopeSpans"]:
            for span in scope_spans["spans"]:
                for holder in (span, *span.get("links", ())):
                    for name in ("traceId", "spanId", "parentSpanId"):
                        if holder.get(name):
                            holder[name] = base64.b64encode(bytes.fromhex(holder[name])).decode()
    return ParseDict(document, ExportTraceServiceRequest(), ignore_unknown_fields=True).SerializeToString()


def described(path: Path, normaliser: Normaliser) -> Iterator[ModelCall]:
    """What the spans of a file describe, sums of calls among it."""
    for _, envelope, span in Export(request(path)).candidates(normaliser.markers):
        reading = normaliser.read(span, envelope)
        assert not reading.unknown_operation, path.name
        if reading.call is not None:
            yield reading.call


def rows(path: Path) -> Iterator[dict[str, str]]:
    csv.field_size_limit(2**27)
    with path.open(newline="", encoding="utf-8") as file:
        yield from csv.DictReader(file)


def all_reported() -> dict[str, list[Tokens]]:
    """What was reported for the calls of each recorded exchange."""
    truths: dict[str, list[Tokens]] = {}
    for row in rows(CALLS):
        if row["usage_json"]:
            truths.setdefault(row["path"], []).append(reported(row))
    return truths


def known_loss(call: ModelCall) -> Loss | None:
    matching = [one for one in LOSSES if call.emitter == one.scope or call.emitter.startswith(one.scope + ".")]
    if not matching:
        matching = [one for one in LOSSES if call.emitter.startswith(one.scope) and len(one.scope) > 4]
    return max(matching, key=lambda one: len(one.scope), default=None)


def judge(call: ModelCall, left: list[Tokens]) -> str:
    """`right`, the known reason why it is not, or what is wrong; takes what it stands for out of `left`."""
    found, known = said(call), known_loss(call)
    if found in left:
        left.remove(found)
        return "right"
    if not left and not any(found):
        return "right"  # nothing was reported, and nothing is charged
    if known is not None:
        for truth in left:
            different = {fact for fact, one, other in zip(FACTS, found, truth, strict=True) if one != other}
            if different <= known.facts:
                left.remove(truth)
                return known.reason
        if known.invents:
            return known.reason
    return f"wrong: {dict(zip(FACTS, found, strict=True))}, reported were {left}"


recorded = pytest.mark.skipif(
    not (FILES.exists() and CALLS.exists()),
    reason="no recorded spans: set SPANCOST_SPANS to a folder that has spans_files.csv and index_interactions.csv",
)


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
        by_emitter: dict[tuple[str, str], list[ModelCall]] = {}
        for call in described_calls:
            if call.role == "leaf":
                by_emitter.setdefault((call.dialect, call.emitter), []).append(call)
        for (dialect, emitter), calls in by_emitter.items():
            cell = table.setdefault((dialect, emitter, row["provider"]), Counter())
            left = list(truths.get(row["cassette"], ()))
            for call in calls:
                if call.usage is not None:
                    answer = judge(call, left)
                    cell[answer if not answer.startswith("wrong") else "wrong"] += 1
                    if answer.startswith("wrong"):
                        wrong.append(f"{name}: {emitter}: {answer}")
            quiet = sum(call.usage is None and call.outcome == "ok" for call in calls)
            if quiet and left and row["sdk_error"] == "" and "background" not in name:
                known = known_loss(calls[0])
                cell["no usage"] += min(quiet, len(left))
                if known is None or not known.silent:
                    wrong.append(f"{name}: {emitter}: no usage, reported were {left}")
    with capsys.disabled():
        print_table(table)
    assert not wrong, "\n".join(wrong)
    assert sum(cell["right"] for cell in table.values()) > 0


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


@recorded
def test_every_recorded_call_is_charged_once_whoever_describes_it(
    files: list[tuple[dict[str, str], list[ModelCall]]],
    truths: dict[str, list[Tokens]],
    capsys: pytest.CaptureFixture[str],
) -> None:
    outcomes: Counter[str] = Counter()
    wrong: list[str] = []
    for row, calls in files:
        charged = Election().consider(calls, lambda _keys: frozenset[tuple[int, bytes]]()).paid
        paid = sum(call.usage is not None and any(said(call)) for call in charged)
        expected = min(whole(row["n_calls_replayed"]), len(truths.get(row["cassette"], ())))
        outcome = "charged once" if paid == expected else excuse(row, calls, paid, expected)
        outcomes[outcome or "wrong"] += 1
        if outcome is None:
            wrong.append(f"{row['path']}: {paid} charged, {expected} were paid for")
    with capsys.disabled():
        print("\n" + "\n".join(f"{count:>5} files: {outcome}" for outcome, count in outcomes.most_common()))
    assert not wrong, "\n".join(wrong)
    assert outcomes["charged once"] > 0


def excuse(row: Mapping[str, str], calls: list[ModelCall], paid: int, expected: int) -> str | None:
    """Why something else than one charge for each paid call is all that the spans allow."""
    losses = [known for call in calls if (known := known_loss(call)) is not None]
    if paid > expected:
        if any(known.invents for known in losses):
            return "the emitter counts where nothing was reported"
        if any(call.emitter.startswith("logfire.") and call.start_ns == call.end_ns for call in calls):
            return "a stream's log is in a trace of its own and names no response"
        return None
    if row["sdk_error"] or "background" in row["path"]:
        return "the answer was cut off or fetched later"
    if len(calls) < expected:
        return "the emitter has no span for some of the calls"
    return "the emitter says nothing of what was used" if any(known.silent for known in losses) else None


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
