"""Every recorded call, through the real SDK and the real receiver, ends in the ledger as the provider reported it."""

from __future__ import annotations

import sqlite3
from collections import Counter, defaultdict
from contextlib import closing
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import anthropic
import openai
import pytest
from botocore.exceptions import ClientError
from google.genai import errors as genai_errors
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from prometheus_client import CollectorRegistry

import spancost
from spancost.sdks.bedrock import BedrockInstrumentor
from spancost_collector.charging import Charging
from spancost_collector.dialects import DIALECTS
from spancost_collector.election import Election
from spancost_collector.enrich import Enricher
from spancost_collector.ledger.rows import USAGE_COLUMNS, usage_of
from spancost_collector.ledger.writer import Ledger
from spancost_collector.metrics.accounts import Accounts
from spancost_collector.metrics.labels import LabelBounds
from spancost_collector.metrics.receiver import ReceiverMetrics
from spancost_collector.pipeline import Pipeline
from spancost_collector.price import Price
from spancost_collector.reading.normalise import Normaliser
from spancost_pricing import TOKEN_CLASSES, Usage, load_book, split
from spancost_pricing.split import UsageError

from .player import NotCoveredError, Player
from .recordings import FOLDER, Recording, recordings
from .reported import Classes, paid

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

APIS = frozenset(
    {
        "assistants",
        "caches",
        "chat",
        "completions",
        "converse",
        "embeddings",
        "generate_content",
        "images",
        "interactions",
        "invoke",
        "messages",
        "realtime",
        "responses",
        "transcription",
    }
)
INSTEAD_OF_TOKENS = ("image", "second", "character")
SDK_ERRORS = (openai.APIError, anthropic.APIError, genai_errors.APIError, ClientError)


@dataclass
class Bench:
    """The app side with its SDKs, and the receiver side with its ledger."""

    spans: InMemorySpanExporter
    pipeline: Pipeline
    ledger: Path
    player: Player = field(default_factory=Player)

    def play(self, recording: Recording) -> list[ReadableSpan]:
        """Makes the call, sends its spans through the receiver and returns them, the call's own first."""
        self.spans.clear()
        try:
            self.player.play(recording)
        except SDK_ERRORS:
            assert recording.status >= 400 or recording.streamed, "the recorded call succeeded"
        spans = list(self.spans.get_finished_spans())
        (answer,) = self.pipeline([encode_spans(spans).SerializeToString()])
        assert answer is None, answer
        return spans


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    spans = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(spans))
    spancost.instrument(tracer_provider=provider)
    bedrock = BedrockInstrumentor()
    if not bedrock.is_instrumented_by_opentelemetry:
        bedrock.instrument(skip_dep_check=True, tracer_provider=provider)
    metrics = ReceiverMetrics(CollectorRegistry())
    ledger = Ledger(tmp_path / "ledger.db")
    try:
        pipeline = Pipeline(
            normaliser=Normaliser(DIALECTS),
            charging=Charging(
                price=Price(load_book()),
                enricher=Enricher(),
                election=Election(max_calls=0),  # recordings of one answer have its id in common
                ledger=ledger,
                accounts=Accounts(LabelBounds(max_values=100, tenant=False), folded=lambda _dimension, _calls: None),
                metrics=metrics,
            ),
            metrics=metrics,
            forward=None,
        )
        yield Bench(spans, pipeline, tmp_path / "ledger.db")
    finally:
        ledger.close()
        bedrock.uninstrument()
        spancost.uninstrument()


@dataclass
class Row:
    """A line of the summary: one provider, API and way of answering."""

    total: int = 0
    covered: int = 0
    left_out: Counter[str] = field(default_factory=lambda: Counter())


