"""Recorded spans through a whole receiver, as `spancost serve` makes it: what its ledger and its metrics then say.

Each file is posted as the OTLP/JSON that it is. Each paid call of it has to be one row of the ledger with the
provider's own token classes, and the metrics have to add up to the ledger exactly.
"""

from __future__ import annotations

import json
import sqlite3
import urllib.request
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from decimal import Decimal
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
from prometheus_client.parser import text_string_to_metric_families
from tests.collector.conftest import ANYWHERE
from tests.collector.recorded_spans import (
    CALLS,
    FILES,
    SPANS,
    Tokens,
    all_reported,
    excuse,
    figures,
    judge,
    recorded,
    reported,
    rows,
    said,
    spans_of,
    whole,
)

from spancost_collector.config import Settings
from spancost_collector.ledger.rows import USAGE_COLUMNS, usage_of
from spancost_collector.ledger.writer import Ledger
from spancost_collector.price_data import load_current_book
from spancost_collector.server import Receiver

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from spancost_pricing import Usage

Row = dict[str, str]
SENDERS = 4
UNIQUE = 18
"""A response id this long is the only one of its kind."""


class Paid(NamedTuple):
    """A row of the ledger."""

    trace: str
    response_id: str | None
    emitter: str
    usage: Usage | None
    pico: int | None
    quantities: Mapping[str, Decimal]


class Book(NamedTuple):
    """What a receiver has made of some files."""

    paid: list[Paid]
    credit: Counter[str]
    """By how much the metrics are above the ledger, because charges were corrected."""
    metrics: Counter[str]


def post(url: str, body: bytes) -> None:
    request = urllib.request.Request(url, body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=60) as answer:
        said: dict[str, Any] = json.loads(answer.read() or b"{}")
    assert "partialSuccess" not in said, said


def charged(folder: Path, files: Iterable[Path]) -> Book:
    """Sends files to a new receiver, and reads its ledger and its metrics."""
    ledger = folder / "ledger.sqlite3"
    listeners = {"grpc": {"listen": "off"}, "http": {"listen": ANYWHERE}, "web": {"listen": ANYWHERE}}
    settings = Settings.model_validate({"ledger": ledger, **listeners})
    receiver = Receiver(settings, book=load_current_book(None), ledger=Ledger(ledger))
    receiver.start()
    try:
        url = f"http://{receiver.http_address}/v1/traces"
        with ThreadPoolExecutor(SENDERS) as senders:
            for sent in [senders.submit(post, url, file.read_bytes()) for file in files]:
                sent.result()
        with urllib.request.urlopen(f"http://{receiver.web_address}/metrics", timeout=60) as page:
            metrics = counted(page.read().decode())
    finally:
        receiver.stop()
    with closing(sqlite3.connect(ledger)) as connection:
        calls = connection.execute(
            "SELECT lower(hex(trace_id)), response_id, emitter, cost_pico, quantities,"
            f" {', '.join(USAGE_COLUMNS)} FROM calls"
        )
        paid = [
            Paid(
                trace,
                response_id,
                emitter,
                usage_of(usage),
                pico,
                {unit: Decimal(amount) for unit, amount in json.loads(quantities).items()},
            )
            for trace, response_id, emitter, pico, quantities, *usage in calls
        ]
        credit: Counter[str] = Counter()
        for counter, label, usd, pico in connection.execute("SELECT counter, label, usd, pico FROM credit"):
            what = {"calls": "calls", "cost": "pico", "tokens": label}.get(counter)
            if what is not None:
                credit[what] += usd * 10**12 + pico
    return Book(paid, credit, metrics)


CLASSES = (
    *("input", "cache_read", "cache_write", "cache_write_5m", "cache_write_1h", "input_audio", "input_image"),
    *("output", "reasoning", "output_audio", "output_image"),
)


def added_up(paid: Iterable[Paid]) -> Counter[str]:
    """Calls, cost in pico-USD, and tokens by class."""
    sums: Counter[str] = Counter()
    for one in paid:
        sums["calls"] += 1
        sums["pico"] += 0 if one.pico is None else one.pico
        for unit, amount in one.quantities.items():
            if unit in CLASSES:
                sums[unit] += int(amount)
    return +sums


def counted(text: str) -> Counter[str]:
    """The same as the metrics show it."""
    sums: Counter[str] = Counter()
    pico = Decimal()
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            match sample.name:
                case "spancost_calls_total":
                    sums["calls"] += int(sample.value)
                case "spancost_cost_usd_total":
                    pico += round(Decimal(repr(sample.value)) * 10**12)
                case "spancost_tokens_total":
                    sums[sample.labels["token_class"]] += int(sample.value)
                case _:
                    pass
    sums["pico"] = int(pico)
    return +sums


