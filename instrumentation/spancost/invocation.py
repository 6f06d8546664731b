"""One model call as a span: begun before the SDK sends, ended exactly once when the answer is in.

This module and `streams` are the only ones that touch a tracer. Nothing here raises: each step is guarded, and its
error goes to `Faults`. Prompts, completions and error messages are never recorded, only what a call cost and why.
"""

from __future__ import annotations

import os
import time
from contextvars import ContextVar
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, Final, cast

from opentelemetry import context as otel
from opentelemetry import trace
from opentelemetry.context import (
    _SUPPRESS_INSTRUMENTATION_KEY,  # pyright: ignore[reportPrivateUsage]
    Context,
)
from opentelemetry.trace import SpanKind, Status, StatusCode

from spancost.described import Paid
from spancost.elsewhere import elsewhere
from spancost.expectations import claim, expected
from spancost.faults import Faults
from spancost.fields import text
from spancost.payers import CURRENT_SPAN
from spancost.startup import equip
from spancost.version import SCOPE, VERSION
from spancost.wire import ESTIMATED, MODEL, NO_ATTRIBUTES, RETRIES, Answer, error_type
from spancost.writing import has_ended, write

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from opentelemetry.metrics import MeterProvider
    from opentelemetry.trace import TracerProvider
    from opentelemetry.util.types import AttributeValue

    from spancost.described import Call
    from spancost.expectations import Learn
    from spancost.payers import Payers
    from spancost.wire import Shows

_current: Final[ContextVar[Invocation | None]] = ContextVar("spancost-invocation", default=None)
"""Beside the OpenTelemetry Context and not in it: every value that is added there copies it once more."""
_OFFICIAL: Final = "opentelemetry.genai.client.inference.context"
"""Under this key `opentelemetry-util-genai` offers its open span to whoever instruments the same call deeper down."""
_OFFICIAL_EMBEDDING: Final = "opentelemetry.genai.client.embedding.context"
"""The same for embeddings."""
_OFFICIALS: Final = frozenset({_OFFICIAL, _OFFICIAL_EMBEDDING})
_SUPPRESS_INSTRUMENTATION: Final = "suppress_instrumentation"
"""The plain name of a key that the API made up its own name for; both are in use."""
_SUPPRESS_LANGUAGE_MODEL: Final = "suppress_language_model_instrumentation"
"""Set by frameworks' instrumentations whose own span already stands for the call."""
_CLIENT: Final = SpanKind.CLIENT
_forked: float = 0.0
"""When this process was forked from another, by `time.perf_counter`: calls begun before are that one's to record."""
SUPPRESSIONS: Final = frozenset({_SUPPRESS_INSTRUMENTATION_KEY, _SUPPRESS_INSTRUMENTATION, _SUPPRESS_LANGUAGE_MODEL})


def _note_fork() -> None:
    global _forked
    _forked = time.perf_counter()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_note_fork)


def suppressed(here: Context) -> bool:
    """Whether the code around a call asked for no telemetry of it; never where `SUPPRESSIONS` has nothing of `here`."""
    return any(map(here.get, SUPPRESSIONS))


class Telemetry:
    """What the invocations of one instrumentor share: tracer, attribution, and where faults go."""

    def __init__(
        self, tracer_provider: TracerProvider | None = None, meter_provider: MeterProvider | None = None
    ) -> None:
        self.faults = Faults(meter_provider)
        self.tracer = trace.get_tracer(SCOPE, VERSION, tracer_provider=tracer_provider)
        self._provider = tracer_provider
        self._equipped: object = None
        self._payers: Payers

    def payers(self) -> Payers:
        """Who pays, as the provider in force has it; the app may set its own at any time."""
        provider = self._provider
        if provider is None:
            provider = trace.get_tracer_provider()
        if provider is not self._equipped:
            self._payers = equip(provider, self.faults)
            self._equipped = provider
        return self._payers

    def record(self, paid: Paid) -> None:
        """Records a call whose answer is known already as a span of its own, next to what is current."""
        request = paid.request
        here = otel.get_current() if paid.context is None else paid.context
        attributes = {**request.opening, **self.payers().of(here)}
        span = self.tracer.start_span(
            request.name, context=here, kind=SpanKind.CLIENT, attributes=attributes, start_time=paid.started_ns
        )
        write(span, paid.answer.attributes)
        span.end()


