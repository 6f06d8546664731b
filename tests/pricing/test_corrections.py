"""Every correction still corrects something.

Each statement of the bundled corrections is left out in turn; if no probe can tell the difference, the price data has
caught up (or the statement never did anything) and the statement is to be deleted.
"""

from __future__ import annotations

import dataclasses
import re
from datetime import date
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import yaml
from genai_prices.data import providers

import spancost_pricing
from spancost_pricing import Book, Route, Usage
from spancost_pricing.book import corrections
from spancost_pricing.instants import DAY_NS, MINUTE_NS
from spancost_pricing.snapshot import FALLBACKS, Snapshot

if TYPE_CHECKING:
    from collections.abc import Iterator

    from spancost_pricing.instants import Validity
    from spancost_pricing.tariff import Multiplier, Scope, Tariff

FILE = Path(spancost_pricing.__file__).with_name("corrections.yaml")
CORRECTIONS = corrections()
SNAPSHOT = Snapshot()
NOON = 1_795_176_000_000_000_000  # 2026-11-20T12:00:00Z, a Friday
KINDS = ("entries", "aliases", "multipliers", "same_rates", "minimums", "free")
USAGES = (
    Usage(input_tokens=1000, cache_read_tokens=300, cache_write_tokens=100, output_tokens=500, reasoning_tokens=50),
    Usage(input_tokens=1000, input_audio_tokens=300, output_tokens=500, output_audio_tokens=400),
    Usage(input_tokens=1000, input_audio_tokens=300, cache_read_tokens=200, cache_read_audio_tokens=200),
    Usage(input_tokens=1000, input_image_tokens=300, output_tokens=500, output_image_tokens=400),
    Usage(input_tokens=300_000, cache_read_tokens=100_000, output_tokens=500),
    Usage(input_tokens=2000, cache_write_tokens=1500, cache_write_1h_tokens=1000, output_tokens=0),
    Usage(input_tokens=10, units={"web_search": 3}),
    Usage(input_tokens=10, units={"web_fetch": 3}),
    Usage(units={"second": 3}),
)
IDS = {provider.id: [model.id.lower() for model in provider.models] for provider in providers}


def names(scope: Scope) -> Iterator[tuple[str, str]]:
    for provider in sorted(scope.providers):
        sellers = (provider, *FALLBACKS.get(provider, ()))
        known = [model for seller in sellers for model in IDS.get(seller, [])]
        for pattern in scope.models:
            yield provider, pattern.replace("*", "")
            for model in known:
                if fnmatchcase(model, pattern):
                    yield provider, model


def instants(validity: Validity) -> Iterator[int]:
    if validity.covers(NOON):
        yield NOON
    edge = validity.start_ns if validity.start_ns is not None else (validity.end_ns or NOON) - DAY_NS
    for hours in range(0, 8 * 24, 2 if validity.window is None else 1):
        ns = edge + hours * 60 * MINUTE_NS
        if validity.covers(ns):
            yield ns
            if hours >= 24:
                return


def terms_of(rule: Multiplier) -> Iterator[dict[str, str]]:
    """Term values under which a multiplier applies; `*` stands for any place that is not excepted."""
    columns = [[(test.term, value.replace("*", "x")) for value in test.values] for test in rule.terms]
    for first in columns[0]:
        if len(columns) == 1:
            yield dict([first])
        else:
            for second in columns[1]:
                yield dict([first, second])


def route(provider: str, model: str, terms: dict[str, str] | None = None) -> Route:
    given = dict(terms or {})
    return Route(provider, model, given.get("tier"), given.get("region"), given.get("deployment"), given.get("speed"))


def probes(kind: str, index: int) -> Iterator[tuple[Route, int]]:
    match kind:
        case "entries":
            scope, entry = CORRECTIONS.entries[index]
            for provider, model in names(scope):
                for ns in instants(entry.validity):
                    yield route(provider, model, dict(entry.when)), ns
        case "multipliers":
            rule = CORRECTIONS.multipliers[index]
            for provider, model in names(rule.scope):
                for terms in terms_of(rule):
                    for ns in instants(rule.validity):
                        yield route(provider, model, terms), ns
        case "aliases":
            for provider, model in names(CORRECTIONS.aliases[index].scope):
                yield route(provider, model), NOON
        case "same_rates":
            for provider, model in names(CORRECTIONS.same_rates[index].scope):
                yield route(provider, model), NOON
        case "minimums":
            for provider, model in names(CORRECTIONS.minimums[index].scope):
                yield route(provider, model), NOON
        case _:
            for provider, model in names(CORRECTIONS.free[index].scope):
                yield route(provider, model), NOON


def without(kind: str, index: int) -> Tariff:
    kept = [statement for position, statement in enumerate(getattr(CORRECTIONS, kind)) if position != index]
    return dataclasses.replace(CORRECTIONS, **{kind: tuple(kept)})


STATEMENTS = [(kind, index) for kind in KINDS for index in range(len(getattr(CORRECTIONS, kind)))]


@pytest.fixture(scope="module")
def corrected() -> Book:
    return Book([CORRECTIONS], SNAPSHOT)


