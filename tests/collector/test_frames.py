"""Calls between processes: whatever a call says, it says at the other end too."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any, cast, get_args

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from spancost_collector.call import Attribution, ModelCall, Outcome, Reported, Resource, Role
from spancost_collector.workers.frames import pack, unpack
from spancost_pricing import Route, Usage
from spancost_pricing.usage import Unit

if TYPE_CHECKING:
    from collections.abc import Mapping

TEXT = st.text(st.characters(codec=None), max_size=8)
"""With lone surrogates, which JSON can bring in."""
MAYBE_TEXT = st.none() | TEXT
ID = st.binary(min_size=8, max_size=8)
NANOSECONDS = st.integers(0, 2**63 - 1)
TOKENS = st.none() | st.integers(-(10**12), 10**12)
MONEY = st.integers(-(10**30), 10**30)
AMOUNT = st.integers(0, 10**12) | st.decimals(0, 10**9, places=6)


def every_field(kind: Any, by_name: Mapping[str, st.SearchStrategy[Any]]) -> st.SearchStrategy[Any]:
    """Tuples of `kind` with every field drawn; a field that is not in `by_name` is an error."""
    return st.builds(kind, **{name: by_name[name] for name in kind._fields})


USAGE = every_field(
    Usage,
    {name: TOKENS for name in Usage._fields if name.endswith("_tokens")}
    | {
        "batched_requests": TOKENS,
        "units": st.just(Usage().units) | st.dictionaries(st.sampled_from(get_args(Unit)), AMOUNT, min_size=1),
        "estimated": st.booleans(),
    },
)
REPORTED = st.none() | every_field(Reported, {"pico": MONEY, "by": TEXT})
CALLS = every_field(
    ModelCall,
    {
        "trace_id": st.binary(min_size=16, max_size=16),
        "span_id": ID,
        "start_ns": NANOSECONDS,
        "end_ns": NANOSECONDS,
        "operation": TEXT,
        "route": every_field(Route, {"provider": TEXT, "model": TEXT} | dict.fromkeys(Route._fields[2:], MAYBE_TEXT)),
        "request_model": MAYBE_TEXT,
        "response_model": MAYBE_TEXT,
        "response_id": MAYBE_TEXT,
        "usage": st.none() | USAGE,
        "outcome": st.sampled_from(get_args(Outcome)),
        "attribution": every_field(
            Attribution,
            dict.fromkeys(Attribution._fields, MAYBE_TEXT) | {"tags": st.lists(TEXT, max_size=3).map(tuple)},
        ),
        "resource": every_field(Resource, dict.fromkeys(Resource._fields, MAYBE_TEXT)),
        "dialect": TEXT,
        "reported": REPORTED,
        "quoted": REPORTED,
        "role": st.sampled_from(get_args(Role)),
        "parent_id": st.just(b"") | ID,
        "emitter": TEXT,
        "cached": st.booleans(),
        "first_chunk_s": st.none() | st.floats(0, 1e6),
        "assumed": MAYBE_TEXT,
        "duplicate_of": st.just(b"") | ID,
    },
)


def described(value: Any) -> Any:
    """A value with the types in it, which comparing tuples leaves out: an absent 0 is no 0, and True is not 1."""
    if isinstance(value, tuple):
        parts = cast("tuple[Any, ...]", value)
        return type(parts).__name__, [described(part) for part in parts]
    if hasattr(value, "items"):
        return [(key, described(amount)) for key, amount in value.items()]
    return type(value).__name__, value


@given(st.lists(CALLS, max_size=6))
@settings(suppress_health_check=[HealthCheck.too_slow])
def test_calls_come_out_of_a_frame_as_they_went_in(calls: list[ModelCall]) -> None:
    found = unpack(pack(calls))

    assert found == calls
    assert [described(call) for call in found] == [described(call) for call in calls]


def test_what_calls_have_in_common_is_one_object_at_the_other_end() -> None:
    def call(n: int) -> ModelCall:
        return ModelCall(
            trace_id=bytes(16),
            span_id=n.to_bytes(8, "big"),
            start_ns=n,
            end_ns=n,
            operation="chat",
            route=Route("acme", "one"),
            request_model="one",
            response_model=None,
            response_id=None,
            usage=Usage(input_tokens=n, units={"web_search": Decimal("1.5")}),
            outcome="ok",
            attribution=Attribution(feature="search"),
            resource=Resource(service="shop"),
            dialect="otel",
        )

    first, second = unpack(pack([call(1), call(2)]))

    assert first.resource is second.resource
    assert first.route is second.route
    assert (first.usage, second.usage) == (call(1).usage, call(2).usage)
