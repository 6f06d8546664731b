"""Coding agents: what they spend, by agent and model, and what a session of one takes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from board import HOUR, RANGE, board, selector
from panels import COUNT, MANY, RATIO, USD, Layout, bars, lines, stat, table

from spancost_collector.metrics import table as metrics
from spancost_collector.rules.promql import total

if TYPE_CHECKING:
    from grafana_foundation_sdk.models import dashboard

AGENTS: Final = "claude-code|codex.*|gemini-cli|copilot.*|cursor.*|opencode|aider|goose|qwen-code"
"""The service names that coding agents report under."""
_CHOSEN: Final = selector("service", also=f'service=~"(?i:{AGENTS})"')
_COST: Final = metrics.COST.name
_TOKENS: Final = metrics.TOKENS.name
_EMPTY: Final = "no coding agent reports here"


def agents() -> dashboard.Dashboard:
    """The dashboard `spancost-agents`."""
    return board(
        "spancost-agents",
        "coding agents",
        f"Spend of coding agents: calls whose service is one of {AGENTS.replace('|', ', ').replace('.*', '…')}.",
        ("service",),
        _fill,
    )


def _fill(layout: Layout) -> None:
    calls = total(metrics.CALLS.name, _CHOSEN, RANGE)
    today = f'sum ({metrics.SPEND.name}{{{_CHOSEN}, period="day"}})'
    month = f'sum ({metrics.SPEND.name}{{{_CHOSEN}, period="month"}})'
    # What a subscription covers has no cost: nought where there are calls, nothing where there are none.
    none = f"0 * ({calls})"
    cost = f"({total(_COST, _CHOSEN, RANGE)}) or {none}"
    text = total(_TOKENS, f'{_CHOSEN}, token_class=~"input.*|cache_.*"', RANGE)
    cached = total(_TOKENS, f'{_CHOSEN}, token_class="cache_read"', RANGE)
    layout.row(
        stat("Spend today", f"{today} or {none}", USD, description="From the ledger.", decimals=2, empty=_EMPTY),
        stat("Month to date", f"{month} or {none}", USD, description="From the ledger.", decimals=2, empty=_EMPTY),
        stat(
            "Covered by subscriptions",
            total(metrics.IMPUTED.name, _CHOSEN, RANGE),
            USD,
            description="In the time range, what those calls would have cost by the list; part of no spend.",
            decimals=2,
            empty="none",
        ),
        stat("Calls", calls, COUNT, description="In the time range.", decimals=0, empty=_EMPTY),
        stat(
            "Cost per call",
            f"({cost}) / ({calls})",
            USD,
            description="In the time range. Calls that a subscription covers lower it.",
            empty=_EMPTY,
        ),
        stat(
            "Read from the cache",
            f"(({cached}) or 0 * ({text})) / ({text})",
            RATIO,
            description="Agents send nearly everything again with every step: a low share is expensive.",
            decimals=0,
            empty=_EMPTY,
        ),
        height=4,
    )
    layout.row(
        lines(
            "Spend per hour, by agent",
            {"{{service}}": total(_COST, _CHOSEN, HOUR, "service")},
            USD,
            description="Each point is what the hour before it cost.",
            stacked=True,
            empty="nothing that is billed",
        ),
        lines(
            "Spend per hour, by model",
            {"{{model}}": total(_COST, _CHOSEN, HOUR, "model")},
            USD,
            description="Each point is what the hour before it cost.",
            stacked=True,
            empty="nothing that is billed",
        ),
        height=8,
    )
    layout.row(
        table(
            "Agents and models",
            {"service": "Agent", "model": "Model", "release": "Version"},
            {
                "Spend": (total(_COST, _CHOSEN, RANGE, "service", "model", "release"), USD),
                "Tokens": (total(_TOKENS, _CHOSEN, RANGE, "service", "model", "release"), MANY),
            },
            description="In the time range.",
            sort_by="Spend",
        ),
        bars(
            "Tokens, by class",
            {"{{token_class}}": f"sort_desc({total(_TOKENS, _CHOSEN, RANGE, 'token_class')})"},
            MANY,
            description="In the time range. `spancost report --by user,session --since 24h` has people and sessions.",
            empty=_EMPTY,
        ),
        height=9,
    )