@pytest.mark.parametrize(("kind", "index"), STATEMENTS, ids=[f"{kind}-{index}" for kind, index in STATEMENTS])
def test_leaving_a_correction_out_changes_a_charge(kind: str, index: int, corrected: Book):
    uncorrected = Book([without(kind, index)], SNAPSHOT)

    for asked, ns in probes(kind, index):
        for usage in USAGES:
            right = corrected.charge(asked, usage, ns)
            wrong = uncorrected.charge(asked, usage, ns)
            if (right.status, right.total_pico) != (wrong.status, wrong.total_pico):
                return
    pytest.fail(f"{kind}[{index}] of corrections.yaml changes nothing any more: delete it")


def test_every_correction_names_its_source_and_the_day_it_was_checked():
    document: dict[str, list[dict[str, object]]] = yaml.safe_load(FILE.read_text())

    unsourced = [
        (section, statement)
        for section, statements in document.items()
        if section not in ("version", "aliases")
        for statement in statements
        if not (re.match("https://", str(statement.get("source"))) and isinstance(statement.get("checked"), date))
    ]

    assert unsourced == []


def test_corrections_price_what_the_price_data_gets_wrong(corrected: Book):
    plain = Book([], SNAPSHOT)
    audio = Usage(input_tokens=1000, input_audio_tokens=900, output_tokens=100, output_audio_tokens=80)
    route = Route("openai", "gpt-4o-audio-preview-2024-12-17")

    # 100 x 2.5 + 900 x 40 + 20 x 10 + 80 x 80
    assert corrected.charge(route, audio, NOON).total_pico == 42_850_000_000
    assert plain.charge(route, audio, NOON).status == "partial"


PLAIN = Usage(input_tokens=1000, output_tokens=1000)
CACHED = Usage(input_tokens=1000, cache_read_tokens=1000, output_tokens=0)
LONG = Usage(input_tokens=300_000, output_tokens=1000)
KEPT = Usage(input_tokens=2000, cache_write_tokens=1500, cache_write_1h_tokens=1000, output_tokens=0)


@pytest.mark.parametrize(
    ("provider", "model", "usage", "pico"),
    [
        # 1000 x 1 + 1000 x 1 and a request of 0.005 USD, not the 0.012 of the largest search
        pytest.param("perplexity", "sonar", PLAIN, 7_000_000_000, id="perplexity's smallest search"),
        # 1000 x 1 + 1000 x 2, as Grok Build; it was 1000 x 0.2 + 1000 x 1.5
        pytest.param("x-ai", "grok-code-fast-1", PLAIN, 3_000_000_000, id="a retired name that is served by another"),
        # 300,000 x 2 + 1000 x 4
        pytest.param("x-ai", "grok-code-fast-1", LONG, 604_000_000_000, id="and its long context"),
        # 1000 x 1.5 + 1000 x 7.5
        pytest.param("mistral", "mistral-medium", PLAIN, 9_000_000_000, id="an alias that moved"),
        # 1000 x 0.03, a tenth of 0.3
        pytest.param("mistral", "codestral-latest", CACHED, 30_000_000, id="a discount that is not listed"),
        # 500 x 10 + 500 x 12.5 + 1000 x 25, twice 12.5
        pytest.param("openai", "gpt-6-astra", KEPT, 36_250_000_000, id="a cache that is kept for twelve hours"),
        # 300,000 x 25 + 1000 x 112.5
        pytest.param("openai", "gpt-5.6-cyber", LONG, 7_612_500_000_000, id="a long context that is not listed"),
        # 1000 x 3.6 + 1000 x 18, a fifth above 3 and 15
        pytest.param(
            "aws",
            "us-gov.anthropic.claude-sonnet-4-5-20250929-v1:0",
            PLAIN,
            21_600_000_000,
            id="a geography's own price",
        ),
        # 1000 x 10 + 1000 x 50
        pytest.param("anthropic", "claude-mythos-5-1", PLAIN, 60_000_000_000, id="a model listed without a price"),
    ],
)
def test_corrections_hold_where_another_table_showed_the_price_data_to_be_wrong(
    provider: str, model: str, usage: Usage, pico: int, corrected: Book
):
    charge = corrected.charge(Route(provider, model), usage, NOON)

    assert (charge.status, charge.total_pico) == ("priced", pico)


def test_a_retired_name_keeps_its_price_until_the_instant_of_its_retirement(corrected: Book):
    retired = 1_778_871_600_000_000_000  # 2026-05-15T19:00:00Z
    route = Route("x-ai", "grok-code-fast-1")

    # 1000 x 0.2 + 1000 x 1.5, then 1000 x 1 + 1000 x 2
    assert corrected.charge(route, PLAIN, retired - 1).total_pico == 1_700_000_000
    assert corrected.charge(route, PLAIN, retired).total_pico == 3_000_000_000


def test_no_correction_guesses_a_model_that_nobody_sells(corrected: Book):
    """Every priced pattern without a wildcard can be asked for by its name."""
    silent = [
        (provider, model)
        for scope, entry in CORRECTIONS.entries
        for provider in scope.providers
        for model in scope.models
        if "*" not in model
        for ns in instants(entry.validity)
        if corrected.charge(
            route(provider, model, dict(entry.when)), Usage(input_tokens=1, units={"web_search": 1}), ns
        ).status
        == "unpriced"
    ]

    assert silent == []
