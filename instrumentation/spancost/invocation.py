"""One model call as a span: begun before the SDK sends, ended exactly once when the answer is in.

This module and `streams` are the only ones that touch a tracer. Nothing here raises: each step is guarded, and its
error goes to `Faults`. Prompts, completions and error messages are never recorded, only what a call cost and why.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Final, Protocol, cast

from opentelemetry import context as otel
from opentelemetry import trace
from opentelemetry.instrumentation.utils import is_instrumentation_enabled
from opentelemetry.trace import SpanKind, Status, StatusCode

from spancost.attribution import resolve, scope_of
from spancost.expectations import claim
from spancost.faults import Faults
from spancost.startup import equip
from spancost.version import SCOPE, VERSION
from spancost.wire import NO_ATTRIBUTES, Answer, answer_attributes, error_type, request_attributes

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, MutableMapping

    from opentelemetry.context import Context
    from opentelemetry.metrics import MeterProvider
    from opentelemetry.trace import Span, TracerProvider
    from opentelemetry.util.types import AttributeValue

    from spancost.processor import AttributionProcessor
    from spancost.wire import Reading, Request
    from spancost_pricing import Usage

_INVOCATION: Final = otel.create_key("spancost-invocation")
_OFFICIAL: Final = "opentelemetry.genai.client.inference.context"
"""Under this key `opentelemetry-util-genai` offers its open span to whoever instruments the same call deeper down."""
_OFFICIAL_EMBEDDING: Final = "opentelemetry.genai.client.embedding.context"
"""The same for embeddings."""
_SUPPRESS_LANGUAGE_MODEL: Final = "suppress_language_model_instrumentation"
"""Set by frameworks' instrumentations whose own span already stands for the call."""


@dataclass(frozen=True, slots=True)
class Paid:
    """A call that is over and whose answer is known: there was nothing to wait for, or others waited for it."""

    request: Request
    answer: Answer
    started_ns: int | None = None
    """When it began, in Unix nanoseconds; None is now."""
    context: Context | None = None
    """What it belongs under; None is what is current."""


class _Sink(Protocol):
    """Where a call's attributes go: its own span, or the open span of an instrumentation around us."""

    def set_attributes(self, attributes: Mapping[str, AttributeValue]) -> None: ...
    def set_status(self, status: Status) -> None: ...
    def end(self) -> None: ...


class _Own:
    """The span of the call; who pays is completed at the last moment at which it can be."""

    def __init__(self, span: Span, processor: AttributionProcessor | None) -> None:
        self._span = span
        self._processor = processor

    def set_attributes(self, attributes: Mapping[str, AttributeValue]) -> None:
        self._span.set_attributes(attributes)

    def set_status(self, status: Status) -> None:
        self._span.set_status(status)

    def end(self) -> None:
        try:
            if self._processor is not None:
                self._processor.complete(self._span)
        finally:
            self._span.end()


class _Joined:
    """The open span of an official instrumentation around us, so that the call keeps its one span."""

    def __init__(self, span: Span, shared: MutableMapping[str, AttributeValue]) -> None:
        self._span = span
        self._shared = shared

    def set_attributes(self, attributes: Mapping[str, AttributeValue]) -> None:
        # On the span, because not every instrumentor keeps what is shared; shared, because it is the interface.
        self._span.set_attributes(attributes)
        self._shared.update(attributes)

    def set_status(self, status: Status) -> None:
        """Its owner sees the outcome itself."""

    def end(self) -> None:
        """Its owner ends it."""


class Telemetry:
    """Begins invocations. One per instrumentor; decides at construction what does not change from call to call."""

    def __init__(
        self, tracer_provider: TracerProvider | None = None, meter_provider: MeterProvider | None = None
    ) -> None:
        self.faults = Faults(meter_provider)
        self._provider = tracer_provider
        self._tracer = trace.get_tracer(SCOPE, VERSION, tracer_provider=tracer_provider)
        self._seen: TracerProvider | None = None
        self._processor: AttributionProcessor | None = None

    def suppressed(self) -> bool:
        """Whether the code around the call asked for no telemetry of it."""
        return not is_instrumentation_enabled() or bool(otel.get_value(_SUPPRESS_LANGUAGE_MODEL))

    def begin(self, request: Request, reading: Reading) -> Invocation:
        """Starts the span of a call, or joins the one that an official instrumentation around us has open."""
        here = otel.get_current()
        attributes = request_attributes(request)
        offered = _OFFICIAL_EMBEDDING if request.operation == "embeddings" else _OFFICIAL
        official = getattr(otel.get_value(offered, here), "attributes", None)
        sink: _Sink
        if isinstance(official, dict):
            sink = _Joined(trace.get_current_span(here), cast("dict[str, AttributeValue]", official))
            inside = here
            sink.set_attributes({**self._who_pays(here), **attributes})
        else:
            name = f"{request.operation} {request.model}" if request.model else request.operation
            attributes = {**self._who_pays(here), **attributes}
            span = self._tracer.start_span(name, context=here, kind=SpanKind.CLIENT, attributes=attributes)
            sink = _Own(span, self._processor)
            inside = trace.set_span_in_context(span, here)
        if request.encloses:
            inside = otel.set_value(_SUPPRESS_LANGUAGE_MODEL, True, inside)
        beside = partial(self._record_beside, request, here, time.time_ns())
        return Invocation(sink, inside, reading, self.faults, beside, claim(request.model))

    def record(self, paid: Paid) -> None:
        """Records a call whose answer is known already as a span of its own, next to what is current."""
        here = otel.get_current() if paid.context is None else paid.context
        attributes = {**self._who_pays(here), **request_attributes(paid.request), **answer_attributes(paid.answer)}
        name = f"{paid.request.operation} {paid.request.model}" if paid.request.model else paid.request.operation
        span = self._tracer.start_span(
            name, context=here, kind=SpanKind.CLIENT, attributes=attributes, start_time=paid.started_ns
        )
        span.end()

    def _record_beside(self, request: Request, here: Context, started_ns: int, answer: Answer) -> None:
        """Records an answer of another model as a span of its own, next to the call's."""
        other = replace(request, model=answer.model, stream=False, attributes=NO_ATTRIBUTES)
        self.record(Paid(other, answer, started_ns, here))

    def _who_pays(self, here: Context) -> Mapping[str, str]:
        """Attribution of a call made `here`."""
        provider = self._provider if self._provider is not None else trace.get_tracer_provider()
        if provider is not self._seen:
            self._seen, self._processor = provider, equip(provider, self.faults)
        parent_of = _no_parent if self._processor is None else self._processor.parent_of
        return resolve(scope_of(here), trace.get_current_span(here), parent_of)


