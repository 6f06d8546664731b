"""Nothing that is sent crashes the receiver or comes out changed: arbitrary bytes, damaged and hostile requests.

`SPANCOST_FUZZ_SECONDS=1800 pytest tests/collector/test_fuzz.py` goes on for that long, always with new examples.
"""

from __future__ import annotations

import os
import random
import resource
import time
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry
from tests.collector.fuzzing import Passage, damaged, json_documents, packed, requests

from spancost_collector.charging import Charging
from spancost_collector.dialects import DIALECTS
from spancost_collector.election import Election
from spancost_collector.enrich import Enricher
from spancost_collector.intake.inflate import BadPackingError, TooLargeError, inflate
from spancost_collector.intake.otlp_json import BadJsonError, convert
from spancost_collector.ledger.writer import Ledger
from spancost_collector.metrics.accounts import Accounts
from spancost_collector.metrics.labels import LabelBounds
from spancost_collector.metrics.receiver import ReceiverMetrics
from spancost_collector.pipeline import Pipeline
from spancost_collector.price import Price
from spancost_collector.reading.normalise import Normaliser
from spancost_pricing import load_book

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

SECONDS = float(os.environ.get("SPANCOST_FUZZ_SECONDS", "0"))
_MEBIBYTES = 1024  # of ru_maxrss, which counts kibibytes


@pytest.fixture
def passage(tmp_path: Path) -> Iterator[Passage]:
    ledger = Ledger(tmp_path / "ledger.sqlite3")

    def build(next_hop: Passage) -> Pipeline:
        metrics = ReceiverMetrics(CollectorRegistry())
        return Pipeline(
            normaliser=Normaliser(DIALECTS),
            charging=Charging(
                price=Price(load_book()),
                enricher=Enricher(),
                election=Election(),
                ledger=ledger,
                accounts=Accounts(LabelBounds(max_values=10, tenant=True), folded=lambda _dimension, _calls: None),
                metrics=metrics,
            ),
            metrics=metrics,
            forward=next_hop,
        )

    yield Passage(build)
    ledger.close()


def explore(
    check: Callable[[bytes], None], bodies: st.SearchStrategy[bytes], examples: int, capsys: pytest.CaptureFixture[str]
) -> None:
    """Try `examples` of them, the same ones each time; or, asked for seconds, new ones until they are over."""
    tried, longest = 0, 0.0

    def examine(body: bytes) -> None:
        nonlocal tried, longest
        began = time.process_time()
        check(body)
        longest = max(longest, time.process_time() - began)
        tried += 1

    limits = settings(
        max_examples=examples,
        derandomize=not SECONDS,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example],
    )
    if not SECONDS:
        limits(given(bodies)(examine))()
        return
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    until = time.monotonic() + SECONDS / 5
    while time.monotonic() < until:
        seed(random.getrandbits(64))(limits(given(bodies)(examine)))()
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / _MEBIBYTES
    with capsys.disabled():
        print(f"\n  {tried} examples, the longest took {longest * 1000:.0f} ms, memory grew by {grown:.0f} MiB", end="")


def test_bytes_of_any_kind_are_refused_or_passed_on(passage: Passage, capsys: pytest.CaptureFixture[str]) -> None:
    explore(passage.examine, st.binary(max_size=200), 300, capsys)


def test_whatever_a_well_formed_request_says_comes_out_as_it_was_but_for_our_attributes(
    passage: Passage, capsys: pytest.CaptureFixture[str]
) -> None:
    explore(passage.examine, requests(), 60, capsys)


def test_a_damaged_request_is_read_as_the_official_messages_read_it(
    passage: Passage, capsys: pytest.CaptureFixture[str]
) -> None:
    explore(passage.examine, damaged(), 60, capsys)


def test_json_of_any_kind_is_refused_or_becomes_a_request(passage: Passage, capsys: pytest.CaptureFixture[str]) -> None:
    def examine(document: bytes) -> None:
        try:
            converted = convert(document)
        except BadJsonError:
            return
        passage.examine(converted.body)

    explore(examine, json_documents() | st.binary(max_size=100), 100, capsys)


def test_what_is_unpacked_is_never_more_than_was_allowed(capsys: pytest.CaptureFixture[str]) -> None:
    def examine(body: bytes) -> None:
        for encoding in ("gzip", "zstd"):
            try:
                assert len(inflate(encoding, body, 1000)) <= 1000
            except (BadPackingError, TooLargeError):
                continue

    explore(examine, packed(), 200, capsys)
