"""How what was found in spans is shown: a paragraph for each to people, one document to programs."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from spancost_collector.call import UNATTRIBUTED
from spancost_collector.cli.figures import exact
from spancost_collector.cli.printing import escaped
from spancost_collector.reading.columns import COUNTS
from spancost_pricing import usd

if TYPE_CHECKING:
    from collections.abc import Iterator

    from spancost_collector.call import ModelCall
    from spancost_collector.diagnosis import Change, Finding, Sums


def paragraph(finding: Finding) -> str:
    """What one span was found to be."""
    return "\n".join(map(escaped, _lines(finding))) + "\n"


def sentence(change: Change) -> str:
    """What later spans changed about an earlier one."""
    return f"span {change.span_id} {change.why}\n"


def summary(sums: Sums) -> str:
    """What all spans come to, in one line."""
    return (
        f"{sums.spans} spans: {sums.charged} charged, {exact(usd(sums.pico))} USD together; "
        f"{sums.unpriced} unpriced; {sums.invalid} with usage that cannot be; "
        f"{sums.not_charged} not charged; {sums.unreadable} unreadable; "
        f"{sums.no_model_call} that mention model calls and are none; {sums.others} others"
    )


def document(sums: Sums, findings: list[Finding], changes: list[Change], left_out: list[str]) -> dict[str, object]:
    """All of it for programs; money as decimal strings."""
    return {
        "spans": sums.spans,
        "charged": sums.charged,
        "unpriced": sums.unpriced,
        "invalid_usage": sums.invalid,
        "charged_usd": exact(usd(sums.pico)),
        "left_out": left_out,
        "findings": [_finding(finding) for finding in findings],
        "changes": [change._asdict() for change in changes],
    }


def _lines(finding: Finding) -> Iterator[str]:
    yield f"{finding.name or '(no name)'}  trace {finding.trace_id} span {finding.span_id}"
    yield _row("from scope", finding.scope)
    call, charged = finding.call, finding.charged
    if call is not None:
        yield _row("read as", call.dialect)
        yield _row("call", " ".join(_call(call)))
        yield _row("tokens", _tokens(call))
        yield _row("paid by", ", ".join(f"{name} {value}" for name, value in _payers(call).items()) or UNATTRIBUTED)
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
