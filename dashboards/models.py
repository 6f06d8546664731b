"""Models: which are used, what they cost, how fast they are, how often they fail, and what routing saves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from board import HOUR, RANGE, board, selector
from panels import COUNT, MANY, RATIO, SECONDS, USD, Layout, bars, lines, table

from spancost_collector.metrics import table as metrics
from spancost_collector.rules.promql import total

if TYPE_CHECKING:
    from grafana_foundation_sdk.models import dashboard

_CHOSEN: Final = selector("environment", "feature", "provider", "model")
_COST: Final = metrics.COST.name
_CALLS: Final = metrics.CALLS.name


def models() -> dashboard.Dashboard:
    """The dashboard `spancost-models`."""
    return board(
        "spancost-models",
        "models and routing",
        "The mix of models, their cost, speed and failures, and what routing saves.",
        ("environment", "feature", "provider", "model"),
        _fill,
    )


def _fill(layout: Layout) -> None:
    by = ("provider", "model")
    cost, calls = total(_COST, _CHOSEN, RANGE, *by), total(_CALLS, _CHOSEN, RANGE, *by)
    failed = total(_CALLS, f'{_CHOSEN}, outcome="error"', RANGE, *by)
    layout.row(
        table(
            "Models",
            {"provider": "Provider", "model": "Model"},
            {
                "Spend": (cost, USD),
                "Calls": (calls, COUNT),
                "Cost per call": (f"({cost}) / ({calls})", USD),
                "Tokens": (total(metrics.TOKENS.name, _CHOSEN, RANGE, *by), MANY),
                "Failed": (f"(({failed}) or 0 * ({calls})) / ({calls})", RATIO),
            },
            description="In the time range.",
            sort_by="Spend",
        ),
        lines(
            "Calls per hour, by model",
            {"{{model}}": total(_CALLS, _CHOSEN, HOUR, "model")},
            COUNT,
            description="The mix: each point is the hour before it.",
            stacked=True,
        ),
        height=9,
    )
    latency = f"quantile1h{{{selector('environment', 'provider', 'model')}"
    layout.row(
        lines(
            "Duration by model and task, 95 %",
            {"{{model}} {{task}}": f'max by (model, task) (spancost:duration_seconds:{latency}, quantile="0.95"}})'},
            SECONDS,
            description="95 % of the last hour's calls were faster; from the recording rules.",
            empty="the recording rules are not loaded, or nothing was called",
        ),
        lines(
            "First part of a streamed answer, 95 %",
            {"{{model}} {{task}}": f'max by (model, task) (spancost:first_chunk_seconds:{latency}, quantile="0.95"}})'},
            SECONDS,
            description="For 95 % of the last hour's streamed calls it was there sooner; from the recording rules.",
            empty="no streamed calls with a time to the first chunk",
        ),
        height=8,
    )
    saved = metrics.SAVINGS.name
    layout.row(
        lines(
            "Failed calls per hour",
            {"{{feature}} {{model}}": total(_CALLS, f'{_CHOSEN}, outcome="error"', HOUR, "feature", "model")},
            COUNT,
            description="Calls that ended in an error; retries inside the SDK are not counted.",
            narrow=True,
            empty="no failed calls",
        ),
        lines(
            "Cost per call, by model",
            {"{{model}}": f"({total(_COST, _CHOSEN, HOUR, 'model')}) / ({total(_CALLS, _CHOSEN, HOUR, 'model')} > 0)"},
            USD,
            description="Of the hour before each point.",
            narrow=True,
        ),
        bars(
            "Saved by routing",
            {"{{from_model}} → {{to_model}}": f"topk(8, {total(saved, '', RANGE, 'from_model', 'to_model')})"},
            USD,
            description="In the time range: the price of the model that was avoided less that of the one that served.",
            empty="nothing is routed",
        ),
        height=8,
    )
