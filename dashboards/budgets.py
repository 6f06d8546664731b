"""Budgets and what has been warned of."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from board import board
from panels import COUNT, RATIO, USD, Layout, lines, stat, table

from spancost_collector.metrics import table as metrics

if TYPE_CHECKING:
    from grafana_foundation_sdk.models import dashboard

_NONE: Final = "nothing shows budgets: see dashboards/metrics.md"
_BY: Final = "budget, key, unit"
_FIRING: Final = 'ALERTS{alertname=~"Spancost.*", alertstate="firing"}'


def budgets() -> dashboard.Dashboard:
    """The dashboard `spancost-budgets`."""
    return board(
        "spancost-budgets",
        "budgets and alerts",
        "What budgets allow and what is used of them; the alerts that fire and those that did.",
        (),
        _fill,
        since="now-7d",
    )


def _fill(layout: Layout) -> None:
    limit, used, ratio = (each.name for each in (metrics.BUDGET_LIMIT, metrics.BUDGET_USED, metrics.BUDGET_USED_RATIO))
    today = f'{metrics.SPEND.name}{{period="day"}}'
    layout.row(
        stat("Budgets used up", f"count ({ratio} >= 1) or 0 * count ({ratio})", COUNT, description="Now.", empty=_NONE),
        stat("Used most", f"max ({ratio})", RATIO, description="Of any budget.", warn_above=0.8, empty=_NONE),
        stat("Alerts that fire", f"count ({_FIRING}) or vector(0)", COUNT, description="Now.", warn_above=0.5),
        stat("Spend today", f"sum ({today})", USD, description="Since midnight, from the ledger.", decimals=2),
        height=4,
    )
    layout.row(
        table(
            "Budgets",
            {"budget": "Budget", "key": "For", "unit": "Unit"},
            {
                "Limit": (f"max by ({_BY}) ({limit})", COUNT),
                "Used": (f"max by ({_BY}) ({used})", COUNT),
                "Share": (f"max by ({_BY}) ({ratio})", RATIO),
            },
            description="In each budget's own unit and period.",
            sort_by="Share",
        ),
        lines(
            "Share used",
            {"{{budget}} {{key}}": f"max by (budget, key) ({ratio})"},
            RATIO,
            description="Back to nothing where a period begins.",
            empty=_NONE,
        ),
        height=9,
    )
    layout.row(
        table(
            "Alerts that fire",
            {"alertname": "Alert", "environment": "Environment", "feature": "Feature", "cause": "Cause"},
            {"Firing": (f"sum by (alertname, environment, feature, cause) ({_FIRING})", COUNT)},
            wide="Alert",
            description="Each has a section in the runbook.",
            sort_by="Alert",
        ),
        lines(
            "Alerts over time",
            {"{{alertname}} {{feature}}": f"sum by (alertname, feature) ({_FIRING})"},
            COUNT,
            description="While a line is there, the alert fires.",
            empty="nothing has fired",
        ),
        height=9,
    )
