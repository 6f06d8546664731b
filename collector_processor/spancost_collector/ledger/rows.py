"""A paid call as a row of the ledger, and the row as the call it was."""

from __future__ import annotations

import json
import sqlite3
from functools import lru_cache
from types import NoneType
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from spancost_collector.call import Attribution, ModelCall, Reported, Resource
from spancost_collector.ledger.documents import read_units, write_quantities, write_units
from spancost_pricing import Route, Usage

if TYPE_CHECKING:
    from collections.abc import Sequence

    from spancost_collector.call import Charged
    from spancost_collector.ledger.interning import Interned


def _as_it_is(value: None) -> None:
    return value


# `sqlite3` looks for an adapter for every None and every bytes, and makes and drops an exception where it finds none:
# half of the time that a row takes. For a bool, too, so those are integers in a row.
sqlite3.register_adapter(NoneType, _as_it_is)
sqlite3.register_adapter(bytes, bytes.__bytes__)

USAGE_COLUMNS: Final = Usage._fields
"""The columns that say what was used: the counts, then `units` and `estimated`."""
_NOT_REPORTED: Final = Usage()

_USUAL: Final = (
    "start_ns",
    "span_id",
    "trace_id",
    "parent_id",
    "end_ns",
    "kind_id",
    "user",
    "session",
    "response_id",
    "cached",
    "input_tokens",
    "cache_read_tokens",
    "cache_write_tokens",
    "output_tokens",
    "reasoning_tokens",
    "estimated",
    "status",
    "reason",
    "detail",
    "cost_pico",
    "quantities",
    "parts",
    "assumptions",
    "book",
)
_UNUSUAL: Final = (
    "prompt",
    "prompt_version",
    "tags",
    "reported_pico",
    "reported_by",
    "quoted_pico",
    "quoted_by",
    "cache_write_1h_tokens",
    "input_audio_tokens",
    "input_image_tokens",
    "cache_read_audio_tokens",
    "cache_read_image_tokens",
    "output_audio_tokens",
    "output_image_tokens",
    "batched_requests",
    "units",
    "computed_pico",
)
"""What most calls have nothing of: to say so column by column takes SQLite a quarter of the time of a row."""
_NOTHING_UNUSUAL: Final = (None,) * len(_UNUSUAL)


def _insert(columns: Sequence[str]) -> str:
    return (
        f"INSERT INTO charges ({', '.join(columns)}) VALUES ({','.join('?' * len(columns))})"
        " ON CONFLICT (start_ns, span_id) DO NOTHING"
    )


INSERT: Final = {len(columns): _insert(columns) for columns in (_USUAL, (*_USUAL, *_UNUSUAL))}
"""How many values a row has -> what adds it, unless its call has one."""


class _Described(NamedTuple):
    """The columns that say what the call was, before those of its usage."""

    start_ns: int
    span_id: bytes
    trace_id: bytes
    parent_id: bytes
    end_ns: int
    user: str | None
    session: str | None
    prompt: str | None
    prompt_version: str | None
    tags: str | None
    operation: str
    request_model: str | None
    response_model: str | None
    response_id: str | None
    service_tier: str | None
    region: str | None
    deployment: str | None
    speed: str | None
    dialect: str
    emitter: str
    assumed: str | None
    role: Any
    outcome: Any
    cached: int
    reported_pico: int | None
    reported_by: str | None
    quoted_pico: int | None
    quoted_by: str | None
    feature: str
    task: str
    tenant: str
    provider: str
    model: str
    environment: str
    release: str
    service: str


SELECT: Final = f"SELECT {', '.join((*_Described._fields, *USAGE_COLUMNS))} FROM calls"
"""Reads what `described` takes."""


def row(charged: Charged, kind_id: int, interned: Interned) -> tuple[object, ...]:
    """The values of one of `INSERT`."""
    call, charge, _ = charged
    reported, quoted = call.reported, call.quoted
    _, _, _, user, session, prompt, prompt_version, tags = call.attribution
    status, reason, total_pico, items, book, quantities, detail, assumptions, computed_pico = charge
    (
        input_tokens,
        cache_read_tokens,
        cache_write_tokens,
        cache_write_1h_tokens,
        input_audio_tokens,
        input_image_tokens,
        cache_read_audio_tokens,
        cache_read_image_tokens,
        output_tokens,
        reasoning_tokens,
        output_audio_tokens,
        output_image_tokens,
        batched_requests,
        units,
        estimated,
    ) = _NOT_REPORTED if call.usage is None else call.usage
    usual = (
        call.start_ns,
        call.span_id,
        call.trace_id,
        call.parent_id,
        call.end_ns,
        kind_id,
        user,
        session,
        call.response_id,
        1 if call.cached else 0,
        input_tokens,
        cache_read_tokens,
        cache_write_tokens,
        output_tokens,
        reasoning_tokens,
        1 if estimated else 0,
        status,
        reason or "",
        detail,
        total_pico,
        write_quantities(quantities),
        interned.parts(items),
        _texts(assumptions) if assumptions else "[]",
        book,
    )
    unusual = (
        prompt,
        prompt_version,
        json.dumps(tags) if tags else None,
        None if reported is None else reported.pico,
        None if reported is None else reported.by,
        None if quoted is None else quoted.pico,
        None if quoted is None else quoted.by,
        cache_write_1h_tokens,
        input_audio_tokens,
        input_image_tokens,
        cache_read_audio_tokens,
        cache_read_image_tokens,
        output_audio_tokens,
        output_image_tokens,
        batched_requests,
        write_units(units),
        computed_pico,
    )
    return usual if unusual == _NOTHING_UNUSUAL else (*usual, *unusual)


@lru_cache(maxsize=1024)
def _texts(texts: tuple[str, ...]) -> str:
    """A JSON array; what is assumed is the same for many calls."""
    return json.dumps(texts)


def described(values: Sequence[Any]) -> ModelCall:
    """The call that a row of `SELECT` was made from; '' and unset are one in a series."""
    found = _Described(*values[: len(_Described._fields)])
    return ModelCall(
        trace_id=found.trace_id,
        span_id=found.span_id,
        start_ns=found.start_ns,
        end_ns=found.end_ns,
        operation=found.operation,
        route=Route(found.provider, found.model, found.service_tier, found.region, found.deployment, found.speed),
        request_model=found.request_model,
        response_model=found.response_model,
        response_id=found.response_id,
        usage=usage_of(values[len(_Described._fields) :]),
        outcome=found.outcome,
        attribution=Attribution(
            found.feature or None,
            found.task or None,
            found.tenant or None,
            found.user,
            found.session,
            found.prompt,
            found.prompt_version,
            () if found.tags is None else tuple(json.loads(found.tags)),
        ),
        resource=Resource(found.service or None, found.environment or None, found.release or None),
        dialect=found.dialect,
        reported=_figure(found.reported_pico, found.reported_by),
        quoted=_figure(found.quoted_pico, found.quoted_by),
        role=found.role,
        parent_id=found.parent_id,
        emitter=found.emitter,
        cached=bool(found.cached),
        assumed=found.assumed,
    )


def usage_of(values: Sequence[Any]) -> Usage | None:
    """The usage that the values of `USAGE_COLUMNS` stand for; None where nothing was reported."""
    *counts, units, estimated = values
    if units is None and not estimated and all(count is None for count in counts):
        return None
    return Usage._make((*counts, read_units(units), bool(estimated)))


def _figure(pico: int | None, by: str | None) -> Reported | None:
    return None if pico is None or by is None else Reported(pico, by)
