"""A model's whole answer, where an emitter passes it on: what stands in it that decides the price.

Some emitters have no attribute for a response's id, the tier that served it or how long a cache write lives, and yet
put the answer as JSON on the span: the provider's own, or LangChain's message around it. Only names and numbers are
taken from it, never what was said. Pure, and it never raises on what an emitter may send.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final, cast

from spancost_collector.reading.embedded import converse_usage, gemini_usage, inner, langchain_usage, provider_usage

if TYPE_CHECKING:
    from collections.abc import Mapping

_IDS: Final = ("response_id", "id")
"""Google's name of a response's id, and everybody else's."""
_UNDERSCORE: Final = re.compile(r"_(\w)")


def read_answer(document: Mapping[str, Any]) -> dict[str, Any]:
    """The columns that an answer fills, by the names of `columns`; None or nothing where it does not say."""
    message = _langchain_message(document)
    if message is not None:
        said = langchain_usage(inner(message, "usage_metadata"))
        return {**said, **_named(inner(message, "response_metadata"))}
    return {**_usage(document), **_named(document)}


def _usage(answer: Mapping[str, Any]) -> dict[str, Any]:
    """Told by the names of the counts: Bedrock's, Google's as its SDK spells them, and everybody else's."""
    usage = inner(answer, "usage")
    if "inputTokens" in usage:
        return {**converse_usage(usage), "service_tier": _text(inner(answer, "serviceTier"), "type")}
    if usage:
        return provider_usage(usage)
    metadata = inner(answer, "usage_metadata")
    return (
        gemini_usage({_UNDERSCORE.sub(_capital, name): value for name, value in metadata.items()}) if metadata else {}
    )


def _capital(underscored: re.Match[str]) -> str:
    return underscored[1].upper()


def _named(answer: Mapping[str, Any]) -> dict[str, Any]:
    found = {"response_id": _text(answer, *_IDS), "service_tier": _text(answer, "service_tier")}
    return {column: value for column, value in found.items() if value is not None}


def _langchain_message(document: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The one message of a result that has one; several prompts in one run are several calls."""
    prompts = _only(document.get("generations"))
    generation = _only(prompts)
    return inner(cast("dict[str, Any]", generation), "message", "kwargs") if isinstance(generation, dict) else None


def _only(found: object) -> object:
    if not isinstance(found, list):
        return None
    listed = cast("list[object]", found)
    return listed[0] if len(listed) == 1 else None


def _text(document: Mapping[str, Any], *names: str) -> str | None:
    return next((value for name in names if isinstance(value := document.get(name), str) and value), None)
