"""`spancost doctor`: what the receiver makes of recorded spans, span by span; or whether a ledger is whole."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from spancost_collector.cli.figures import exact
from spancost_collector.cli.ledger_check import doctor_ledger
from spancost_collector.columns import COUNTS
from spancost_collector.diagnosis import diagnose
from spancost_collector.dialects import DIALECTS
from spancost_collector.election import Election
from spancost_collector.normalise import Normaliser
from spancost_collector.otlp_files import read_requests
from spancost_collector.price import Price
from spancost_collector.price_data import load_current_book
from spancost_pricing import ConfigError, usd

if TYPE_CHECKING:
    from collections.abc import Iterator

    from spancost_collector.call import ModelCall
    from spancost_collector.diagnosis import Diagnosis, Finding


def doctor(
    otlp: Annotated[
        Path | None, typer.Option(help="Spans to examine: OTLP as JSON, JSON lines or protobuf; nothing is kept.")
    ] = None,
    ledger: Annotated[Path | None, typer.Option(help="A ledger to examine.")] = None,
    repair_into: Annotated[
        Path | None, typer.Option(help="With --ledger: write what can be read of it to a new file.")
    ] = None,
    prices: Annotated[Path | None, typer.Option(help="Your own prices.", envvar="SPANCOST_PRICES")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON; money as decimal strings in USD.")] = False,
) -> None:
    """Which dialect each span speaks, what was read, what is charged or not, and why; or whether a ledger is whole."""
    if (otlp is None) == (ledger is None):
        raise ConfigError("doctor: expected one of --otlp FILE and --ledger FILE")
    if ledger is not None:
        doctor_ledger(ledger, repair_into=repair_into, as_json=as_json)
        return
    if repair_into is not None:
        raise ConfigError("--repair-into: only a ledger can be repaired; give --ledger FILE")
    if otlp is not None:
        _examine(otlp, prices, as_json=as_json)


def _examine(path: Path, prices: Path | None, *, as_json: bool) -> None:
    bodies, problems = read_requests(path)
    book = load_current_book(prices)
    found = diagnose(bodies, Normaliser(DIALECTS), Election(), Price(book))
    if as_json:
        typer.echo(json.dumps(_document(found, problems), indent=2))
        return
    for finding in found.findings:
        typer.echo("\n".join(_lines(finding)) + "\n")
    for problem in problems:
        typer.echo(f"left out: {problem}\n")
    typer.echo(_summary(found))


def _lines(finding: Finding) -> Iterator[str]:
    yield f"{finding.name or '(no name)'}  trace {finding.trace_id} span {finding.span_id}"
    yield _row("from scope", finding.scope)
    call, charged = finding.call, finding.charged
    if call is not None:
        yield _row("read as", call.dialect)
        yield _row("call", " ".join(_call(call)))
        yield _row("tokens", _tokens(call))
        yield _row("paid by", ", ".join(f"{name} {value}" for name, value in _payers(call).items()) or "unattributed")
    amount = charged.charge.usd if charged is not None else None
    yield _row(finding.verdict, finding.why if amount is None else f"{exact(amount)} USD, {finding.why}")
    if charged is not None:
        for assumption in charged.charge.assumptions:
            yield _row("assumed", assumption)
    if call is not None and call.quoted is not None:
        yield _row("quoted", f"{exact(usd(call.quoted.pico))} USD by {call.quoted.by}, kept beside and never added")
    if finding.unreadable_attributes:
        yield _row("ignored", f"{finding.unreadable_attributes} attributes that cannot be what they are named")


def _row(label: str, text: str) -> str:
    return f"  {label:<13} {text}"


def _call(call: ModelCall) -> Iterator[str]:
    if call.role == "aggregate":
        yield "sum of calls:"
    yield call.operation
    yield f"by {call.route.provider or 'an unknown provider'}"
    yield f"with {call.route.model or 'an unknown model'}"
    for name, value in (
        ("tier", call.route.service_tier),
        ("region", call.route.region),
        ("deployment", call.route.deployment),
        ("speed", call.route.speed),
        ("response", call.response_id),
    ):
        if value is not None:
            yield f"{name} {value}"
    if call.outcome != "ok":
        yield f"({call.outcome})"
    if call.cached:
        yield "(from a cache)"


def _tokens(call: ModelCall) -> str:
    used = _used(call)
    return ", ".join(f"{name.removesuffix('_tokens').replace('_', ' ')} {count}" for name, count in used.items()) or (
        "nothing was reported"
    )


def _used(call: ModelCall) -> dict[str, str]:
    if call.usage is None:
        return {}
    counts = {name: str(count) for name in COUNTS if (count := getattr(call.usage, name)) is not None}
    return counts | {unit: exact(Decimal(quantity)) for unit, quantity in call.usage.units.items()}


def _payers(call: ModelCall) -> dict[str, str]:
    said = call.attribution._asdict()
    tags = said.pop("tags")
    found = {name: value for name, value in said.items() if value is not None}
    return {**found, "tags": " ".join(tags)} if tags else found


def _summary(found: Diagnosis) -> str:
    counts = {
        verdict: sum(finding.verdict == verdict for finding in found.findings)
        for verdict in ("charged", "not charged", "no model call", "unreadable")
    }
    others = found.spans - len(found.findings)
    total = sum(
        finding.charged.charge.total_pico
        for finding in found.findings
        if finding.charged is not None and finding.charged.charge.total_pico is not None
    )
    return (
        f"{found.spans} spans: {counts['charged']} charged, {exact(usd(total))} USD together; "
        f"{counts['not charged']} not charged; {counts['unreadable']} unreadable; "
        f"{counts['no model call']} that mention model calls and are none; {others} others"
    )


def _document(found: Diagnosis, problems: list[str]) -> dict[str, object]:
    return {
        "spans": found.spans,
        "left_out": problems,
        "findings": [_finding(finding) for finding in found.findings],
    }


def _finding(finding: Finding) -> dict[str, Any]:
    document: dict[str, Any] = {
        "trace_id": finding.trace_id,
        "span_id": finding.span_id,
        "name": finding.name,
        "scope": finding.scope,
        "verdict": finding.verdict,
        "why": finding.why,
        "unreadable_attributes": finding.unreadable_attributes,
    }
    call, charged = finding.call, finding.charged
    if call is not None:
        document |= {
            "dialect": call.dialect,
            "role": call.role,
            "operation": call.operation,
            "outcome": call.outcome,
            "provider": call.route.provider,
            "model": call.route.model,
            "service_tier": call.route.service_tier,
            "response_id": call.response_id,
            "usage": _used(call) if call.usage is not None else None,
            "attribution": _payers(call),
            "quoted_usd": None if call.quoted is None else exact(usd(call.quoted.pico)),
        }
    if charged is not None:
        charge = charged.charge
        document |= {
            "cost_usd": None if charge.usd is None else exact(charge.usd),
            "status": charge.status,
            "reason": charge.reason,
            "assumptions": list(charge.assumptions),
            "book": charge.book,
        }
    return document
