"""One model call: the value that flows through every stage of the receiver.

`normalise` builds it once from whatever an emitter wrote, `price` pairs it with its charge, and every later stage only
reads it. Nothing in it is specific to an emitter any more. Tuples throughout: one of each is made for every call, and a
frozen dataclass takes five times as long.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal, NamedTuple

from spancost_pricing.records import new

if TYPE_CHECKING:
    from spancost_pricing import Charge, Route, Usage

Outcome = Literal["ok", "error", "blocked"]
"""`blocked` is a call that a guard refused before it reached the provider."""

Role = Literal["leaf", "aggregate"]
"""`leaf` is one paid call; `aggregate` (an agent, a workflow) repeats the usage of the calls under it, and stands for
them only where none of them is seen."""


Key = tuple[int, bytes]
"""Start in Unix nanoseconds and span id: a description that comes twice comes with the same one."""


UNATTRIBUTED: Final = "unattributed"
"""What is shown where nobody said who pays."""


class Attribution(NamedTuple):
    """Who pays. None is `unattributed`, shown as such and never dropped."""

    feature: str | None = None
    task: str | None = None
    tenant: str | None = None
    user: str | None = None
    session: str | None = None
    prompt: str | None = None
    """Name of the managed prompt that was used."""
    prompt_version: str | None = None
    tags: tuple[str, ...] = ()
    """What else the emitter says about the call: `name` or `name:value`, in the order in which they were found."""


class Resource(NamedTuple):
    """Where the call was made; one object shared by all calls of an OTLP resource."""

    service: str | None = None
    environment: str | None = None
    release: str | None = None


class Reported(NamedTuple):
    """What somebody else says the call cost."""

    pico: int
    by: str
    """Who said so, e.g. `openrouter`."""


class ModelCall(NamedTuple):
    """A paid call, or one that was meant to be."""

    trace_id: bytes
    span_id: bytes
    start_ns: int
    """Unix time in nanoseconds; with `span_id` the key under which the call counts once."""
    end_ns: int
    """Unix time in nanoseconds; the rate in force then prices the call."""
    operation: str
    """`gen_ai.operation.name`: chat, generate_content, text_completion, embeddings, …"""
    route: Route
    """What selects the rates."""
    request_model: str | None
    response_model: str | None
    response_id: str | None
    usage: Usage | None
    """None where no usage was reported at all."""
    outcome: Outcome
    attribution: Attribution
    resource: Resource
    dialect: str
    """Name of the telemetry dialect that the span was read as."""
    reported: Reported | None = None
    """The biller's own figure, where its answer carries one: that is what is owed."""
    quoted: Reported | None = None
    """What a gateway or the emitter reckons: an estimate, kept beside our charge and never added to it."""
    role: Role = "leaf"
    parent_id: bytes = b""
    """Span id of the parent; empty for a root."""
    emitter: str = ""
    """The instrumentation scope that described the call; two descriptions by one emitter are two calls."""
    cached: bool = False
    """Answered from a cache of the client's or gateway's own: nobody bills it."""
    first_chunk_s: float | None = None
    """Seconds until the first part of a streamed answer; None where it was not streamed or nobody says."""
    assumed: str | None = None
    """What was concluded and not said: a provider from a model's name, what an unknown emitter's totals include."""
    duplicate_of: bytes = b""
    """Span id that a receiver before this one has charged instead; empty where it did not say so."""

    @property
    def key(self) -> Key:
        """Under which it counts once."""
        return self.start_ns, self.span_id


class Series(NamedTuple):
    """The dimensions that are rolled up; '' is unset."""

    feature: str
    task: str
    tenant: str
    provider: str
    model: str
    environment: str
    release: str
    service: str


def series_of(call: ModelCall) -> Series:
    """The roll-up key of a call."""
    feature, task, tenant, *_ = call.attribution
    service, environment, release = call.resource
    route = call.route
    return new(
        Series,
        (feature or "", task or "", tenant or "", route[0], route[1], environment or "", release or "", service or ""),
    )


class Charged(NamedTuple):
    """A model call, what it costs, and what it is added up under."""

    call: ModelCall
    charge: Charge
    series: Series
