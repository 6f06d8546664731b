"""The first dashboard: what is spent, on what, whether anything has no price, and whether the receiver is well."""

from __future__ import annotations

from typing import Final

from grafana_foundation_sdk.builders import dashboard as dashboard_builder
from grafana_foundation_sdk.models import dashboard
from panels import BYTES, COUNT, DATASOURCE, MANY, RATIO, SECONDS, USD, Layout, lines, stat, table
from promql import total

from spancost_collector import metrics

_DIMENSIONS: Final = {"environment": "Environment", "feature": "Feature", "model": "Model"}
_SELECTOR: Final = ", ".join(f'{name}=~"${name}"' for name in _DIMENSIONS)
_INPUT: Final = f'{_SELECTOR}, token_class=~"input.*|cache_.*"'
_OUTPUT: Final = f'{_SELECTOR}, token_class=~"output.*|reasoning"'
_FAILED: Final = f'{_SELECTOR}, outcome="error"'
_RANGE: Final = "$__range"
_HOUR: Final = "1h"
_RATE: Final = "$__rate_interval"

_COST: Final = metrics.COST.name
_TOKENS: Final = metrics.TOKENS.name
_CALLS: Final = metrics.CALLS.name
_UNPRICED_CALLS: Final = metrics.UNPRICED_CALLS.name
_UNPRICED_TOKENS: Final = metrics.UNPRICED_TOKENS.name


def overview() -> dashboard.Dashboard:
    """The dashboard `spancost-overview`."""
    built = (
        dashboard_builder.Dashboard("LLM cost: overview")
        .uid("spancost-overview")
        .description("What model calls cost, by feature and model, from the counters of the spancost receiver.")
        .tags(["spancost"])
        .time("now-24h", "now")
        .refresh("1m")
        .timezone("browser")
        .tooltip(dashboard.DashboardCursorSync.CROSSHAIR)
        .with_variable(dashboard_builder.DatasourceVariable("datasource").label("Data source").type("prometheus"))
    )
    for name, label in _DIMENSIONS.items():
        built.with_variable(_dimension(name, label))
    layout = Layout(built)
    _spend(layout)
    _usage(layout)
    _trouble(layout)
    _receiver(layout)
    return built.build()


def _dimension(name: str, label: str) -> dashboard_builder.QueryVariable:
    return (
        dashboard_builder.QueryVariable(name)
        .label(label)
        .datasource(DATASOURCE)
        .query(f"label_values({_CALLS}, {name})")
        .refresh(dashboard.VariableRefresh.ON_TIME_RANGE_CHANGED)
        .sort(dashboard.VariableSort.ALPHABETICAL_ASC)
        .multi(True)
        .include_all(True)
        .all_value(".*")
        .current(dashboard.VariableOption(text="All", value="$__all", selected=True))
    )


def _spend(layout: Layout) -> None:
    cost, calls = total(_COST, _SELECTOR, _RANGE), total(_CALLS, _SELECTOR, _RANGE)
    # A counter that has never moved has no series: nought where there are calls, nothing where there are none.
    none = f"0 * ({calls})"
    failed = f"({total(_CALLS, _FAILED, _RANGE)}) or {none}"
    unpriced_calls = f"({total(_UNPRICED_CALLS, _SELECTOR, _RANGE)}) or {none}"
    unpriced_tokens = f"({total(_UNPRICED_TOKENS, _SELECTOR, _RANGE)}) or {none}"
    layout.heading("Spend")
    layout.row(
        stat("Spend", cost, USD, description="Everything that has a price, in the time range."),
        stat("Calls", calls, COUNT, description="Model calls, failed ones included.", decimals=0),
        stat(
            "Cost per call",
            f"({cost}) / ({calls})",
            USD,
            description="Spend divided by calls. Calls without a price lower it: see the two figures to the right.",
        ),
        stat(
            "Unpriced calls",
            unpriced_calls,
            COUNT,
            description="Calls whose cost is unknown or incomplete. They are in no total until their price is known.",
            decimals=0,
            warn_above=0.5,
        ),
        stat(
            "Unpriced tokens",
            unpriced_tokens,
            MANY,
            description="Tokens that no rate was found for.",
            warn_above=0.5,
        ),
        stat(
            "Failed calls",
            f"({failed}) / ({calls})",
            RATIO,
            description="Share of calls that ended in an error.",
            warn_above=0.05,
        ),
        height=4,
    )
    layout.row(
        lines(
            "Spend per hour, by feature",
            {"{{feature}}": total(_COST, _SELECTOR, _HOUR, "feature")},
            USD,
            description="Each point is what the hour before it cost.",
            stacked=True,
        ),
        lines(
            "Spend per hour, by model",
            {"{{model}}": total(_COST, _SELECTOR, _HOUR, "model")},
            USD,
            description="Each point is what the hour before it cost.",
            stacked=True,
        ),
        height=9,
    )
    layout.row(
        table(
            "Features and models",
            {"feature": "Feature", "model": "Model"},
            {
                "Spend": (total(_COST, _SELECTOR, _RANGE, "feature", "model"), USD),
                "Calls": (total(_CALLS, _SELECTOR, _RANGE, "feature", "model"), COUNT),
                "Tokens": (total(_TOKENS, _SELECTOR, _RANGE, "feature", "model"), MANY),
            },
            description="In the time range. A row without spend has no known price, or only failed calls.",
            sort_by="Spend",
        ),
        height=9,
    )


