"""The input tokens that providers reported for recorded requests lie between the bounds of the estimate."""

from __future__ import annotations

import csv
import json
import os
import re
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest
import yaml

from spancost_pricing.prompt import read_prompt
from spancost_pricing.tokens import TokenRates, family_of

FOLDER = Path(os.environ.get("SPANCOST_RECORDINGS", Path(__file__).parents[3] / "shared" / "data"))
APIS = ("chat", "messages", "responses", "generate_content", "converse")
CACHE_IS_EXTRA = ("anthropic", "bedrock")
"""Providers whose input leaves out what was read from and written to the cache."""
LARGEST = 12_000
"""Bytes of a recording: enough are small, and parsing is what takes the time."""
FEWEST = 30

pytestmark = pytest.mark.skipif(
    not (FOLDER / "index_interactions.csv").is_file(), reason=f"no recorded provider traffic in {FOLDER}"
)


def recorded() -> list[tuple[str, str, Any, int]]:
    """Name, model, request body and reported input tokens, of one exchange per recording."""
    csv.field_size_limit(2**31 - 1)
    with (FOLDER / "index_interactions.csv").open(newline="", encoding="utf-8") as lines:
        rows = [row for row in csv.DictReader(lines) if row["api"] in APIS and row["input_tokens_raw"]]
    files: dict[str, dict[str, str]] = {}
    for row in rows:
        files.setdefault(row["path"], row)
    found: list[tuple[str, str, Any, int]] = []
    for path, row in files.items():
        file = FOLDER / path
        if file.suffix != ".yaml" or file.stat().st_size > LARGEST:
            continue
        cassette = yaml.load(file.read_bytes(), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
        request = cassette["interactions"][int(row["i"])].get("request", {})
        body = request.get("body") or ""
        text = body.decode("utf-8", "replace") if isinstance(body, bytes) else body
        if not text.startswith("{"):
            continue
        tokens = int(float(row["input_tokens_raw"]))
        if row["provider"] in CACHE_IS_EXTRA:
            tokens += sum(int(float(row[name] or "0")) for name in ("cached_raw", "cache_write_raw"))
        in_path = re.search(r"/models?/([^/:]+)", request["uri"])
        model = row["model_reported"] or row["model_requested"] or (in_path[1] if in_path else "")
        found.append((f"{path}#{row['i']}", model, json.loads(text), tokens))
    return found


def test_the_reported_input_is_within_the_bounds_of_nearly_every_recorded_request() -> None:
    rates = TokenRates()
    within: dict[str, int] = defaultdict(int)
    outside: dict[str, list[object]] = defaultdict(list)
    for name, model, body, tokens in recorded():
        prompt = read_prompt(body)
        if prompt.open_ended:
            continue
        family = family_of(model)
        bounds = rates.count_request(prompt, family)
        if bounds.lower <= tokens <= bounds.upper:
            within[family] += 1
        else:
            outside[family].append((name, tokens, bounds))

    assert sum(within.values()) >= FEWEST, "too few small recordings to say anything"
    # A few requests in a hundred were recorded without the part that was billed, or were billed for nothing.
    assert {
        family: names for family, names in outside.items() if len(names) > 0.03 * (within[family] + len(names)) + 1
    } == {}