@pytest.mark.end_to_end  # starts no process, and takes as long as a tenth of all other tests
# The recordings use models and options that the SDKs warn about; what they say is not what is tested here.
@pytest.mark.filterwarnings("ignore::DeprecationWarning:anthropic", "ignore::UserWarning:anthropic")
@pytest.mark.filterwarnings("ignore::DeprecationWarning:openai", "ignore:.*deprecated.*")
@pytest.mark.skipif(not (FOLDER / "index_interactions.csv").exists(), reason=f"no recordings in {FOLDER}")
def test_every_recorded_call_reaches_the_ledger_as_the_provider_reported_it(
    bench: Bench, capsys: pytest.CaptureFixture[str]
) -> None:
    summary: dict[str, Row] = defaultdict(Row)
    expected: dict[str, tuple[Recording, Classes | None]] = {}
    failures: list[str] = []
    seen: set[str] = set()
    for recording in recordings(FOLDER, APIS):
        way = "stream" if recording.streamed else "plain"
        row = summary[f"{recording.provider:16} {recording.api:16} {way:6}"]
        row.total += 1
        try:
            spans = bench.play(recording)
        except NotCoveredError as reason:
            row.left_out[str(reason)] += 1
            continue
        except Exception as error:
            failures.append(f"{recording.name}: {type(error).__name__}: {error}"[:500])
            continue
        row.covered += 1
        charged = paid(recording, seen)
        if len(spans) != len(charged):
            failures.append(f"{recording.name}: {len(charged)} calls were paid, there are {len(spans)} spans")
            continue
        for span, classes in zip(spans, charged, strict=True):
            context = span.get_span_context()
            assert context is not None
            expected[context.span_id.to_bytes(8).hex()] = (recording, classes)

    assert expected, f"{FOLDER} lists no recording that an instrumented SDK can play"
    ledger = _calls(bench.ledger)
    assert ledger.keys() <= expected.keys()
    # A run in the background is one call, that of the answer which was fetched in the end.
    started = [expected.pop(span) for span in expected.keys() - ledger.keys()]
    assert [recording.name for recording, classes in started if classes] == []
    whole: Counter[str] = Counter()
    for span_id, (recording, classes) in expected.items():
        found = ledger[span_id]
        if found.reads_as(classes):
            whole.update({name: tokens for name, tokens in found.classes.items() if name in TOKEN_CLASSES})
        else:
            failures.append(f"{recording.name}: the provider reported {classes}, the ledger has {found}")
    with capsys.disabled():
        print("\n" + _table(summary))
    assert not failures, "\n".join(failures)
    assert _rolled_up(bench.ledger) == whole


@dataclass(frozen=True)
class Kept:
    """What the ledger holds of one call."""

    usage: Usage | None
    status: str

    @property
    def classes(self) -> Classes:
        """The disjoint classes, or what is billed instead of tokens; none of a call whose report was refused."""
        if self.usage is None or self.status == "invalid_usage":
            return {}
        if self.contradictory:
            # Charged all the same, at the biller's own figure.
            return {"input": self.usage.input_tokens or 0, "output": self.usage.output_tokens or 0}
        classes = {name: tokens for name, tokens in split(self.usage).items() if tokens}
        return classes or {
            unit: int(Decimal(quantity)) for unit, quantity in self.usage.units.items() if unit in INSTEAD_OF_TOKENS
        }

    @property
    def contradictory(self) -> bool:
        """Whether parts of the usage exceed their whole."""
        try:
            split(self.usage or Usage())
        except UsageError:
            return True
        return False

    def reads_as(self, reported: Classes | None) -> bool:
        """Whether this is what the provider reported."""
        if reported is None:
            return self.usage is None or self.usage.estimated
        if min(reported.values(), default=0) < 0:
            return self.contradictory
        return self.usage is not None and not self.usage.estimated and self.classes == reported


def _calls(path: Path) -> dict[str, Kept]:
    """What the ledger holds, by span id."""
    rows = _query(path, f"SELECT hex(span_id), status, {', '.join(USAGE_COLUMNS)} FROM calls")
    return {span_id.lower(): Kept(usage_of(usage), status) for span_id, status, *usage in rows}


def _rolled_up(path: Path) -> Counter[str]:
    """Tokens by class, over all calls that could be read, as reports and metrics add them up."""
    rows = _query(path, "SELECT unit, SUM(quantity) FROM hourly_parts WHERE status != 'invalid_usage' GROUP BY unit")
    return Counter({unit: quantity for unit, quantity in rows if unit in TOKEN_CLASSES and quantity})


def _query(path: Path, query: str) -> list[Any]:
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(query).fetchall()


def _table(summary: dict[str, Row]) -> str:
    lines = [f"{'provider':16} {'api':16} {'way':6} covered / total"]
    for name, row in sorted(summary.items()):
        reasons = "".join(f"   not covered: {count} x {reason}" for reason, count in row.left_out.items())
        lines.append(f"{name} {row.covered:7} / {row.total}{reasons}")
    covered = sum(row.covered for row in summary.values())
    lines.append(f"{'all':40} {covered:7} / {sum(row.total for row in summary.values())}")
    return "\n".join(lines)
