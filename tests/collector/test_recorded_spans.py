"""Spans recorded from the official instrumentations: one call for each span that carries usage, with its figures."""

from __future__ import annotations

import csv
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, cast

import pytest

from spancost_collector.decode import Export
from spancost_collector.dialects import DIALECTS
from spancost_collector.normalise import Normaliser

if TYPE_CHECKING:
    from collections.abc import Iterator

SPANS = Path(os.environ.get("SPANCOST_SPANS", "../shared/data"))
INDEX = SPANS / "spans_index.csv"


def rows() -> Iterator[dict[str, str]]:
    with INDEX.open(newline="") as file:
        yield from csv.DictReader(file)


def recorded(dialect: str) -> Iterator[tuple[Path, list[dict[str, object]]]]:
    """Each protobuf file with the usage attributes of its spans, in the index's own words."""
    found: dict[str, list[dict[str, object]]] = {}
    for row in rows():
        if row["dialect"] == dialect:
            usage = cast("dict[str, object]", json.loads(row["usage_attrs_json"] or "{}"))
            found.setdefault(row["path"], []).append(usage)
    for path, usages in found.items():
        body = SPANS / path.replace(".otlp.json", ".otlp.pb")
        if body.exists():
            yield body, usages


@pytest.mark.skipif(
    not INDEX.exists(), reason="no recorded spans: set SPANCOST_SPANS to a folder that has spans_index.csv"
)
@pytest.mark.parametrize("dialect", ["otel", "otel_latest"])
def test_recorded_output_tokens_arrive_unchanged(dialect: str) -> None:
    normaliser = Normaliser(DIALECTS)
    compared = 0
    for body, usages in recorded(dialect):
        readings = [
            normaliser.read(span, envelope)
            for _, envelope, span in Export(body.read_bytes()).candidates(normaliser.markers)
        ]
        calls = [reading.call for reading in readings if reading.call is not None]
        assert sum(reading.unreadable_attributes for reading in readings) == 0, body.name
        expected = sorted(
            int(str(usage["gen_ai.usage.output_tokens"])) for usage in usages if "gen_ai.usage.output_tokens" in usage
        )
        got = sorted(call.usage.output_tokens for call in calls if call.usage and call.usage.output_tokens is not None)
        assert got == expected, body.name
        compared += len(got)
    assert compared > 0
