"""One model call as a span: begun before the SDK sends, ended exactly once when the answer is in.

This module and `streams` are the only ones that touch a tracer. Nothing here raises: each step is guarded, and its
error goes to `Faults`. Prompts, completions and error messages are never recorded, only what a call cost and why.
"""

from __future__ import annotations

import time
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, cast

from opentelemetry import context as otel
from opentelemetry import trace
from opentelemetry.context import _SUPPRESS_INSTRUMENTATION_KEY  # pyright: ignore[reportPrivateUsage]
from opentelemetry.trace import SpanKind, Status, StatusCode

from spancost.expectations import claim
from spancost.faults import Faults
from spancost.startup import equip
from spancost.version import SCOPE, VERSION
from spancost.wire import NO_ANSWER, NO_ATTRIBUTES, answer_attributes, error_type, request_attributes

if TYPE_CHECKING:
    from collections.abc import Callable

    from opentelemetry.context import Context
    from opentelemetry.metrics import MeterProvider
    from opentelemetry.trace import Span, TracerProvider
    from opentelemetry.util.types import AttributeValue

    from spancost.payers import Payers
    from spancost.wire import Answer, Reading, Request

_current: Final[ContextVar[Invocation | None]] = ContextVar("spancost-invocation", default=None)
"""Beside the OpenTelemetry Context and not in it: every value that is added there copies it once more."""
_OFFICIAL: Final = "opentelemetry.genai.client.inference.context"
"""Under this key `opentelemetry-util-genai` offers its open span to whoever instruments the same call deeper down."""
_OFFICIAL_EMBEDDING: Final = "opentelemetry.genai.client.embedding.context"
"""The same for embeddings."""
_SUPPRESS_INSTRUMENTATION: Final = "suppress_instrumentation"
"""The plain name of a key that the API made up its own name for; both are in use."""
_SUPPRESS_LANGUAGE_MODEL: Final = "suppress_language_model_instrumentation"
"""Set by frameworks' instrumentations whose own span already stands for the call."""
_SUPPRESSIONS: Final = frozenset({_SUPPRESS_INSTRUMENTATION_KEY, _SUPPRESS_INSTRUMENTATION, _SUPPRESS_LANGUAGE_MODEL})


@dataclass(frozen=True, slots=True)
class Paid:
    """A call that is over and whose answer is known: there was nothing to wait for, or others waited for it."""

    request: Request
    answer: Answer
    started_ns: int | None = None
    """When it began, in Unix nanoseconds; None is now."""
    context: Context | None = None
    """What it belongs under; None is what is current."""


def suppressed(here: Context) -> object:
    """Whether the code around a call asked for no telemetry of it."""
    return not _SUPPRESSIONS.isdisjoint(here) and any(map(here.get, _SUPPRESSIONS))


def _shared(official: object) -> dict[str, AttributeValue] | None:
    """The attributes of an official instrumentation's open span, where it lets others write to them."""
    attributes: object = getattr(official, "attributes", None)
    return cast("dict[str, AttributeValue]", attributes) if isinstance(attributes, dict) else None


class Telemetry:
    """Begins invocations. One per instrumentor; decides at construction what does not change from call to call."""

    def __init__(
        self, tracer_provider: TracerProvider | None = None, meter_provider: MeterProvider | None = None
    ) -> None:
        self.faults = Faults(meter_provider)
        self._provider = tracer_provider
        self._tracer = trace.get_tracer(SCOPE, VERSION, tracer_provider=tracer_provider)
        self._seen: tuple[TracerProvider, Payers] | None = None

    def begin(self, request: Request, reading: Reading) -> Invocation | None:
        """Starts the span of a call, or joins the one that an official instrumentation around us has open.

        None where the code around the call asked for no telemetry of it.
        """
        here = otel.get_current()
        if suppressed(here):
            return None
        payers = self._payers()
        attributes = request_attributes(request, payers.of(here))
        operation, model = request.operation, request.model
        official = here.get(_OFFICIAL_EMBEDDING if operation == "embeddings" else _OFFICIAL)
        joined = None if official is None else _shared(official)
        if joined is not None:
            span, inside = trace.get_current_span(here), here
            span.set_attributes(attributes)
            joined.update(attributes)
        else:
            name = f"{operation} {model}" if model else operation
            span = self._tracer.start_span(name, context=here, kind=SpanKind.CLIENT, attributes=attributes)
            inside = trace.set_span_in_context(span, here)
        if request.encloses:
            inside = otel.set_value(_SUPPRESS_LANGUAGE_MODEL, True, inside)
        return Invocation(self, request, reading, here, span, inside, joined, payers)

    def record(self, paid: Paid) -> None:
        """Records a call whose answer is known already as a span of its own, next to what is current."""
        here = otel.get_current() if paid.context is None else paid.context
        attributes = {**request_attributes(paid.request, self._payers().of(here)), **answer_attributes(paid.answer)}
        name = f"{paid.request.operation} {paid.request.model}" if paid.request.model else paid.request.operation
        span = self._tracer.start_span(
            name, context=here, kind=SpanKind.CLIENT, attributes=attributes, start_time=paid.started_ns
        )
        span.end()

    def record_beside(self, request: Request, here: Context, started_ns: int, answer: Answer) -> None:
        """Records an answer of another model as a span of its own, next to the call's."""
        other = request._replace(model=answer.model, stream=False, attributes=NO_ATTRIBUTES)
        self.record(Paid(other, answer, started_ns, here))

    def _payers(self) -> Payers:
        """Who pays, as the provider in force has it; the app may set its own at any time."""
        provider = self._provider if self._provider is not None else trace.get_tracer_provider()
        seen = self._seen
        if seen is None or seen[0] is not provider:
            self._seen = seen = (provider, equip(provider, self.faults))
        return seen[1]


