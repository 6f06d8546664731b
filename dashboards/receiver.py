"""spancost itself: whether its figures are complete, and whether it is well."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from board import HOUR, RANGE, RATE, board, selector
from panels import BYTES, COUNT, MANY, RATIO, SECONDS, Layout, lines, stat, table

from spancost_collector.call import UNATTRIBUTED
from spancost_collector.metrics import table as metrics
from spancost_collector.rules.promql import total

if TYPE_CHECKING:
    from grafana_foundation_sdk.models import dashboard

_CHOSEN: Final = selector("environment")
_FAILED: Final = f'{_CHOSEN}, outcome="error"'
_NOBODY: Final = f'{_CHOSEN}, feature="{UNATTRIBUTED}"'
_CALLS: Final = metrics.CALLS.name


def receiver() -> dashboard.Dashboard:
    """The dashboard `spancost-receiver`."""
    return board(
        "spancost-receiver",
        "spancost itself",
        "Whether the figures are complete, and whether the receiver is well.",
        ("environment",),
        _fill,
        releases=False,
    )


def _fill(layout: Layout) -> None:
    calls = total(_CALLS, _CHOSEN, RANGE)
    # A counter that has never moved has no series: nought where there are calls, nothing where there are none.
    none = f"0 * ({calls})"
    failed = f"({total(_CALLS, _FAILED, RANGE)}) or {none}"
    unpriced = f"({total(metrics.UNPRICED_CALLS.name, _CHOSEN, RANGE)}) or {none}"
    tokens = f"({total(metrics.UNPRICED_TOKENS.name, _CHOSEN, RANGE)}) or {none}"
    nobody = f"({total(_CALLS, _NOBODY, RANGE)}) or {none}"
    layout.row(
        stat("Unpriced calls", unpriced, COUNT, description="Their cost is unknown.", decimals=0, warn_above=0.5),
        stat("Unpriced tokens", tokens, MANY, description="Tokens that no rate was found for.", warn_above=0.5),
        stat("Failed calls", f"({failed}) / ({calls})", RATIO, description="Share of calls.", warn_above=0.05),
        stat("Without a feature", f"({nobody}) / ({calls})", RATIO, description="Share of calls.", warn_above=0.2),
        stat(
            "Prices checked",
            f"max ({metrics.PRICE_AGE.name})",
            SECONDS,
            description="How long ago the prices in use were last checked against their sources.",
            warn_above=45 * 86_400,
        ),
        stat("Receivers up", 'sum (up{job="spancost"})', COUNT, description="That answer scrapes.", decimals=0),
        height=4,
    )
    layout.row(
        table(
            "Unpriced, by provider, model and reason",
            {"provider": "Provider", "model": "Model", "reason": "Reason"},
            {
                "Calls": (total(metrics.UNPRICED_CALLS.name, _CHOSEN, RANGE, "provider", "model", "reason"), COUNT),
                "Tokens": (total(metrics.UNPRICED_TOKENS.name, _CHOSEN, RANGE, "provider", "model", "reason"), MANY),
            },
            description="In the time range. Add a price to prices.yaml and these calls can be charged.",
            sort_by="Tokens",
        ),
        lines("Doubtful per hour", _doubtful(), COUNT, description="Kept and counted, never guessed."),
        height=8,
    )
    bucket = f"{metrics.REQUESTS.name}_bucket"
    layout.row(
        lines(
            "Received per second",
            {
                "spans": f"sum (rate({metrics.SPANS.name}[{RATE}]))",
                "model calls": f"sum (rate({metrics.MODEL_CALLS.name}[{RATE}]))",
            },
            MANY,
            description="Redelivered ones included.",
            narrow=True,
        ),
        lines(
            "Time to acknowledge",
            {f"p{share}": f"histogram_quantile(0.{share}, sum by (le) (rate({bucket}[{RATE}])))" for share in (50, 99)},
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
        lines(
            "Refused per hour",
            {
                "not acknowledged: {{reason}}": total(metrics.REJECTED.name, "", HOUR, "reason"),
                "ledger did not commit": total(metrics.LEDGER_FAILURES.name, "", HOUR),
                "not taken by {{next_hop}}": total(metrics.FORWARD_FAILURES.name, "", HOUR, "next_hop"),
                "refused by {{next_hop}}": total(metrics.FORWARD_REJECTED.name, "", HOUR, "next_hop"),
                "not sent to {{next_hop}}: {{reason}}": total(
                    metrics.FORWARD_DROPPED.name, "", HOUR, "next_hop", "reason"
                ),
            },
            COUNT,
            description="Senders repeat what is not taken now, and not what is malformed, refused or not sent.",
        ),
        lines(
            "Label values past their bound, per hour",
            {"{{dimension}}": total(metrics.FOLDED.name, "", HOUR, "dimension")},
            COUNT,
            description="Calls shown under __other__: the dimension, or all together, have as many values as they may.",
            empty="every value has its own label",
        ),
        height=7,
    )


def _doubtful() -> dict[str, str]:
    return {
        "not charged again: {{reason}}": total(metrics.DUPLICATES.name, "", HOUR, "reason"),
        "usage that contradicts itself": total(metrics.MISMATCHES.name, "", HOUR),
        "something assumed": total(metrics.ASSUMED.name, "", HOUR),
        "biller reports another cost": total(metrics.DIFFERENCES.name, "", HOUR),
        "spans that could not be read": total(metrics.UNREADABLE_SPANS.name, "", HOUR),
    }