def by_dialect() -> dict[str, list[Row]]:
    found: dict[str, list[Row]] = {}
    for row in rows(FILES):
        if row["path"].endswith(".otlp.json"):
            found.setdefault(row["dialect"], []).append(row)
    return found


@recorded
@pytest.mark.end_to_end
def test_every_recorded_call_is_one_row_of_the_ledger_with_the_providers_tokens_and_the_metrics_agree(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    truths = all_reported()
    table: dict[tuple[str, str], Counter[str]] = {}
    wrong: list[str] = []
    for dialect, listed in sorted(by_dialect().items()):
        folder = tmp_path / dialect
        folder.mkdir()
        book = charged(folder, (SPANS / row["path"] for row in listed))
        assert book.metrics == added_up(book.paid) + book.credit, dialect
        by_trace: dict[str, list[Paid]] = {}
        for paid in book.paid:
            by_trace.setdefault(paid.trace, []).append(paid)
        for row in listed:
            answers = compared(row, by_trace, truths.get(row["cassette"], []))
            table.setdefault((dialect, row["provider"]), Counter()).update(answers)
            wrong += [f"{row['path']}: {answer}" for answer in answers if answer.startswith("wrong")]
    with capsys.disabled():
        print_table(table)
    assert not wrong, "\n".join(wrong)
    assert sum(cell["right"] for cell in table.values()) > 0


def compared(row: Row, by_trace: Mapping[str, list[Paid]], truths: list[Tokens]) -> list[str]:
    """For each paid call of a file: `right`, why it cannot be, or what is wrong."""
    spans = list(spans_of(SPANS / row["path"]))
    calls = [paid for trace in {span["traceId"] for _, span in spans} for paid in by_trace.get(trace, ())]
    paid = [(call.emitter, call.usage) for call in calls if call.usage is not None and any(said(call.usage))]
    expected = min(whole(row["n_calls_replayed"]), sum(map(any, truths)))
    verdicts, left = judge(paid, truths)
    answers = [verdict.said for verdict in verdicts]
    if len(paid) != expected:
        reason = excuse(row, {scope for scope, _ in spans}, len(calls), len(paid), expected)
        answers.append(reason or f"wrong: {len(paid)} charged, {expected} were paid for")
    if len(paid) < expected:
        shown = set[int]().union(*(figures(span) for _, span in spans)) - {
            count for _, usage in paid for count in said(usage)
        }
        answers += [
            f"wrong: {truth} is on the spans and not charged"
            for truth in left
            if {count for count in truth if count} <= shown
        ]
    return answers


@recorded
@pytest.mark.end_to_end
def test_an_exchange_that_many_emitters_describe_is_charged_once_and_takes_what_each_of_them_knows(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    truths: dict[str, list[Tokens]] = {}
    for row in rows(CALLS):
        if row["usage_json"]:
            truths.setdefault(row["response_id"], []).append(reported(row))
    book = charged(tmp_path, [SPANS / row["path"] for listed in by_dialect().values() for row in listed])
    by_response: dict[str, list[Paid]] = {}
    for paid in book.paid:
        if paid.response_id in truths and len(paid.response_id) >= UNIQUE:
            by_response.setdefault(paid.response_id, []).append(paid)

    assert book.metrics == added_up(book.paid) + book.credit
    assert {len(descriptions) for descriptions in by_response.values()} == {1}
    outcomes: Counter[str] = Counter()
    for response_id, (paid,) in by_response.items():
        if paid.usage is None:
            outcomes["nobody says what was used"] += 1
        else:
            ((verdict,), _) = judge([(paid.emitter, paid.usage)], truths[response_id])
            outcomes[verdict.said] += 1
    with capsys.disabled():
        print("\n" + "\n".join(f"{count:>5} responses: {outcome}" for outcome, count in outcomes.most_common()))
    assert not [outcome for outcome in outcomes if outcome.startswith("wrong")]
    assert outcomes["right"] > 0


def print_table(table: Mapping[tuple[str, str], Counter[str]]) -> None:
    print(f"\n{'dialect':<16} {'provider':<12} {'right':>5} {'of':>5}  what the emitter drops")
    totals: Counter[str] = Counter()
    for (dialect, provider), cell in sorted(table.items()):
        totals += Counter(right=cell["right"], all=cell.total())
        drops = "; ".join(f"{count} {reason}" for reason, count in cell.items() if reason != "right")
        print(f"{dialect:<16} {provider:<12} {cell['right']:>5} {cell.total():>5}  {drops}")
    print(f"{'all':<29} {totals['right']:>5} {totals['all']:>5}")