class Invocation:
    """A call in flight. Whatever happens, it ends once; later endings are ignored."""

    _attempts = 0
    _first_chunk: float | None = None
    _body: Callable[[], object] | None = None
    _ended = False

    def __init__(
        self,
        telemetry: Telemetry,
        request: Request,
        reading: Reading,
        here: Context,
        span: Span,
        inside: Context,
        joined: dict[str, AttributeValue] | None,
        payers: Payers,
    ) -> None:
        self._telemetry = telemetry
        self._request = request
        self._reading = reading
        self._here = here
        self._span = span
        self._context = inside
        self._joined = joined
        self._payers = payers
        self._learn = claim(request.model)
        self._started = time.perf_counter()

    def active(self) -> _Active:
        """Makes the call's span the current one while the SDK works."""
        return _Active(self, self._context)

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
            self.misread(error)

    def read_chunk(self, chunk: object) -> None:
        """Takes in a chunk, and the time of the first."""
        if self._first_chunk is None:
            self._first_chunk = time.perf_counter() - self._started
        self.read(chunk)

    def reads_on(self) -> Callable[[object], None]:
        """What to give the chunks after the first to; `misread` wants to know when it raises."""
        return self._reading.add

    def misread(self, error: Exception) -> None:
        """A part of the answer was not understood: our own fault, which the app never sees."""
        self._telemetry.faults.caught("reading an answer", error)

    def end(self) -> None:
        """The provider has answered in full, or nobody reads on: a stream closed early or dropped is no error."""
        if not self._ended:
            self._finish(None)

    def fail(self, error: BaseException) -> None:
        """The call ended with `error`, which the caller sees unchanged."""
        if self._ended:
            return
        if self._body is not None:
            try:
                self._reading.add(self._body())
            except Exception as fault:
                self.misread(fault)
        self._finish(error)

    def _finish(self, error: BaseException | None) -> None:
        self._ended = True
        try:
            answer = self._reading.answer()
            attributes = answer_attributes(answer)
        except Exception as fault:
            answer, attributes = NO_ANSWER, {}
            self.misread(fault)
        try:
            if attempts := self._attempts:
                attributes["spancost.retries"] = attempts - 1
            if self._first_chunk is not None:
                attributes["gen_ai.response.time_to_first_chunk"] = self._first_chunk
            if error is not None:
                attributes["error.type"] = error_type(error)
                if self._joined is None:
                    # No description: a provider's message can quote the prompt.
                    self._span.set_status(Status(StatusCode.ERROR))
            self._span.set_attributes(attributes)
        except Exception as fault:
            self._telemetry.faults.caught("writing a span", fault)
        if self._learn is not None:
            try:
                if answer.usage is not None and not answer.usage.estimated:
                    self._learn(answer.usage)
            except Exception as fault:
                self._telemetry.faults.caught("learning from a call", fault)
        try:
            if self._joined is not None:
                # Also on the span, because not every instrumentor keeps what is shared. Its owner ends it.
                self._joined.update(attributes)
            else:
                try:
                    self._payers.complete(self._span)
                finally:
                    self._span.end()
            if answer.beside:
                started_ns = time.time_ns() - int((time.perf_counter() - self._started) * 1e9)
                for other in answer.beside:
                    self._telemetry.record_beside(self._request, self._here, started_ns, other)
        except Exception as fault:
            self._telemetry.faults.caught("ending a span", fault)


class _Active:
    """A call while the SDK works for it. `contextlib` makes the same of a generator in several times as long."""

    __slots__ = ("_context", "_invocation", "_outer", "_token")

    def __init__(self, invocation: Invocation, context: Context) -> None:
        self._invocation = invocation
        self._context = context

    def __enter__(self) -> None:
        # Its own way back, and not a token: SDKs may leave in another task than they entered in.
        self._outer = _current.get()
        _current.set(self._invocation)
        self._token = otel.attach(self._context)

    def __exit__(self, *_: object) -> None:
        _current.set(self._outer)
        otel.detach(self._token)


current: Final[Callable[[], Invocation | None]] = _current.get
"""The call that the running code works for."""