class Invocation:
    """A call in flight, from when its span starts. Whatever happens, it ends once; later endings are ignored."""

    unsent = True
    """Whether no request has been sent for this call yet, and nothing has been answered."""
    response: Any = None
    """What the provider answered with, of which the SDK may fail to make its objects."""
    retries: int | None = None
    """How many requests were sent for this call beside the first."""
    _first_chunk: float | None = None
    _joined: dict[str, AttributeValue] | None = None
    """The attributes of the span that an official instrumentation around us has open, and that is ours as well."""
    _learn: Learn | None = None
    _ended = False

    def __init__(self, telemetry: Telemetry, call: Call, here: Context, caller: object) -> None:
        self.caller = caller
        """The object that the app called."""
        request, self._reading, self.arguments, self._asked, self._observe = call
        self._telemetry = telemetry
        self._request = request
        self._here = here
        attributes: dict[str, AttributeValue] = {**request.opening, **telemetry.payers().of(here)}
        if _OFFICIALS.isdisjoint(here) or not self._join(attributes):
            self._span = span = telemetry.tracer.start_span(
                request.name, context=here, kind=_CLIENT, attributes=attributes
            )
            self._context = Context({**here, CURRENT_SPAN: span})
        if request.encloses:
            self._context = otel.set_value(_SUPPRESS_LANGUAGE_MODEL, True, self._context)
        if expected() is not None:
            self._learn = claim(request.model)
        self._started = time.perf_counter()

    def _join(self, attributes: Mapping[str, AttributeValue]) -> bool:
        """Joins the span that an official instrumentation around us has open, where it lets others write to it."""
        here = self._here
        official = here.get(_OFFICIAL_EMBEDDING if self._request.operation == "embeddings" else _OFFICIAL)
        shared: object = getattr(official, "attributes", None)
        if not isinstance(shared, dict):
            return False
        self._joined = cast("dict[str, AttributeValue]", shared)
        self._joined.update(attributes)
        self._span, self._context = trace.get_current_span(here), here
        self._span.set_attributes(attributes)
        return True

    def enter(self) -> None:
        """The SDK begins to work for the call: it and its span are the current ones until `leave`."""
        # Its own way back, and not a token: SDKs may leave in another task than they entered in.
        self._outer = current()
        _current.set(self)
        self._token = otel.attach(self._context)

    def leave(self) -> None:
        """The SDK returns to the app."""
        if current() is not self:
            return  # its coroutine is closed from elsewhere, where something else is current and stays so
        _current.set(self._outer)
        otel.detach(self._token)

    def attempted(self, *_: object) -> None:
        """One more request is sent for this call."""
        self.retries = 0 if self.retries is None else self.retries + 1
        self.unsent = False

    def withdraws(self, error: BaseException) -> bool:
        """True when the call should be made again, with `arguments` that no longer have what we asked for on top."""
        asked = self._asked
        if asked is None:
            return False
        try:
            refused = asked.refused(error)
        except Exception as fault:
            self._telemetry.faults.caught("judging an error", fault)
            return False
        if refused:
            self.arguments, self._asked = asked.without, None
        return refused

    def settle(self, result: Any) -> Any:
        """What the caller gets for `result`."""
        try:
            return self._observe(result, self)
        except Exception as fault:
            self._telemetry.faults.caught("observing a result", fault)
            self.end()
            return result

    def read(self, part: object) -> None:
        """Takes in an answer or one chunk of it."""
        try:
            self._reading.add(part)
        except Exception as fault:
            self._telemetry.faults.caught("reading an answer", fault)

    def complete(self, answer: object) -> None:
        """Takes in the whole answer, with which the call ends."""
        try:
            self._reading.add(answer)
        except Exception as fault:
            self._telemetry.faults.caught("reading an answer", fault)
        if not self._ended:
            self._finish(None)

    def read_chunk(self, chunk: object) -> bool:
        """Takes in a chunk, and the time of the first; False when the app did not ask for it."""
        if self._first_chunk is None:
            self._first_chunk = time.perf_counter() - self._started
            self.unsent = False
        try:
            self._reading.add(chunk)
        except Exception as fault:
            self._telemetry.faults.caught("reading an answer", fault)
        if self._asked is None:
            return True
        try:
            return not self._asked.hides(chunk)
        except Exception as fault:  # what cannot be judged is shown
            self._telemetry.faults.caught("reading an answer", fault)
            return True

    def following(self) -> Shows:
        """What to give the chunks after the first to, in place of `read_chunk`."""
        glance: Callable[[Shows], Shows] | None = getattr(self._reading, "glance", None)
        if glance is not None:
            try:
                return glance(self.read_chunk)
            except Exception as fault:
                self._telemetry.faults.caught("reading an answer", fault)
        return self.read_chunk

    def end(self) -> None:
        """The provider has answered in full."""
        if not self._ended:
            self._finish(None)

    def drop(self) -> None:
        """Nobody reads on: a stream closed early or dropped is no error."""
        if not self._ended:
            self._ended = True
            elsewhere(partial(self._finish, None))

    def fail(self, error: BaseException) -> None:
        """The call ended with `error`, which the caller sees unchanged."""
        if self._ended:
            return
        if isinstance(error, GeneratorExit):  # its coroutine is closed, perhaps because nobody refers to it any more
            self._ended = True
            elsewhere(partial(self._finish, error))
            return
        if self.response is not None:
            try:
                self._reading.add(self.response.json())
            except ValueError:
                pass  # the answer is no JSON, which may be what failed
            except Exception as fault:
                self._telemetry.faults.caught("reading an answer", fault)
        self._finish(error)

    def _finish(self, error: BaseException | None) -> None:
        self._ended = True
        if self._started < _forked:
            return
        span, joined = self._span, self._joined
        try:
            attributes, beside = self._reading.answer()
        except Exception as fault:
            attributes, beside = {}, ()
            self._telemetry.faults.caught("reading an answer", fault)
        try:
            if self.retries is not None:
                attributes[RETRIES] = self.retries
            if self._first_chunk is not None:
                attributes["gen_ai.response.time_to_first_chunk"] = self._first_chunk
            if error is not None:
                attributes["error.type"] = error_type(error)
                if joined is None:
                    # No description: a provider's message can quote the prompt.
                    span.set_status(Status(StatusCode.ERROR))
            write(span, attributes)
        except Exception as fault:
            self._telemetry.faults.caught("writing a span", fault)
        if self._learn is not None:
            try:
                if ESTIMATED not in attributes:
                    self._learn(attributes)
            except Exception as fault:
                self._telemetry.faults.caught("learning from a call", fault)
        try:
            if joined is not None:
                if has_ended(span):
                    # A stream is dropped from the outside in, so its owner was first. The call gets a span of ours.
                    self._telemetry.record(Paid(self._request, Answer(attributes), self._started_ns(), self._here))
                # Also on the span, because not every instrumentor keeps what is shared. Its owner ends it.
                joined.update(attributes)
            else:
                try:
                    around: Any = self._here.get(CURRENT_SPAN)
                    if around is not None:
                        self._telemetry.payers().complete(span, around)
                finally:
                    span.end()
            if beside:
                self._record_beside(beside)
        except Exception as fault:
            self._telemetry.faults.caught("ending a span", fault)

    def _record_beside(self, answers: tuple[Answer, ...]) -> None:
        """Records what other models did for this call as spans of their own, next to its own."""
        started_ns = self._started_ns()
        for answer in answers:
            model = text(answer.attributes, MODEL)
            other = replace(self._request, model=model, stream=False, attributes=NO_ATTRIBUTES)
            self._telemetry.record(Paid(other, answer, started_ns, self._here))

    def _started_ns(self) -> int:
        return time.time_ns() - int((time.perf_counter() - self._started) * 1e9)


current: Final[Callable[[], Invocation | None]] = _current.get
"""The call that the running code works for."""
