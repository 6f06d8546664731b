"""What a telemetry dialect is: a table of attribute names, and rules about what a total includes.

Emitters differ in what they call things and in whether a total already contains its parts. Each dialect says both as
data, in one file under `dialects/`; `normalise` compiles the tables and holds the only code that reads spans.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple

from spancost_collector.reading.columns import KIND_OF

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from spancost_collector.reading.columns import Kind

Names = tuple[str, ...]
"""Attribute names that say the same thing; the first one that is present wins."""

Facts = dict[str, Any]
"""Column or note -> value."""

Part = Literal["cache", "unbilled_cache", "reasoning", "thoughts_in_total"]
"""What a total leaves out: cached tokens the input, or cached tokens that are not billed at all; reasoning the output;
or thoughts everything but the grand total."""

_LEADING_NUMBERS: Final = re.compile(r"(\d+)(?:\.(\d+))?(?:\.(\d+))?")


class Apart(NamedTuple):
    """Where, against its dialect's rule, an emitter leaves a part out of a total."""

    part: Part
    scope: str = ""
    """How the instrumentation scope's name begins."""
    providers: frozenset[str] | None = None
    """The providers it does so for; None is any."""
    before: tuple[int, ...] | None = None
    """The version of the scope that was the first to put it right; None is none so far."""
    if_shown: bool = False
    """Only where the figures show it: a part larger than its total, or a grand total that has them side by side."""

    def concerns(self, scope: str, version: str) -> bool:
        """Whether a scope's spans may be meant."""
        return scope.startswith(self.scope) and (
            self.before is None or (numbers(version) is not None and (numbers(version) or ()) < self.before)
        )


def numbers(version: str) -> tuple[int, ...] | None:
    """What a version begins with, e.g. (1, 3, 0) of `1.3b0`; None where it begins with no number."""
    found = _LEADING_NUMBERS.match(version)
    return None if found is None else tuple(int(part) for part in found.groups(default="0"))


def _keep(_facts: Mapping[str, Any]) -> Facts:
    return {}


def _as_it_is(_provider: str, model: str) -> str:
    return model


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """How one family of emitters writes a model call onto a span."""

    name: str
    scopes: tuple[str, ...] = ()
    """How the names of its instrumentation scopes begin; the dialect with the longest match reads a scope's spans."""
    resources: frozenset[tuple[str, str]] = frozenset()
    """Resource attributes, each of which gives the emitter away where the scope does not."""
    evidence: Names = ()
    """Attributes that give the emitter away where scope and resource do not; a star stands for whatever follows."""
    markers: tuple[bytes, ...] = (b"gen_ai.",)
    """Bytes of which every span of the dialect contains at least one."""

    operation: Names
    leaves: Mapping[str, str]
    """The operations that are one paid call each -> what the GenAI conventions call them."""
    aggregates: frozenset[str] = frozenset()
    """The operations that repeat the usage of paid calls under them: agents, chains, workflows."""
    others: frozenset[str] = frozenset()
    """The operations that are no model calls: tools, retrieval. Any operation that is in none of these sets and carries
    usage may be spend that nobody prices, and is counted."""
    unnamed_operation: str | None = None
    """What a span without an operation is that has a provider and counts; None: no model call."""

    names: Mapping[str, Names]
    """Column -> attribute names; see `columns`."""
    metadata: Names = ()
    """JSON documents of the user's own, whose well-known names say who pays and whose others become tags."""
    metadata_prefixes: tuple[str, ...] = ()
    """Where attributes of the user's own begin; read like `metadata`."""
    notes: Mapping[str, tuple[Kind, Names]] = field(default_factory=dict[str, "tuple[Kind, Names]"])
    """What only this dialect knows, for `refine`."""
    refine: Callable[[Mapping[str, Any]], Facts] = _keep
    """What no table can say: from the facts of a span, and whether it `failed`, to the columns that have to be changed.
    Pure."""

    full_name: Callable[[str, str], str] = _as_it_is
    """From a provider and a model's name to that name with what the emitter cuts off of it. Pure."""

    apart: tuple[Apart, ...] = ()
    """The exceptions from the rule that totals include their parts."""
    judged: bool = False
    """Whether nobody knows what this dialect's totals include, so that arithmetic has to tell."""
    zero_is_unknown: bool = False
    """Whether a quoted cost of zero says that the emitter has no price."""
    json_values: bool = False
    """Whether every text stands in JSON's quotes."""

    service: Names = ("service.name",)
    """Resource attributes."""
    environment: Names = ("deployment.environment.name", "deployment.environment")
    release: Names = ("service.version",)

    def __post_init__(self) -> None:
        """A table that names a column that does not exist would never be noticed in its output."""
        unknown = set(self.names) - set(KIND_OF)
        if unknown:
            raise ValueError(f"dialect {self.name!r}: names: no such column: {', '.join(sorted(unknown))}")

    def derive(self, name: str, *, names: Mapping[str, Names] | None = None, **changes: Any) -> Dialect:
        """A dialect that differs in some things; `names` are added to or put in place of this one's."""
        emitter = {"scopes": (), "resources": frozenset[tuple[str, str]](), "evidence": (), **changes}
        return replace(self, name=name, names={**self.names, **(names or {})}, **emitter)
