"""The Interactions API and Decisions: the SDK's second generation, with figures of its own.

An interaction that runs in the background answers with a name; what it cost is known when it is fetched later.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from spancost import unreported
from spancost.described import Paid
from spancost.fields import count, fields_of, first, listed, pick, text, total, whole, word
from spancost.sdks._google_genai.figures import CACHED, INPUT, OUTPUT, added, by_modality
from spancost.sdks._google_genai.sent import request_from
from spancost.wire import OPERATION, answered, used

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from opentelemetry.util.types import AttributeValue

    from spancost.fields import Fields
    from spancost.newest import Newest
    from spancost.once import Once
    from spancost.sdks._google_genai.figures import Breakdowns
    from spancost.wire import Answer, Attributes, Request
    from spancost_pricing import Unit

_NOT_YET: Final[Mapping[str, AttributeValue]] = {OPERATION: "fetch_response"}
"""Makes a span one of those that are no call: this one only says where the call's answer will be."""
_BREAKDOWNS: Final[Breakdowns] = {
    "input_tokens_by_modality": INPUT,
    "tool_use_tokens_by_modality": INPUT,
    "cached_tokens_by_modality": CACHED,
    "output_tokens_by_modality": OUTPUT,
}


class InteractionReading:
    """An interaction: one object, or events of which the last carries the usage."""

    def __init__(self, body: object, pending: Newest[bool], charged: Once) -> None:
        self._background = pick(body, "background") is True
        self._prompt: object = pick(body, "input")
        self._pending = pending
        self._charged = charged
        self._model: str | None = None
        self._id: str | None = None
        self._status: str | None = None
        self._tier: str | None = None
        self._usage: object = None
        self._streamed = False
        self._written = 0

    def add(self, part: object) -> None:
        """Takes in an interaction, its JSON, or an event of a stream."""
        event = fields_of(part)
        if word(event.get("event_type")) is None:
            self._take(event)
            return
        self._streamed = True
        if (interaction := event.get("interaction")) is not None:
            self._take(fields_of(interaction))
        if (delta := event.get("delta")) is not None and (written := fields_of(delta).get("text")) is not None:
            self._written += unreported.characters(written)

    def _take(self, interaction: Fields) -> None:
        said = interaction.get
        self._model = word(said("model")) or self._model
        self._id = word(said("id")) or self._id
        self._status = word(said("status")) or self._status
        self._tier = word(said("service_tier")) or self._tier
        if (usage := said("usage")) is not None:
            self._usage = usage

    def answer(self) -> Answer:
        """What has been said so far."""
        usage: Attributes | None = None
        attributes: Mapping[str, AttributeValue] = {}
        if self._usage is not None:
            usage = interaction_usage(self._usage)
            if self._id is not None:
                self._charged.first(self._id)
        elif self._background and self._id is not None:
            self._pending.note(self._id, True)
            attributes = _NOT_YET
        elif self._streamed:
            prompt = unreported.characters(self._prompt)
            usage = used(
                input_tokens=unreported.tokens(prompt), output_tokens=unreported.tokens(self._written), estimated=True
            )
        return answered(
            model=self._model,
            response_id=self._id,
            finish_reasons=() if self._status is None else (self._status,),
            usage=usage,
            service_tier=self._tier,
            attributes=attributes,
        )


def interaction_usage(usage: object) -> Attributes:
    """`Usage` of an interaction: thoughts stand beside the output and tool results beside the input."""
    said = fields_of(usage)
    get = said.get
    searches = [
        count(tool, "count") for tool in listed(get("grounding_tool_count")) if text(tool, "type") == "google_search"
    ]
    ran = total(*searches)
    units: dict[Unit, int] = {} if ran is None else {"web_search": ran}
    # The preview called it reasoning.
    thoughts = first(whole(get("total_thought_tokens")), whole(get("total_reasoning_tokens")))
    read = used(
        input_tokens=added(whole(get("total_input_tokens")), whole(get("total_tool_use_tokens"))),
        cache_read_tokens=whole(get("total_cached_tokens")),
        output_tokens=added(whole(get("total_output_tokens")), thoughts),
        reasoning_tokens=thoughts,
        units=units,
    )
    read.update(by_modality(said, _BREAKDOWNS, "tokens"))
    return read


def request_of(resource: object, model: str | None, *, stream: bool = False) -> Request:
    """What is known of a call of `client.interactions` or `client.decisions`."""
    configuration = pick(resource, "sdk_configuration")
    version = text(configuration, "globals", "api_version") or ""
    _, vertex, behind = version.partition("/locations/")
    location = behind.partition("/")[0] or None
    url = text(configuration, "server_url") or ""
    return request_from((url, bool(vertex), location), "generate_content", model, stream)


def asked(kwargs: Mapping[str, Any]) -> object:
    """The body of a request, whichever way it was given."""
    body = pick(kwargs.get("request"), "body")
    return kwargs if body is None else body


def fetched(
    request: Callable[[str | None], Request], part: object, pending: Newest[bool], charged: Once
) -> Iterable[Paid]:
    """The interaction that was paid for in the background, when its answer is seen for the first time.

    Others were counted when they were made; agents always work in the background, so theirs count wherever they were
    started.
    """
    interaction = part if text(part, "event_type") is None else pick(part, "interaction")
    name = text(interaction, "id")
    if name is None or pick(interaction, "usage") is None:
        return
    agent = text(interaction, "agent")
    if (name in pending or agent is not None) and charged.first(name):
        answer = answered(
            model=text(interaction, "model"),
            response_id=name,
            finish_reasons=tuple(status for status in (text(interaction, "status"),) if status is not None),
            usage=interaction_usage(pick(interaction, "usage")),
            service_tier=text(interaction, "service_tier"),
        )
        yield Paid(request(text(interaction, "model") or agent), answer)
