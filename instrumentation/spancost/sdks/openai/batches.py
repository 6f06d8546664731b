"""Batches: paid when they are over, and known to us when somebody looks at the batch or at its results.

The batch itself reports its usage; where a server leaves that out, the file of results has it line by line. One span
stands for all requests of a model, and says for how many: a batch can be fifty thousand of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from spancost.bodies import NO_JSON, json_lines
from spancost.fields import count, items, pick, text
from spancost.sdks.openai.chat import chat_usage
from spancost.sdks.openai.media import embedding_usage
from spancost.sdks.openai.responses import image_usage, response_usage
from spancost.wire import Answer, answered, summed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from spancost.once import Once
    from spancost.wire import Attributes

TIER: Final = "batch"
_OVER: Final = frozenset({"completed", "expired", "cancelled", "failed"})


@dataclass(frozen=True, slots=True)
class Results:
    """What the requests of a batch used, together."""

    operation: str
    answer: Answer


def batches_in(part: object) -> Sequence[object]:
    """The batches in an answer: one, or a page of them."""
    return (part,) if text(part, "object") == "batch" else items(part, "data")


def reported_batches(part: object, charged: Once) -> Iterator[Results]:
    """The batches in an answer that are over and whose usage was not charged before."""
    for batch in batches_in(part):
        usage, identifier = pick(batch, "usage"), text(batch, "id")
        if usage is None or identifier is None or text(batch, "status") not in _OVER:
            continue
        # The id of the results, because they may be what another process sees of this batch.
        results = text(batch, "output_file_id") or identifier
        if charged.first(results):
            answer = _together(text(batch, "model"), results, response_usage(usage), _requests(batch))
            yield Results(_OPERATIONS.get(text(batch, "endpoint") or "", "chat"), answer)


def reported_results(part: object, file_id: str, charged: Once) -> Iterator[Results]:
    """The results in the content of a file, by model, if that is what the file is and it was not charged before."""
    found: dict[tuple[str, str | None], list[Attributes]] = {}
    try:
        for result in _results(part):
            body = pick(result, "response", "body")
            reading = _READ.get(text(body, "object") or "", _IMAGES)
            usage = pick(body, "usage")
            if usage is not None:
                found.setdefault((reading.operation, text(body, "model")), []).append(reading.usage(usage))
    finally:  # where something is wrong with a line, the others are paid for all the same
        if found and charged.first(file_id):
            for (operation, model), usages in found.items():
                yield Results(operation, _together(model, file_id, summed(usages), len(usages)))


def _together(model: str | None, identifier: str, usage: Attributes, requests: int | None) -> Answer:
    attributes = {} if requests is None else {"spancost.batch.requests": requests}
    return answered(model=model, response_id=identifier, usage=usage, service_tier=TIER, attributes=attributes)


def _requests(batch: object) -> int | None:
    return count(batch, "request_counts", "completed")


def _results(part: object) -> Iterator[object]:
    """The lines of a file of results; none of any other file, which is told from its first line."""
    content = pick(part, "content")
    if not isinstance(content, bytes) or not content.startswith(b"{"):
        return
    known = False
    try:
        for line in json_lines(content):
            if pick(line, "custom_id") is not None:
                known = True
                yield line
            elif not known:
                return
    except NO_JSON:
        if known:
            raise


@dataclass(frozen=True, slots=True)
class _Body:
    operation: str
    usage: Callable[[object], Attributes]


_READ: Final[Mapping[str, _Body]] = {
    "chat.completion": _Body("chat", chat_usage),
    "text_completion": _Body("text_completion", chat_usage),
    "response": _Body("chat", response_usage),
    "list": _Body("embeddings", embedding_usage),
}
"""`object` of a result -> what it is."""
_IMAGES: Final = _Body("image_generation", image_usage)
"""Images are results that do not say what they are."""
_OPERATIONS: Final[Mapping[str, str]] = {
    "/v1/completions": "text_completion",
    "/v1/embeddings": "embeddings",
    "/v1/images/generations": "image_generation",
    "/v1/images/edits": "image_edit",
}
"""`endpoint` of a batch -> operation; anything else is a chat."""
