"""Who the money is spent on: tenants where they are a label, and how far the first users are above the rest."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from board import RANGE, board, selector
from panels import COUNT, MANY, RATIO, USD, Layout, bars, lines, stat, table

from spancost_collector.metrics import table as metrics
from spancost_collector.rules.promql import total

if TYPE_CHECKING:
    from grafana_foundation_sdk.models import dashboard

_CHOSEN: Final = selector("environment", "feature")
_TENANTS: Final = f'{_CHOSEN}, tenant!=""'
_OFF: Final = "tenants are not a label: labels.tenant"


def tenants() -> dashboard.Dashboard:
    """The dashboard `spancost-tenants`."""
    return board(
        "spancost-tenants",
        "tenants and users",
        "Unit economics. Users are never labels: the ledger names them (`spancost report --by user`).",
        ("environment", "feature"),
        _fill,
    )


def _fill(layout: Layout) -> None:
    first, middle, number = metrics.TOP_SPENDERS.name, metrics.MEDIAN_SPENDER.name, metrics.SPENDERS.name
    layout.row(
        *(
            stat(
                f"{who.title()}s with spend",
                f'max ({number}{{who="{who}"}})',
                COUNT,
                description="Since midnight.",
            )
            for who in ("user", "tenant")
        ),
        *(
            stat(
                f"First {who} today",
                f'max ({first}{{who="{who}", rank="1"}})',
                USD,
                description=f"`spancost report --by {who} --since 24h` names it.",
                decimals=2,
            )
            for who in ("user", "tenant")
        ),
        *(
            stat(
                f"{who.title()} in the middle today",
                f'max ({middle}{{who="{who}"}})',
                USD,
                description="As many have spent more as have spent less.",
            )
            for who in ("user", "tenant")
        ),
        height=4,
    )
    layout.row(
        bars(
            "The ten users who spend most today",
            {"rank {{rank}}": f'sort_desc(max by (rank) ({first}{{who="user"}}))'},
            USD,
            description="`spancost report --by user --since 24h` names them.",
            empty="no call has a user: set user.id",
        ),
        bars(
            "The ten tenants that spend most today",
            {"rank {{rank}}": f'sort_desc(max by (rank) ({first}{{who="tenant"}}))'},
            USD,
            description="`spancost report --by tenant --since 24h` names them.",
            empty="no call has a tenant: set spancost.tenant",
        ),
        height=9,
    )
    cost = total(metrics.COST.name, _TENANTS, RANGE, "tenant")
    calls = total(metrics.CALLS.name, _TENANTS, RANGE, "tenant")
    month = f'sum by (tenant) ({metrics.SPEND.name}{{{_TENANTS}, period="month"}})'
    revenue = f"max by (tenant) ({metrics.REVENUE.name})"
    layout.row(
        table(
            "Tenants",
            {"tenant": "Tenant"},
            {
                "Spend": (cost, USD),
                "Calls": (calls, COUNT),
                "Cost per call": (f"({cost}) / ({calls})", USD),
                "Tokens": (total(metrics.TOKENS.name, _TENANTS, RANGE, "tenant"), MANY),
                "Month to date": (month, USD),
                "Pays a month": (f"{revenue} and on (tenant) ({month})", USD),
                "Cost of that": (f"({month}) / on (tenant) ({revenue} > 0)", RATIO),
            },
            description="In the time range, where tenants are a label; the last two columns where `revenue` is given.",
            sort_by="Spend",
        ),
        height=9,
    )
    layout.row(
        lines(
            "Spend per hour, by tenant",
            {"{{tenant}}": f"topk(10, {total(metrics.COST.name, _TENANTS, '1h', 'tenant')})"},
            USD,
            description="The ten largest at each time, where tenants are a label.",
            stacked=True,
            empty=_OFF,
        ),
        height=8,
    )
