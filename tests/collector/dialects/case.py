"""One thing that an emitter writes, and the call that it means."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from spancost_collector.call import Attribution

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.collector.conftest import Scalar

    from spancost_collector.call import Reported
    from spancost_pricing import Route, Usage


@dataclass(frozen=True)
class Case:
    """What an emitter writes, and what it means."""

    dialect: str
    scope: str
    values: Mapping[str, Scalar]
    route: Route
    usage: Usage | None
    operation: str = "chat"
    attribution: Attribution = field(default_factory=Attribution)
    quoted: Reported | None = None
    reported: Reported | None = None
    version: str = ""
