"""Why did it change: the last day of each feature against an average day before, part by part."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from board import board, selector
from panels import COUNT, MANY, RATIO, USD, Layout, bars, lines, stat, table

from spancost_collector.rules.change import BY_CAUSE, TOTAL
from spancost_collector.rules.recording import WHO

if TYPE_CHECKING:
    from grafana_foundation_sdk.models import dashboard

_CHOSEN: Final = selector("environment", "feature")
_CAUSES: Final = f"{BY_CAUSE}{{{_CHOSEN}}}"
_CHANGE: Final = f"sum ({TOTAL}{{{_CHOSEN}}})"
_YOUNG: Final = "the recording rules have no history yet"
_LABELS: Final = {"environment": "Environment", "feature": "Feature"}


def change() -> dashboard.Dashboard:
    """The dashboard `spancost-change`."""
    return board(
        "spancost-change",
        "why did it change",
        "The last 24 hours against an average day of the seven before, split into causes that add up to the change.",
        ("environment", "feature"),
        _fill,
        since="now-7d",
    )


def _shown(series: str) -> str:
    return f"sum by ({WHO}) ({series}{{{_CHOSEN}}})"


def _fill(layout: Layout) -> None:
    day, base = (f"sum (spancost:feature_cost_usd:{when}{{{_CHOSEN}}})" for when in ("day", "base"))
    layout.row(
        stat("Average day before", base, USD, description="Of the seven days before.", decimals=2, empty=_YOUNG),
        stat("Last 24 hours", day, USD, description="Spend.", decimals=2, empty=_YOUNG),
        stat("Change a day", _CHANGE, USD, description="The difference.", decimals=2, empty=_YOUNG),
        stat(
            "Average day of the month before",
            f"sum (last_over_time(spancost:feature_cost_usd:mean30d{{{_CHOSEN}}}[2h]))",
            USD,
            description="Of the thirty days before the last 24 hours.",
            decimals=2,
            empty=_YOUNG,
        ),
        height=4,
    )
    layout.row(
        bars(
            "From the average day to the last one",
            {
                "before": base,
                "{{cause}}": f"sort_desc(round(sum by (cause) ({_CAUSES}), 0.01) != 0)",
                "last 24 h": day,
            },
            USD,
            description="What each cause added or took away. The first bar and the causes together are the last bar.",
            signed=True,
            empty=_YOUNG,
        ),
        lines(
            "Causes over time",
            {"{{cause}}": f"round(sum by (cause) ({_CAUSES}), 0.01)"},
            USD,
            description="At each point: the 24 hours before it against the seven days before those.",
            signed=True,
            empty=_YOUNG,
        ),
        height=10,
    )
    layout.row(
        table(
            "What calls are like",
            _LABELS,
            {
                "Calls": (_shown("spancost:feature_calls:day"), COUNT),
                "Calls before": (_shown("spancost:feature_calls:base"), COUNT),
                "A call": (_shown("spancost:cost_per_call_usd:day"), USD),
                "A call before": (_shown("spancost:cost_per_call_usd:base"), USD),
                "Tokens in": (_shown("spancost:input_tokens_per_call:day"), MANY),
                "In before": (_shown("spancost:input_tokens_per_call:base"), MANY),
                "Tokens out": (_shown("spancost:output_tokens_per_call:day"), MANY),
                "Out before": (_shown("spancost:output_tokens_per_call:base"), MANY),
                "Cached": (_shown("spancost:cache_read:share_day"), RATIO),
                "Cached before": (_shown("spancost:cache_read:share_base"), RATIO),
            },
            description="Averages of the last 24 hours, and of the seven days before.",
            sort_by="Calls",
        ),
        height=9,
    )
    layout.row(
        table(
            "Causes, by feature",
            {**_LABELS, "cause": "Cause"},
            {"USD a day": (f"sum by ({WHO}, cause) ({_CAUSES} > 0.005 or {_CAUSES} < -0.005)", USD)},
            description="Everything that added or took away more than half a cent a day.",
            sort_by="USD a day",
        ),
        lines(
            "Share of calls, by model",
            {"{{environment}} {{feature}} {{model}}": f"spancost:model_calls:share_day{{{_CHOSEN}}}"},
            RATIO,
            description="Of the 24 hours before each point.",
            empty=_YOUNG,
        ),
        height=10,
    )
