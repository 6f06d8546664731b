"""One feature: what it spends, what its calls are like, and how both have moved."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from board import HOUR, INPUT, OUTPUT, RANGE, RATE, board, named, selector
from overview import spend
from panels import COUNT, MANY, RATIO, SECONDS, USD, Layout, bars, lines, stat

from spancost_collector.metrics import table as metrics
from spancost_collector.rules.promql import total

if TYPE_CHECKING:
    from grafana_foundation_sdk.models import dashboard

    from spancost_collector.metrics.table import Metric

_CHOSEN: Final = selector("environment", "feature")
_COST: Final = metrics.COST.name
_CALLS: Final = metrics.CALLS.name
_TOKENS: Final = metrics.TOKENS.name


def quantiles(metric: Metric, chosen: str, window: str = RATE) -> dict[str, str]:
    """The median and the dear end of a histogram."""
    series = f"sum by (le) (rate({metric.name}_bucket{{{chosen}}}[{window}]))"
    return {f"p{share}": f"histogram_quantile(0.{share}, {series})" for share in (50, 95, 99)}


def feature() -> dashboard.Dashboard:
    """The dashboard `spancost-feature`."""
    return board(
        "spancost-feature",
        "feature",
        "One feature, or several: spend, size, speed and shape of its calls.",
        ("environment", "feature"),
        _fill,
    )


def _fill(layout: Layout) -> None:
    cost, calls = total(_COST, _CHOSEN, RANGE), total(_CALLS, f'{_CHOSEN}, outcome="ok"', RANGE)
    tokens_in, tokens_out = (total(_TOKENS, f"{_CHOSEN}, {each}", RANGE) for each in (INPUT, OUTPUT))
    cached = total(_TOKENS, f'{_CHOSEN}, token_class="cache_read"', RANGE)
    by_release = total(_COST, _CHOSEN, RANGE, "service", "release")
    layout.row(
        stat("Spend today", spend("day", _CHOSEN), USD, description="Since midnight, from the ledger.", decimals=2),
        stat("Month to date", spend("month", _CHOSEN), USD, description="From the ledger.", decimals=2),
        stat("Cost per call", f"({cost}) / ({calls})", USD, description="In the time range; failed calls left out."),
        stat("Tokens in per call", f"({tokens_in}) / ({calls})", COUNT, description="Cached ones too.", decimals=0),
        stat("Tokens out per call", f"({tokens_out}) / ({calls})", COUNT, description="Reasoning too.", decimals=0),
        stat(
            "Read from the cache",
            f"(({cached}) or 0 * ({tokens_in})) / ({tokens_in})",
            RATIO,
            description="Share of the input that the provider's prompt cache served.",
            decimals=0,
        ),
        height=4,
    )
    layout.row(
        lines(
            "Spend per hour, by model",
            {"{{model}}": total(_COST, _CHOSEN, HOUR, "model")},
            USD,
            description="Each point is what the hour before it cost.",
            stacked=True,
        ),
        lines(
            "Spend per hour, by task",
            {"{{task}}": named(total(_COST, _CHOSEN, HOUR, "task"), "task")},
            USD,
            description="Each point is what the hour before it cost.",
            stacked=True,
        ),
        height=8,
    )
    layout.row(
        lines(
            "Cost of a call",
            quantiles(metrics.CALL_COST, _CHOSEN, HOUR),
            USD,
            description="Half, 95 % and 99 % of the last hour's calls cost less. Points are single calls: follow one.",
            narrow=True,
            exemplars=True,
        ),
        lines(
            "Tokens in of a call",
            quantiles(metrics.CALL_INPUT_TOKENS, _CHOSEN, HOUR),
            MANY,
            description="Half, 95 % and 99 % of the last hour's calls had less input. Points are single calls.",
            narrow=True,
            exemplars=True,
        ),
        lines(
            "Duration of a call",
            quantiles(metrics.CALL_SECONDS, _CHOSEN, HOUR),
            SECONDS,
            description="Half, 95 % and 99 % of the last hour's calls were faster. Points are single calls.",
            narrow=True,
            exemplars=True,
        ),
        height=7,
    )
    layout.row(
        lines(
            "Calls per workflow",
            quantiles(metrics.WORKFLOW_CALLS, _CHOSEN, HOUR)
            | {"most, still running": f"max ({metrics.OPEN_WORKFLOW_CALLS.name}{{{_CHOSEN}}})"},
            COUNT,
            description="Model calls of a whole trace, counted when it is over; and of the largest one under way.",
            narrow=True,
            exemplars=True,
        ),
        lines(
            "Tokens per hour, by class",
            {"{{token_class}}": total(_TOKENS, _CHOSEN, HOUR, "token_class")},
            MANY,
            description="Disjoint classes: together they are all tokens.",
            stacked=True,
            narrow=True,
        ),
        bars(
            "Spend, by release",
            {"{{service}} {{release}}": named(f"topk(8, {by_release})", "service")},
            USD,
            description="In the time range; the eight largest.",
        ),
        height=7,
    )