def _usage(layout: Layout) -> None:
    layout.heading("Usage")
    layout.row(
        lines(
            "Calls per hour, by feature",
            {"{{feature}}": total(_CALLS, _SELECTOR, _HOUR, "feature")},
            COUNT,
            description="Each point is the hour before it.",
            stacked=True,
            narrow=True,
        ),
        lines(
            "Tokens in per hour, by class",
            {"{{token_class}}": total(_TOKENS, _INPUT, _HOUR, "token_class")},
            MANY,
            description="Disjoint classes: together they are all that went in.",
            stacked=True,
            narrow=True,
        ),
        lines(
            "Tokens out per hour, by class",
            {"{{token_class}}": total(_TOKENS, _OUTPUT, _HOUR, "token_class")},
            MANY,
            description="Disjoint classes: together they are all that came out.",
            stacked=True,
            narrow=True,
        ),
        height=9,
    )


def _trouble(layout: Layout) -> None:
    layout.heading("Unpriced and failed")
    layout.row(
        table(
            "Unpriced, by provider, model and reason",
            {"provider": "Provider", "model": "Model", "reason": "Reason"},
            {
                "Calls": (total(_UNPRICED_CALLS, _SELECTOR, _RANGE, "provider", "model", "reason"), COUNT),
                "Tokens": (total(_UNPRICED_TOKENS, _SELECTOR, _RANGE, "provider", "model", "reason"), MANY),
            },
            description="In the time range. Add a price to prices.yaml and these calls can be charged.",
            sort_by="Tokens",
        ),
        lines(
            "Failed calls per hour, by feature and model",
            {"{{feature}} {{model}}": total(_CALLS, _FAILED, _HOUR, "feature", "model")},
            COUNT,
            description="Calls that ended in an error, retries by the SDK not counted.",
        ),
        height=8,
    )


def _receiver(layout: Layout) -> None:
    bucket = f"{metrics.REQUESTS.name}_bucket"
    quantiles = {
        f"p{share}": f"histogram_quantile(0.{share}, sum by (le) (rate({bucket}[{_RATE}])))" for share in (50, 99)
    }
    refused = {
        "not acknowledged: {{reason}}": total(metrics.REJECTED.name, "", _HOUR, "reason"),
        "ledger did not commit": total(metrics.LEDGER_FAILURES.name, "", _HOUR),
        "next hop did not take": total(metrics.FORWARD_FAILURES.name, "", _HOUR),
    }
    doubtful = {
        "redelivered calls, not charged again": total(metrics.DUPLICATES.name, "", _HOUR),
        "usage that contradicts itself": total(metrics.MISMATCHES.name, "", _HOUR),
        "spans that could not be read": total(metrics.UNREADABLE_SPANS.name, "", _HOUR),
        "calls under __other__: {{dimension}}": total(metrics.FOLDED.name, "", _HOUR, "dimension"),
    }
    layout.heading("Receiver")
    layout.row(
        lines(
            "Received per second",
            {
                "spans": f"sum (rate({metrics.SPANS.name}[{_RATE}]))",
                "model calls": f"sum (rate({metrics.MODEL_CALLS.name}[{_RATE}]))",
            },
            MANY,
            description="Redelivered ones included.",
            narrow=True,
        ),
        lines(
            "Time to acknowledge",
            quantiles,
            SECONDS,
            description="From a request's arrival to its answer: the ledger has committed by then.",
            narrow=True,
        ),
        lines(
            "Waiting to be processed",
            {"bytes": f"sum ({metrics.QUEUE_BYTES.name})"},
            BYTES,
            description="Beyond its bound the receiver refuses, and senders try again.",
            narrow=True,
        ),
        height=7,
    )
    layout.row(
        lines("Refused per hour", refused, COUNT, description="Senders repeat all of these but the malformed ones."),
        lines("Doubtful per hour", doubtful, COUNT, description="Kept and counted, never guessed."),
        height=7,
    )
