"""Results of batches: paid for at the batch tier, and counted when they are seen for the first time.

Small batches bring their results with them; those of larger ones are a file, of which the batch tells the name. What
Vertex AI writes to a bucket or a table never passes through the SDK.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from spancost.bodies import json_lines
from spancost.described import Paid
from spancost.fields import items, pick, text
from spancost.sdks._google_genai.content import GenerateContentReading, content_usage
from spancost.sdks._google_genai.sent import json_of
from spancost.wire import SERVICE_TIER, Answer, answered

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from spancost.newest import Newest
    from spancost.once import Once
    from spancost.sdks._google_genai.sent import Sent

_TIER: Final = "batch"
_INLINED: Final = ("inlinedResponses", "inlinedEmbedContentResponses")


def is_batch(path: str) -> bool:
    """Whether `GET path` asks for one batch."""
    return path.startswith("batches/")


def file_of(path: str) -> str:
    """The file that a download is of: `files/abc:download` or `v1/files/abc:download`."""
    return path.partition("?")[0].rpartition("files/")[2].partition(":")[0]


def inlined(sent: Sent, response: object, charged: Once, files: Newest[str]) -> Iterable[Paid]:
    """The calls whose answers a batch brings with it; notes the file that has the answers of a larger one."""
    batch = json_of(response)
    name, model = text(batch, "name"), text(batch, "metadata", "model")
    output = pick(batch, "metadata", "output")
    output = pick(batch, "response") if output is None else output
    if (file := text(output, "responsesFile")) is not None and model is not None:
        files.note(file_of(file), model)
    answers = [line for kind in _INLINED for line in items(output, kind, "inlinedResponses")]
    if name is None or not answers or not charged.first(name):
        return
    yield from _paid(sent, answers, model)


def downloaded(sent: Sent, content: object, charged: Once, model: str) -> Iterable[Paid]:
    """The calls whose answers are lines of a batch's file."""
    file = file_of(sent.path)
    if isinstance(content, bytes) and charged.first(f"files/{file}"):
        yield from _paid(sent, json_lines(content), model)


def _paid(sent: Sent, lines: Iterable[object], model: str | None) -> Iterator[Paid]:
    for line in lines:
        response = pick(line, "response")
        if pick(response, "usageMetadata") is not None and pick(response, "embedding") is None:
            reading = GenerateContentReading()
            reading.take(response)
            answer = Answer({**reading.answer().attributes, SERVICE_TIER: _TIER})
            yield Paid(sent.request("generate_content", model), answer)
        elif (embedded := _embedded(response)) is not None:
            yield Paid(sent.request("embeddings", model), embedded)


def _embedded(response: object) -> Answer | None:
    """An embedding's answer: its tokens are a string of digits beside it, or in `usageMetadata`."""
    if pick(response, "embedding") is None:
        return None
    usage = pick(response, "usageMetadata")
    if usage is None and (tokens := text(response, "tokenCount")) is not None and tokens.isdigit():
        usage = {"promptTokenCount": int(tokens)}
    elif usage is None:
        usage = {"promptTokenCount": pick(response, "tokenCount")}
    return answered(usage=content_usage(usage, 0), service_tier=_TIER)