class Invocation:
    """A call in flight. Whatever happens, it ends once; later endings are ignored."""

    def __init__(
        self,
        sink: _Sink,
        context: Context,
        reading: Reading,
        faults: Faults,
        record_beside: Callable[[Answer], None],
        learn: Callable[[Usage], None] | None,
    ) -> None:
        self._sink = sink
        self._record_beside = record_beside
        self._learn = learn
        self._context = context
        self._reading = reading
        self._faults = faults
        self._attempts = 0
        self._started = time.perf_counter()
        self._first_chunk: float | None = None
        self._body: Callable[[], object] | None = None
        self._ended = False

    def active(self) -> _Active:
        """Makes the call's span the current one while the SDK works."""
        # Not kept on this object: a Context that knows its invocation would make a cycle for the collector to find.
        return _Active(otel.set_value(_INVOCATION, self, self._context))

    @property
    def unsent(self) -> bool:
        """Whether no request has been sent for this call yet."""
        return self._attempts == 0

    def attempted(self) -> None:
        """One more request was sent for this call."""
        self._attempts += 1

    def responded(self, body: Callable[[], object]) -> None:
        """The provider answered with a `body`, of which the SDK may fail to make its objects."""
        self._body = body

    def read(self, part: object) -> None:
        """Takes in an answer or one chunk of it."""
        try:
            self._reading.add(part)
        except Exception as error:
            self._faults.caught("reading an answer", error)

    def read_chunk(self, chunk: object) -> None:
        """Takes in a chunk, and the time of the first."""
        if self._first_chunk is None:
            self._first_chunk = time.perf_counter() - self._started
        try:
            self._reading.add(chunk)
        except Exception as error:
            self._faults.caught("reading an answer", error)

    def end(self) -> None:
        """The provider has answered in full, or nobody reads on: a stream closed early or dropped is no error."""
        self._finish(None)

    def fail(self, error: BaseException) -> None:
        """The call ended with `error`, which the caller sees unchanged."""
        if self._body is not None and not self._ended:
            try:
                self._reading.add(self._body())
            except Exception as fault:
                self._faults.caught("reading an answer", fault)
        self._finish(error)

    def _finish(self, error: BaseException | None) -> None:
        if self._ended:
            return
        self._ended = True
        answer = Answer()
        attributes: dict[str, AttributeValue] = {}
        try:
            answer = self._reading.answer()
            attributes = answer_attributes(answer)
        except Exception as fault:
            self._faults.caught("reading an answer", fault)
        try:
            if self._attempts:
                attributes["spancost.retries"] = self._attempts - 1
            if self._first_chunk is not None:
                attributes["gen_ai.response.time_to_first_chunk"] = self._first_chunk
            if error is not None:
                attributes["error.type"] = error_type(error)
                # No description: a provider's message can quote the prompt.
                self._sink.set_status(Status(StatusCode.ERROR))
            self._sink.set_attributes(attributes)
        except Exception as fault:
            self._faults.caught("writing a span", fault)
        try:
            if self._learn is not None and answer.usage is not None and not answer.usage.estimated:
                self._learn(answer.usage)
        except Exception as fault:
            self._faults.caught("learning from a call", fault)
        try:
            self._sink.end()
            for other in answer.beside:
                self._record_beside(other)
        except Exception as fault:
            self._faults.caught("ending a span", fault)


class _Active:
    """A Context while it is current; `contextlib` makes a generator of the same, which takes several times as long."""

    __slots__ = ("_context", "_token")

    def __init__(self, context: Context) -> None:
        self._context = context

    def __enter__(self) -> None:
        self._token = otel.attach(self._context)

    def __exit__(self, *_: object) -> None:
        otel.detach(self._token)


def current() -> Invocation | None:
    """The call that the running code works for."""
    invocation = otel.get_value(_INVOCATION)
    return invocation if isinstance(invocation, Invocation) else None


def _no_parent(_: Span) -> None:
    return None
