"""Totals made to include their parts, whatever an emitter left out of them.

Where the emitter is known its dialect says what is left out; where it is not, arithmetic has to tell, and the call says
what was assumed. Nothing is ever clamped: what contradicts itself stays so, and pricing refuses it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from spancost_collector.reading.columns import PLACE

if TYPE_CHECKING:
    from collections.abc import Iterable

    from spancost_collector.reading.dialect import Apart, Part

_INPUT: Final = PLACE["input_tokens"]
_READ: Final = PLACE["cache_read_tokens"]
_WRITE: Final = PLACE["cache_write_tokens"]
_OUTPUT: Final = PLACE["output_tokens"]
_REASONING: Final = PLACE["reasoning_tokens"]
_TOTAL: Final = PLACE["total_tokens"]


def make_whole(values: list[Any], exceptions: Iterable[Apart], provider: str) -> None:
    """Put the parts that known exceptions leave out into their totals, in place."""
    for exception in exceptions:
        if exception.providers is not None and provider not in exception.providers:
            continue
        if not exception.if_shown or _shown(values, exception.part):
            _include(values, exception.part)


def judge(values: list[Any]) -> str | None:
    """Find out by arithmetic what an unknown emitter's totals include; make them whole, and say what was found."""
    found: list[str] = []
    if _cached(values):
        apart = _shown(values, "cache")
        found.append("cached tokens stand beside the input" if apart else "the input includes cached tokens")
        if apart:
            _include(values, "cache")
    if values[_REASONING]:
        apart = _shown(values, "reasoning")
        found.append("reasoning stands beside the output" if apart else "the output includes reasoning")
        if apart:
            _include(values, "reasoning")
    return "; ".join(found) or None


def _shown(values: list[Any], part: Part) -> bool:
    """Whether the figures themselves say that a part is left out of its total."""
    whole_in, whole_out, total = values[_INPUT], values[_OUTPUT], values[_TOTAL]
    if part == "cache":
        beside = _cached(values)
        return whole_in is not None and (
            beside > whole_in
            or (beside > 0 and total is not None and whole_out is not None and total == whole_in + whole_out + beside)
        )
    beside = values[_REASONING]
    if beside is None or whole_out is None:
        return False
    return beside > whole_out or (
        beside > 0 and total is not None and whole_in is not None and total == whole_in + whole_out + beside
    )


def _include(values: list[Any], part: Part) -> None:
    match part:
        case "cache":
            if values[_INPUT] is not None:
                values[_INPUT] += _cached(values)
        case "unbilled_cache":
            values[_READ] = None
        case "reasoning":
            if values[_OUTPUT] is not None and values[_REASONING] is not None:
                values[_OUTPUT] += values[_REASONING]
        case "thoughts_in_total":
            whole_in, total = values[_INPUT], values[_TOTAL]
            shown = 0 if values[_OUTPUT] is None else values[_OUTPUT]
            if whole_in is not None and total is not None and total > whole_in + shown and not values[_REASONING]:
                values[_REASONING] = total - whole_in - shown
                values[_OUTPUT] = total - whole_in


def _cached(values: list[Any]) -> int:
    read, write = values[_READ], values[_WRITE]
    return (0 if read is None else read) + (0 if write is None else write)
