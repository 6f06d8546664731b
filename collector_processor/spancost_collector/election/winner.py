"""Which description of a call stands for it, and what it takes over from the others."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypeVar

from spancost_collector.call import Attribution
from spancost_collector.election.likeness import has_usage, same_usage
from spancost_collector.election.loose import is_loose
from spancost_pricing import Usage
from spancost_pricing.reported import SUBSCRIPTION
from spancost_pricing.split import UsageError, shares

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from spancost_collector.call import Key, ModelCall, Resource
    from spancost_pricing import Route

_T = TypeVar("_T")

_COUNTS: Final = tuple(name for name in Usage._fields if name not in {"units", "estimated"})
_TERMS: Final = ("service_tier", "region", "deployment", "speed")
_WHO: Final = tuple(name for name in Attribution._fields if name not in {"prompt", "prompt_version", "tags"})
_MAX_TAGS: Final = 32


def ranked(members: Iterable[ModelCall]) -> list[ModelCall]:
    """The descriptions of one call, the one that stands for it first.

    Of those that agree about the output, the one with most input has left least out: emitters drop what was cached or
    what a tool put into the prompt, and none of them makes anything up. Last come those that took a tool's tokens for
    thoughts.
    """
    members = sorted(members, key=_rank)
    exact = [call for call in members if not any(_lumps(call, other) for other in members)]
    if len({call.usage.output_tokens for call in exact if call.usage is not None and has_usage(call)}) == 1:
        exact.sort(key=_left_out)
    return exact if len(exact) == len(members) else [*exact, *(call for call in members if call not in exact)]


def _lumps(call: ModelCall, other: ModelCall) -> bool:
    """Whether what `call` has for thoughts is more than `other` has by just what it lacks in the input.

    It knows the grand total, and counts as thoughts what is left of it.
    """
    mine, theirs = call.usage, other.usage
    if mine is None or theirs is None or mine.reasoning_tokens is None or theirs.reasoning_tokens is None:
        return False
    if call.reported is not None:
        return False
    lumped = mine.reasoning_tokens - theirs.reasoning_tokens
    return (
        lumped > 0
        and _is_more(theirs.input_tokens, mine.input_tokens, lumped)
        and _is_more(mine.output_tokens, theirs.output_tokens, lumped)
    )


def _is_more(one: int | None, other: int | None, by: int) -> bool:
    return one is not None and other is not None and one - other == by


def merged(members: Sequence[ModelCall]) -> ModelCall:
    """The first of `ranked` members, with what only the others know."""
    call = members[0]
    for other in members[1:]:
        call = call._replace(
            route=_with_terms(call.route, other.route),
            request_model=_first(call.request_model, other.request_model),
            response_model=_first(call.response_model, other.response_model),
            response_id=_first(call.response_id, other.response_id),
            usage=_with_counts(call, other),
            attribution=_with_payers(call.attribution, other.attribution),
            resource=_with_origin(call.resource, other.resource),
            reported=_first(call.reported, other.reported),
            quoted=_first(call.quoted, other.quoted),
            cached=call.cached or other.cached,
            first_chunk_s=_first(call.first_chunk_s, other.first_chunk_s),
        )
    return call


def _rank(call: ModelCall) -> tuple[bool, bool, bool, int, bool, int, Key]:
    """Smaller is better. Of equally rich ones the shorter is nearer to the provider, if it is in its call's trace."""
    usage = call.usage
    return (
        # That a flat fee covers a call is no figure of its own: the settings may say so, too, of whichever is charged.
        call.reported is None or call.reported.by == SUBSCRIPTION,
        not has_usage(call),
        usage is not None and usage.estimated,
        -_richness(call),
        is_loose(call),
        call.end_ns - call.start_ns,
        call.key,
    )


def _left_out(call: ModelCall) -> tuple[bool, bool, bool, int]:
    return (*_rank(call)[:3], 0 if call.usage is None else -_put(call.usage))


def _richness(call: ModelCall) -> int:
    known = sum(getattr(call.route, term) is not None for term in _TERMS) + (call.response_model is not None)
    if call.usage is not None:
        known += sum(getattr(call.usage, name) is not None for name in _COUNTS) + len(call.usage.units)
    return known


def _first(mine: _T | None, other: _T | None) -> _T | None:
    return other if mine is None else mine


def _with_terms(mine: Route, other: Route) -> Route:
    if None not in (mine.service_tier, mine.region, mine.deployment, mine.speed):
        return mine
    return mine._replace(**{term: _first(getattr(mine, term), getattr(other, term)) for term in _TERMS})


def _with_counts(call: ModelCall, other: ModelCall) -> Usage | None:
    """The parts that `call` does not know, where they fit its totals."""
    mine, theirs = call.usage, other.usage
    if theirs is None or not same_usage(call, other):
        return mine
    if mine is None:
        return theirs
    if mine.input_tokens is not None and theirs.input_tokens is not None and mine.input_tokens != theirs.input_tokens:
        return max(mine, theirs, key=_put)  # the same usage but for what was cached, which one of them leaves out
    missing: dict[str, Any] = {
        name: found for name in _COUNTS if getattr(mine, name) is None and (found := getattr(theirs, name)) is not None
    }
    if theirs.units and not mine.units:
        missing["units"] = theirs.units
    if not missing:
        return mine
    filled = mine._replace(**missing)
    try:
        shares(filled)
    except UsageError:
        return mine
    return filled


def _put(usage: Usage) -> int:
    return 0 if usage.input_tokens is None else usage.input_tokens


def _with_payers(mine: Attribution, other: Attribution) -> Attribution:
    if mine == other:
        return mine
    taken: dict[str, Any] = {name: _first(getattr(mine, name), getattr(other, name)) for name in _WHO}
    if mine.prompt is None:
        taken |= {"prompt": other.prompt, "prompt_version": other.prompt_version}
    elif mine.prompt == other.prompt:
        taken["prompt_version"] = _first(mine.prompt_version, other.prompt_version)
    tags = tuple(dict.fromkeys((*mine.tags, *other.tags)))[:_MAX_TAGS]
    return mine._replace(**taken, tags=tags)


def _with_origin(mine: Resource, other: Resource) -> Resource:
    return mine._replace(
        service=_first(mine.service, other.service),
        environment=_first(mine.environment, other.environment),
        release=_first(mine.release, other.release),
    )
