"""Attribute names that any emitter's spans may carry: our own, the general conventions', and who pays."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from spancost_pricing import UNIT_ATTRIBUTES, USAGE_ATTRIBUTES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from spancost_collector.reading.dialect import Names

EVERYWHERE: Final[Mapping[str, Names]] = {
    "address": ("server.address",),
    "error": ("error.type",),
    "cost_status": ("spancost.cost.status",),
    "duplicate_of": ("spancost.duplicate_of",),
    "service_tier": ("spancost.service_tier",),
    "region": ("spancost.region",),
    "deployment": ("spancost.deployment",),
    "speed": ("spancost.speed",),
    **{column: (name,) for column, name in USAGE_ATTRIBUTES.items() if name.startswith("spancost.")},
    **{unit: (name,) for unit, name in UNIT_ATTRIBUTES.items()},
    "estimated": ("spancost.usage.estimated",),
    "reported_usd": ("spancost.cost.reported_usd",),
    "reported_by": ("spancost.cost.reported_by",),
    "feature": ("spancost.feature",),
    "task": ("spancost.task",),
    "tenant": ("spancost.tenant", "tenant.id", "organization.id"),
    "user": ("user.id", "enduser.id", "enduser.pseudo.id", "user.email"),
    "session": ("session.id",),
    "environment": ("deployment.environment.name", "deployment.environment"),
    "tags": ("tag.tags",),
}
