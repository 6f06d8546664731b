"""Answers of `generateContent`, streamed, batched or live, and what caching a prompt costs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from spancost.fields import count, fields_of, figures_of, items, listed, text, word
from spancost.sdks._google_genai.figures import CACHED, INPUT, OUTPUT, added, by_modality
from spancost.sdks._google_genai.sent import TIERS, decoded, json_of
from spancost.wire import FINISH_REASONS, MODEL, RESPONSE_ID, SERVICE_TIER, Answer, answered, in_order, used

if TYPE_CHECKING:
    from spancost.sdks._google_genai.figures import Breakdowns
    from spancost.wire import Attributes, Shows

_BREAKDOWNS: Final[Breakdowns] = {
    "promptTokensDetails": INPUT,
    "promptTokenDetails": INPUT,
    "toolUsePromptTokensDetails": INPUT,
    "cacheTokensDetails": CACHED,
    "candidatesTokensDetails": OUTPUT,
    "responseTokensDetails": OUTPUT,
}


class GenerateContentReading:
    """An answer of `generateContent`, or the chunks of `streamGenerateContent`: the last usage counts.

    Most chunks are text, the names of their stream and a total so far, which the next chunk has as well. What makes
    a chunk more than that is looked for in its JSON as it is written, where quotes inside a text are escaped.
    """

    _usage: object = None
    _queries: frozenset[str] = frozenset()
    _named: str | None = None
    """The first chunk that named the model: worth parsing only if no later one that is parsed does."""
    _unread: str | None = None
    """The latest total so far: worth parsing only if no later chunk has a later total."""

    def __init__(self) -> None:
        self._said: Attributes = {}
        self._finished: dict[int, str] = {}

    def add(self, part: Any) -> None:
        """Takes in the SDK's HTTP response, whose body is the JSON of an answer or of a chunk."""
        try:
            body: str = part.body or ""
        except AttributeError:
            return
        if '"finishReason"' in body or '"webSearchQueries"' in body:
            self._read(body)
        elif '"modelVersion"' in body or self._named is not None:
            if self._named is None:
                self._named = body
            if '"usageMetadata"' in body:
                self._unread = body
        elif body:
            self._read(body)

    def glance(self, otherwise: Shows) -> Shows:
        """Takes in the chunks that are text and a total so far."""
        if self._named is None:
            return otherwise

        def shows(part: Any) -> bool:
            try:
                body: str = part.body
                if '"finishReason"' in body or '"webSearchQueries"' in body:
                    self._read(body)
                elif '"usageMetadata"' in body:
                    self._unread = body
            except (AttributeError, TypeError):  # it is no chunk of the SDK's
                return otherwise(part)
            return True

        return shows

    def _read(self, body: str) -> None:
        if self._unread is not None and '"usageMetadata"' in body:
            self._unread = None
        self.take(decoded(body))

    def take(self, answer: object) -> None:
        """Takes in the JSON itself."""
        said = fields_of(answer).get
        if (model := said("modelVersion")) and isinstance(model, str):
            self._said[MODEL] = model
        if (identifier := said("responseId")) and isinstance(identifier, str):
            self._said[RESPONSE_ID] = identifier
        if (usage := said("usageMetadata")) is not None:
            self._usage = usage
        for position, candidate in enumerate(listed(said("candidates"))):
            of_candidate = fields_of(candidate).get
            reason = of_candidate("finishReason")
            if reason and isinstance(reason, str):
                index = of_candidate("index")
                self._finished[index if type(index) is int else position] = reason
            if (grounding := of_candidate("groundingMetadata")) is not None:
                queries = items(grounding, "webSearchQueries")
                self._queries |= {query for query in queries if isinstance(query, str) and query}

    def answer(self) -> Answer:
        """What has been said so far."""
        if self._unread is not None:
            self.take(decoded(self._unread))
            self._unread = None
        usage = self._usage
        attributes = {} if usage is None else content_usage(usage, len(self._queries))
        if self._named is not None and (MODEL not in self._said or RESPONSE_ID not in self._said):
            said = fields_of(decoded(self._named)).get
            named = answered(model=word(said("modelVersion")), response_id=word(said("responseId")))
            attributes.update(named.attributes)
        attributes.update(self._said)
        if finished := self._finished:
            attributes[FINISH_REASONS] = in_order(finished)
        if usage is not None and (tier := served_tier(usage)) is not None:
            attributes[SERVICE_TIER] = tier
        return Answer(attributes)


def served_tier(usage: object) -> str | None:
    """The tier that served: named by the Gemini API, told by Vertex AI's kind of traffic."""
    said = fields_of(usage).get
    tier, traffic = said("serviceTier"), said("trafficType")
    if tier is None and traffic is None:
        return None
    return word(tier) or TIERS.get(word(traffic) or "")


def content_usage(usage: object, searches: int) -> Attributes:
    """`usageMetadata`. Google counts tool results beside the prompt and thoughts beside the candidates.

    A live session calls the candidates a response.
    """
    said = fields_of(usage)
    get = said.get
    prompt, tools, cached, shown, response, thoughts = figures_of(
        get("promptTokenCount"),
        get("toolUsePromptTokenCount"),
        get("cachedContentTokenCount"),
        get("candidatesTokenCount"),
        get("responseTokenCount"),
        get("thoughtsTokenCount"),
    )
    if shown is None:
        shown = response
    read = used(
        input_tokens=prompt if tools is None else added(prompt, tools),
        cache_read_tokens=cached,
        output_tokens=shown if thoughts is None else added(shown, thoughts),
        reasoning_tokens=thoughts,
        units={"web_search": searches} if searches else None,
    )
    if any(map(get, _BREAKDOWNS)):
        read.update(by_modality(said, _BREAKDOWNS, "tokenCount"))
    return read


class CacheReading:
    """`cachedContents.create`: every token that was written is paid for once, and by the hour for as long as it stays.

    What the hours cost is known to nobody when the call ends; it is not in these figures.
    """

    def __init__(self) -> None:
        self._answer: object = None

    def add(self, part: object) -> None:
        """Takes in the SDK's HTTP response."""
        self._answer = json_of(part)

    def answer(self) -> Answer:
        """What was written."""
        written = count(self._answer, "usageMetadata", "totalTokenCount")
        usage = None if written is None else used(input_tokens=written, cache_write_tokens=written)
        return answered(response_id=text(self._answer, "name"), usage=usage)
