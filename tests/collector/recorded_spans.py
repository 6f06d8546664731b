"""Spans recorded from real emitters, and what the providers reported for the same calls.

`spans_files.csv` lists the span files, each made by running an emitter over a recorded exchange; what the provider
reported for each call of that exchange is in `index_interactions.csv`. Where an emitter leaves a fact out nobody can
give it back: those are named in `LOSSES`, each with its reason, and only the facts that it names may differ.
"""

from __future__ import annotations

import base64
import csv
import json
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple, cast

import pytest
from google.protobuf.json_format import ParseDict
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from spancost_pricing import Usage


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
    loss("openinference.instrumentation.bedrock", "hour", "knows no cache lifetimes", silent=True),
    loss("openinference.instrumentation.anthropic", "hour", "knows no cache lifetimes"),
    loss("openinference.instrumentation.groq", "", "says nothing of a stream's usage", silent=True),
    loss(
        "openinference.instrumentation.google_genai",
        "output",
        "counts what a stream said before it was corrected, and says nothing of embeddings",
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


def said(usage: Usage) -> Tokens:
    """The same of a usage that was read."""
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


def known_loss(emitter: str) -> Loss | None:
    """What is known of an instrumentation scope."""
    matching = [one for one in LOSSES if emitter == one.scope or emitter.startswith(one.scope + ".")]
    if not matching:
        matching = [one for one in LOSSES if emitter.startswith(one.scope) and len(one.scope) > 4]
    return max(matching, key=lambda one: len(one.scope), default=None)


class Verdict(NamedTuple):
    """How a usage that was read compares with what was reported."""

    said: str
    """`right`, the known reason why it is not, or what is wrong."""
    lost: tuple[int, ...] = ()
    """What was reported, of the facts that differ."""

    @property
    def wrong(self) -> bool:
        return self.said.startswith("wrong")


def judge(read: Sequence[tuple[str, Usage]], reported: Sequence[Tokens]) -> tuple[list[Verdict], list[Tokens]]:
    """For each usage with its emitter, in order, how it compares with one of those that were reported; what is left."""
    left = [truth for truth in reported if any(truth)]
    verdicts: dict[int, Verdict] = {}
    for place, (_, usage) in enumerate(read):  # what is right first, lest what is not takes its place
        found = said(usage)
        if found in left:
            left.remove(found)
            verdicts[place] = Verdict("right")
    for place, (emitter, usage) in enumerate(read):
        if place not in verdicts:
            verdicts[place] = _explained(emitter, said(usage), left)
    return [verdicts[place] for place in range(len(read))], left


def _explained(emitter: str, found: Tokens, left: list[Tokens]) -> Verdict:
    known = known_loss(emitter)
    if not left and not any(found):
        return Verdict("right")  # nothing was reported, and nothing is charged
    if known is not None:
        lossy = [one for one in left if {FACTS[place] for place in _different(found, one)} <= known.facts]
        if lossy:
            truth = min(lossy, key=lambda one: len(_different(found, one)))
            left.remove(truth)
            return Verdict(known.reason, tuple(truth[place] for place in _different(found, truth)))
    if known is not None and known.invents:
        return Verdict(known.reason)
    return Verdict(f"wrong: {emitter}: {dict(zip(FACTS, found, strict=True))}, reported were {left}")


def _different(found: Tokens, truth: Tokens) -> list[int]:
    return [place for place, pair in enumerate(zip(found, truth, strict=True)) if pair[0] != pair[1]]


def spans_of(file: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """The spans of a file, each with its scope."""
    document: dict[str, Any] = json.loads(file.read_bytes())
    for resource_spans in document["resourceSpans"]:
        for scope_spans in resource_spans["scopeSpans"]:
            for span in scope_spans["spans"]:
                yield scope_spans["scope"]["name"], span


def figures(span: Mapping[str, Any]) -> set[int]:
    """Every number on a span that could be a token count: under a name that speaks of usage or tokens, also in JSON."""
    found: set[int] = set()
    for holder in (span, *span.get("events", ())):
        for attribute in holder.get("attributes", ()):
            found |= set(_figures(attribute["key"], attribute["value"]))
    return found


def _figures(name: str, value: object) -> Iterator[int]:
    if isinstance(value, dict):
        for key, inner in cast("dict[str, object]", value).items():
            yield from _figures(f"{name}.{key}", inner)
    elif isinstance(value, list):
        for inner in cast("list[object]", value):
            yield from _figures(name, inner)
    elif isinstance(value, str) and value[:1] in {"{", "["}:
        try:
            yield from _figures(name, json.loads(value))
        except ValueError:
            return  # cut off by the emitter
    elif _COUNTS.match(name) and not isinstance(value, bool) and _WHOLE.fullmatch(str(value)):
        yield int(float(str(value)))


_COUNTS: Final = re.compile(r"(?i)(?=.*(usage|token|cost))(?!.*(request|max_))")
"""What a request may use at most is no count."""
_WHOLE: Final = re.compile(r"\d+(\.0)?")


recorded = pytest.mark.skipif(
    not (FILES.exists() and CALLS.exists()),
    reason="no recorded spans: set SPANCOST_SPANS to a folder that has spans_files.csv and index_interactions.csv",
)


def excuse(row: Mapping[str, str], emitters: Iterable[str], calls: int, paid: int, expected: int) -> str | None:
    """Why something else than one charge for each paid call is all that the spans allow; None where it is not."""
    losses = [known for emitter in emitters if (known := known_loss(emitter)) is not None]
    if paid > expected:
        invented = any(known.invents for known in losses) and whole(row["n_calls_replayed"]) > expected
        return "the emitter counts where nothing was reported" if invented else None
    if row["sdk_error"] or "background" in row["path"]:
        return "the answer was cut off or fetched later"
    if calls < expected:
        return "the emitter has no span for some of the calls"
    return "the emitter says nothing of what was used" if any(known.silent for known in losses) else None
