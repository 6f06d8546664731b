"""What a telemetry dialect is: a table of attribute names, and one rule about what a total includes.

Emitters differ in what they call things and in whether a total already contains its parts. Each dialect says both as
data, in one file under `dialects/`; `normalise` compiles the tables and holds the only code that reads spans.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from spancost_pricing import Usage

if TYPE_CHECKING:
    from collections.abc import Mapping

    from spancost_pricing import Unit

Names = tuple[str, ...]
"""Attribute names that say the same thing; the first one that is present wins."""

COUNT_FIELDS: Final = frozenset(Usage._fields) - {"units", "estimated"}
"""The token counts of a `Usage`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """How one family of emitters writes a model call onto a span."""

    name: str
    marker: bytes
    """Bytes that every span of the dialect contains: a prefix of its attribute names."""

    operation: Names
    model_operations: frozenset[str]
    """The operations that are one paid call each."""
    other_operations: frozenset[str]
    """The operations that repeat, hold or follow paid calls: agents, workflows, tools. Any operation that is in
    neither set and carries usage may be spend that nobody prices, and is counted."""
    unnamed_operation: str | None = None
    """What a span without an operation is, if it carries one of `unnamed_evidence`; None: not a model call."""
    unnamed_evidence: Names = ()
    """Attributes that only a model call of a generation without operation names carries."""

    provider: Names
    address: Names
    """The server that the call was sent to; it tells who bills where a client library speaks to many."""
    request_model: Names
    response_model: Names
    response_id: Names
    service_tier: Names
    """The tier that served the call; never the one that was asked for."""
    region: Names
    deployment: Names
    speed: Names
    error: Names

    usage: Mapping[str, Names]
    """`Usage` field -> attribute names."""
    units: Mapping[Unit, Names]
    estimated: Names
    reported_usd: Names = ()
    """What the biller itself says the call cost, taken from its answer; never an emitter's or gateway's estimate."""
    reported_by: Names = ()
    cache_apart: frozenset[str] = frozenset()
    """Instrumentation scopes that, against the dialect's rule, leave cached tokens out of their input total.

    The rule is that totals include their parts."""

    feature: Names
    task: Names
    tenant: Names
    user: Names
    session: Names

    service: Names = ("service.name",)
    """Resource attributes."""
    environment: Names = ("deployment.environment.name", "deployment.environment")
    release: Names = ("service.version",)

    def __post_init__(self) -> None:
        """A table that names a field that `Usage` does not have would never be noticed in its output."""
        unknown = set(self.usage) - COUNT_FIELDS
        if unknown:
            raise ValueError(f"dialect {self.name!r}: usage: no such field of Usage: {', '.join(sorted(unknown))}")
