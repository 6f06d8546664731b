"""Each cause of a rise is named when it has added enough, with the right figures, and not an hour before.

Feature `bot`, every half hour for eight days: 25 workflows of 2 calls, 1000 tokens in (600 of them read from the cache)
and 200 out each; $0.40 for input, $0.06 for cache reads and $0.54 for output, so $48 a day. Then something changes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import pytest
from tests.dashboards.promtool import alert_test

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.end_to_end

TARGET: Final = 'job="spancost", instance="a:9464"'
BOT: Final = 'environment="prod", feature="bot"'
BEFORE: Final = 384
"""Half hours in eight days."""
AFTER: Final = 60

CHANGE: Final = "/d/spancost-change?var-environment=prod&var-feature=bot"


def call_series(model: str) -> tuple[str, ...]:
    of = f'{TARGET}, {BOT}, provider="acme", model="{model}"'
    return (
        f'spancost_calls_total{{{of}, outcome="ok"}}',
        *(f'spancost_tokens_total{{{of}, token_class="{each}"}}' for each in ("input", "cache_read", "output")),
        *(f'spancost_cost_usd_total{{{of}, token_class="{each}"}}' for each in ("input", "cache_read", "output")),
    )


OF_WORKFLOWS: Final = (
    f"spancost_workflow_calls_count{{{TARGET}, {BOT}}}",
    f"spancost_conversation_openings_total{{{TARGET}, {BOT}}}",
    f"spancost_conversation_opening_input_tokens_total{{{TARGET}, {BOT}}}",
)
USUAL: Final = (50, 20_000, 30_000, 10_000, 0.40, 0.06, 0.54)
"""Calls, tokens of each class, US dollars of each class; every half hour."""
WORKFLOWS: Final = (25, 25, 25_000)
"""Workflows, conversations that begin, their first calls' input."""


@dataclass(frozen=True)
class Case:
    alert: str
    cause: str
    small: tuple[float, ...]
    """What the usual model's series rise by after the change."""
    first: int
    """Hours after the change at which the alert fires."""
    summary: str
    description: str
    workflows: tuple[float, ...] = WORKFLOWS
    large: tuple[float, ...] = ()
    """The same for a model that was not used before."""


