"""The first look: what is spent today and this month, on what, and what has changed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from board import HOUR, INPUT, OUTPUT, RANGE, board, named, selector
from panels import COUNT, MANY, RATIO, USD, Layout, bars, lines, stat, table

from spancost_collector.metrics import table as metrics
from spancost_collector.rules.change import MAIN, TOTAL
from spancost_collector.rules.promql import total
from spancost_collector.rules.recording import WHO

if TYPE_CHECKING:
    from grafana_foundation_sdk.models import dashboard

_CHOSEN: Final = selector("environment", "feature", "model")
_COST: Final = metrics.COST.name
_CALLS: Final = metrics.CALLS.name


def spend(period: str, chosen: str, *by: str) -> str:
    """The ledger's own figure for the day or the month so far."""
    grouping = f" by ({', '.join(by)})" if by else ""
    return f'sum{grouping} ({metrics.SPEND.name}{{{chosen}, period="{period}"}})'


def overview() -> dashboard.Dashboard:
    """The dashboard `spancost-overview`."""
    return board(
        "spancost-overview",
        "overview",
        "What model calls cost: today, this month, by feature, model, provider, environment and release.",
        ("environment", "feature", "model"),
        _fill,
    )


def _fill(layout: Layout) -> None:
    cost, calls = total(_COST, _CHOSEN, RANGE), total(_CALLS, _CHOSEN, RANGE)
    unpriced = total(metrics.UNPRICED_CALLS.name, _CHOSEN, RANGE)
    layout.row(
        stat("Spend today", spend("day", _CHOSEN), USD, description="Since midnight, from the ledger.", decimals=2),
        stat("Month to date", spend("month", _CHOSEN), USD, description="From the ledger.", decimals=2),
        stat(
            "Budget used most",
            f"max ({metrics.BUDGET_USED_RATIO.name})",
            RATIO,
            description="The budget of which the largest share is used. Budgets and alerts shows all of them.",
            warn_above=0.8,
            empty="no budgets",
        ),
        stat("Calls", calls, COUNT, description="In the time range, failed ones included.", decimals=0),
        stat(
            "Cost per call",
            f"({cost}) / ({calls})",
            USD,
            description="Spend by calls, in the time range. Calls without a price or under a subscription lower it.",
        ),
        stat(
            "Unpriced calls",
            # A counter that has never moved has no series: nought where there are calls, nothing where there are none.
            f"({unpriced}) or 0 * ({calls})",
            COUNT,
            description="In the time range. Their cost is unknown or incomplete: they are in no total until it is.",
            decimals=0,
            warn_above=0.5,
        ),
        height=4,
    )
    layout.row(
        lines(
            "Spend per hour, by feature",
            {"{{feature}}": total(_COST, _CHOSEN, HOUR, "feature")},
            USD,
            description="Each point is what the hour before it cost.",
            stacked=True,
        ),
        lines(
            "Spend per hour, by model",
            {"{{model}}": total(_COST, _CHOSEN, HOUR, "model")},
            USD,
            description="Each point is what the hour before it cost.",
            stacked=True,
        ),
        height=8,
    )
    layout.row(
        *(
            bars(
                f"Month to date, by {name}",
                {f"{{{{{name}}}}}": named(f"topk(8, {spend('month', _CHOSEN, name)})", name)},
                USD,
                description="From the ledger; the eight largest.",
            )
            for name in ("feature", "provider", "environment", "release")
        ),
        height=7,
    )
    layout.row(
        lines(
            "Input and output per hour",
            {
                "input": total(_COST, f"{_CHOSEN}, {INPUT}", HOUR),
                "output": total(_COST, f"{_CHOSEN}, {OUTPUT}", HOUR),
                "fees": total(_COST, f'{_CHOSEN}, token_class!~"input.*|cache_.*|output.*|reasoning"', HOUR),
            },
            USD,
            description="What tokens in, tokens out and fees by the piece cost.",
            stacked=True,
            narrow=True,
        ),
        lines(
            "Calls per hour, by feature",
            {"{{feature}}": total(_CALLS, _CHOSEN, HOUR, "feature")},
            COUNT,
            description="Each point is the hour before it.",
            stacked=True,
            narrow=True,
        ),
        height=7,
    )
    who = selector("environment", "feature")
    main = f"sum by ({WHO}, cause) ({MAIN}{{{who}}})"
    several = f'label_replace(sum by ({WHO}) ({TOTAL}{{{who}}} > 0.01), "cause", "several", "", "")'
    layout.row(
        table(
            "What has changed",
            {"environment": "Environment", "feature": "Feature", "cause": "Cause"},
            {
                "Change": (f"round(sum by ({WHO}) ({TOTAL}{{{who}}}), 0.01)", USD),
                "Last 24 h": (f"sum by ({WHO}) (spancost:feature_cost_usd:day{{{who}}})", USD),
                "Before": (f"sum by ({WHO}) (spancost:feature_cost_usd:base{{{who}}})", USD),
                "By that": (f"{main} or on ({WHO}) {several}", USD),
            },
            description="The last 24 hours against an average day of the seven before, from the recording rules, and "
            "the cause that raised it most.",
            sort_by="Change",
            links={"Feature": "/d/spancost-change?var-feature=${__value.raw}"},
        ),
        table(
            "Features and models",
            {"feature": "Feature", "model": "Model"},
            {
                "Spend": (total(_COST, _CHOSEN, RANGE, "feature", "model"), USD),
                "Calls": (total(_CALLS, _CHOSEN, RANGE, "feature", "model"), COUNT),
                "Tokens": (total(metrics.TOKENS.name, _CHOSEN, RANGE, "feature", "model"), MANY),
            },
            description="In the time range. A row without spend has no known price, or only failed calls.",
            sort_by="Spend",
            links={"Feature": "/d/spancost-feature?var-feature=${__value.raw}"},
        ),
        height=8,
    )