CASES: Final = [
    # +$1.08 an hour; 30 % of $48 is $14.40, passed after 14 hours. 9 hours at 200 and 15 at 400 are 325 on average.
    Case(
        "SpancostOutputGrew",
        "output tokens per call",
        (50, 20_000, 30_000, 20_000, 0.40, 0.06, 1.08),
        15,
        "Feature bot in prod: output tokens per call 1.6x in 24 h (200 → 325)",
        "That adds $16.20 a day to $48.00. "
        "Look for a changed prompt, a raised limit of output tokens, or more reasoning.",
    ),
    # +$0.92 an hour, $14.72 after 16. 7 hours at 1000 and 17 at 2000.
    Case(
        "SpancostPromptGrew",
        "input tokens per call",
        (50, 40_000, 60_000, 10_000, 0.80, 0.12, 0.54),
        17,
        "Feature bot in prod: input tokens per call 1.7x in 24 h (1000 → 1708)",
        "That adds $15.64 a day to $48.00. Look for a longer system prompt, more retrieved text, or more tools.",
        workflows=(25, 25, 50_000),
    ),
    Case(
        "SpancostContextGrew",
        "conversation context",
        (50, 40_000, 60_000, 10_000, 0.80, 0.12, 0.54),
        17,
        "Feature bot in prod: conversations grew; input tokens per call 1.7x in 24 h (1000 → 1708)",
        "First calls of a conversation: 1.0x in 24 h (1000 → 1000). That adds $15.64 a day to $48.00. "
        "Cut or summarise what is sent again with every turn.",
    ),
    # All input at the full rate: +$1.08 an hour; 20 % of $48 is $9.60, passed after 9. 14 of 24 hours still read 60 %.
    Case(
        "SpancostCacheHitsFell",
        "cache",
        (50, 50_000, 0, 10_000, 1.00, 0, 0.54),
        10,
        "Feature bot in prod: input read from the cache fell from 60 % to 35 %",
        "That adds $10.80 a day to $48.00. "
        "Look for something that changes at the beginning of the prompt: a date, an id, the order of tools.",
    ),
    # Everything 1.6 times as dear: +$1.20 an hour, over the floor of $5 after 5. $55.20 for 2400 calls.
    Case(
        "SpancostPriceChanged",
        "price",
        (50, 20_000, 30_000, 10_000, 0.64, 0.096, 0.864),
        6,
        "Feature bot in prod: the price of its tokens changed; cost per call 1.1x in 24 h ($0.02 → $0.023)",
        "That adds $7.20 a day to $48.00. "
        "Look for a provider's new price, another service tier or region, or an edited prices.yaml.",
    ),
    # 4.5 times the workflows: +$7 an hour, over $48 after 7. 16 x 100 + 8 x 450 calls.
    Case(
        "SpancostTrafficGrew",
        "traffic",
        (225, 90_000, 135_000, 45_000, 1.80, 0.27, 2.43),
        8,
        "Feature bot in prod: calls 2.2x in 24 h (2400 → 5200)",
        "That adds $56.00 a day to $48.00. Look for a launch, a new customer, or a job that runs too often.",
        workflows=(112.5, 112.5, 112_500),
    ),
    # 2.6 times the calls of the same workflows: +$3.20 an hour, over $24 after 8. 15 x 100 + 9 x 260 calls / 1200.
    Case(
        "SpancostCallsPerWorkflowGrew",
        "calls per workflow",
        (130, 52_000, 78_000, 26_000, 1.04, 0.156, 1.404),
        9,
        "Feature bot in prod: calls per workflow 1.6x in 24 h (2.0 → 3.2)",
        "That adds $28.80 a day to $48.00. Look for an agent that does not stop, or a step that repeats itself.",
    ),
    # 32 of 50 calls to a model five times as dear: +$5.12 an hour, over $14.40 after 3. $68.48 for 2400 calls.
    Case(
        "SpancostModelMixMoved",
        "model mix",
        (18, 7_200, 10_800, 3_600, 0.144, 0.0216, 0.1944),
        4,
        "Feature bot in prod: moved to a dearer model; cost per call 1.4x in 24 h ($0.02 → $0.0285)",
        "That adds $20.48 a day to $48.00. "
        "Look for a changed model name, a router, or a fallback that has become the rule.",
        large=(32, 12_800, 19_200, 6_400, 1.28, 0.192, 1.728),
    ),
]
EVERY_CAUSE: Final = sorted(case.alert for case in CASES)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.alert)
def test_a_cause_is_named_once_it_has_added_enough_and_no_other_is(case: Case, tmp_path: Path) -> None:
    series = {f"up{{{TARGET}}}": f"1x{BEFORE + AFTER}"}
    names, rises = (*call_series("small"), *OF_WORKFLOWS), (*USUAL, *WORKFLOWS)
    for name, usual, then in zip(names, rises, (*case.small, *case.workflows), strict=True):
        series[name] = f"0+{usual}x{BEFORE} {usual * BEFORE + then}+{then}x{AFTER}"
    for name, then in zip(call_series("large"), case.large, strict=False):
        series[name] = f"0x{BEFORE} {then}+{then}x{AFTER}"
    others = [alert for alert in EVERY_CAUSE if alert != case.alert]

    alert_test(
        tmp_path,
        series,
        interval="30m",
        evaluation="1h",
        labels={
            "severity": "warning",
            "kind": "cause",
            "cause": case.cause,
            "environment": "prod",
            "feature": "bot",
        },
        silent={f"{8 * 24 + case.first - 1}h": EVERY_CAUSE, f"{8 * 24 + case.first}h": [*others, "SpancostNewFeature"]},
        fires={
            f"{8 * 24 + case.first}h": {
                case.alert: {
                    "summary": case.summary,
                    "description": case.description,
                    "runbook_url": f"dashboards/runbook.md#{case.alert.lower()}",
                    "dashboard_url": CHANGE,
                }
            }
        },
    )


def test_a_new_feature_is_named_when_it_has_spent_enough_beside_one_with_history(tmp_path: Path) -> None:
    series = {f"up{{{TARGET}}}": f"1x{BEFORE + AFTER}"}
    for name, usual in zip(call_series("small"), USUAL, strict=True):
        series[name] = f"0+{usual}x{BEFORE + AFTER}"
        # $0.30 every half hour, from the first on: $5.10 after 8 hours, $5.70 and 190 calls after 9.
        if 'outcome="ok"' in name:
            series[name.replace("bot", "fresh")] = f"_x{BEFORE} 10+10x{AFTER}"
        elif "cost" in name and "output" in name:
            series[name.replace("bot", "fresh")] = f"_x{BEFORE} 0.3+0.3x{AFTER}"

    alert_test(
        tmp_path,
        series,
        interval="30m",
        evaluation="1h",
        labels={
            "severity": "warning",
            "kind": "cause",
            "cause": "new feature",
            "environment": "prod",
            "feature": "fresh",
        },
        silent={"200h": ["SpancostNewFeature"], "201h": EVERY_CAUSE},
        fires={
            "201h": {
                "SpancostNewFeature": {
                    "summary": "Feature fresh in prod: new, $5.70 in its first 24 h",
                    "description": "Calls so far: 190. It has no history to compare with: "
                    "see that somebody expects this, and that it has a budget.",
                    "runbook_url": "dashboards/runbook.md#spancostnewfeature",
                    "dashboard_url": "/d/spancost-change?var-environment=prod&var-feature=fresh",
                }
            }
        },
    )
