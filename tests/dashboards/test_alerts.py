"""Alerts that are not causes of a daily change: silent just before, firing at the threshold, with their whole text."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import pytest
from tests.dashboards.promtool import alert_test

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

pytestmark = pytest.mark.end_to_end

TARGET: Final = 'job="spancost", instance="a:9464"'
BOT: Final = 'environment="prod", feature="bot"'
SMALL: Final = f'{TARGET}, {BOT}, provider="acme", model="small"'
STAGING: Final = SMALL.replace("prod", "staging")
TEMPO: Final = 'next_hop="tempo", reason="queue_full"'
STEP: Final = 'spancost_step="reading an answer", error_type="KeyError"'
UP: Final = {f"up{{{TARGET}}}": "1x1000"}
FEATURE: Final = "/d/spancost-feature?var-environment=prod&var-feature=bot"


@dataclass(frozen=True)
class Case:
    alert: str
    series: Mapping[str, str]
    silent: str
    fires: str
    labels: Mapping[str, str]
    summary: str
    description: str
    dashboard: str
    interval: str = "1m"
    evaluation: str = "1m"
    quiet: tuple[str, ...] = field(default=())
    """Other times at which it is silent."""


# A week and a day at $1 and 100 calls an hour, $24 and 2400 calls a day.
WEEK: Final = {
    f'spancost_calls_total{{{SMALL}, outcome="ok"}}': "0+50x384 19350+150x60",
    f'spancost_tokens_total{{{SMALL}, token_class="output"}}': "0+1000x384 385000+1000x60",
}

CASES: Final = [
    # $490 + $11 for three features: over $500 from the tenth minute, for five.
    Case(
        "SpancostDailySpendHigh",
        {
            f'spancost_spend_usd{{{SMALL}, period="day"}}': "490x9 491x30",
            f'spancost_spend_usd{{{SMALL.replace("bot", "search")}, period="day"}}': "9.5x40",
            f'spancost_spend_usd{{{SMALL}, period="month"}}': "9000x40",
        },
        "14m",
        "15m",
        {"severity": "warning", "kind": "symptom"},
        "Today's spend is $500.50, over $500",
        "Most of it: bot $491.00; search $9.50; the dashboard has the rest.",
        "/d/spancost-overview",
    ),
    Case(
        "SpancostFeatureSpendHigh",
        {f'spancost_spend_usd{{{SMALL}, period="day"}}': "200x9 201x30"},
        "14m",
        "15m",
        {"severity": "warning", "kind": "symptom", "environment": "prod", "feature": "bot"},
        "Feature bot in prod: $201.00 today, over $200",
        "An average day before: $?.",
        FEATURE,
    ),
    # 30 calls an hour at $0.90, then at $2.70: 60 minutes hold m of the latter after m, $1 a call after four of them.
    Case(
        "SpancostCostPerCallHigh",
        {
            f'spancost_calls_total{{{SMALL}, outcome="ok"}}': "0+0.5x300",
            f'spancost_cost_usd_total{{{SMALL}, token_class="output"}}': "0+0.45x100 46.35+1.35x200",
        },
        "113m",
        "114m",
        {"severity": "warning", "kind": "symptom", "environment": "prod", "feature": "bot"},
        "Feature bot in prod: $1.32 a call in the last hour, over $1",
        "An average call before: $?.",
        FEATURE,
    ),
    # $1 an hour for eight days, then $5: 5 times the average hour at once, said an evaluation later.
    Case(
        "SpancostSpendSpike",
        {**WEEK, f'spancost_cost_usd_total{{{SMALL}, token_class="output"}}': "0+0.5x384 194.5+2.5x60"},
        "193h",
        "194h",
        {"severity": "warning", "kind": "symptom", "environment": "prod", "feature": "bot"},
        "Feature bot in prod: the last hour cost 5.0x an average hour",
        "$5.00 in the last hour; an average hour of the seven days before: $1.00.",
        FEATURE,
        interval="30m",
        evaluation="1h",
    ),
    # As many calls, each three times as dear: +$2 an hour. 1.5 times the cost of a call is passed after 7 hours.
    Case(
        "SpancostCostPerCallJumped",
        {
            f'spancost_calls_total{{{SMALL}, outcome="ok"}}': "0+50x444",
            f'spancost_tokens_total{{{SMALL}, token_class="output"}}': "0+1000x384 387000+3000x60",
            f'spancost_cost_usd_total{{{SMALL}, token_class="output"}}': "0+0.5x384 193.5+1.5x60",
        },
        "199h",
        "200h",
        {"severity": "warning", "kind": "symptom", "environment": "prod", "feature": "bot"},
        "Feature bot in prod: cost per call 1.7x in 24 h ($0.01 → $0.0167), mainly output tokens per call",
        "$40.00 in the last 24 h, $24.00 on an average day before.",
        "/d/spancost-change?var-environment=prod&var-feature=bot",
        interval="30m",
        evaluation="1h",
    ),
    Case(
        "SpancostRunawayLoop",
        {f"spancost_workflow_open_calls{{{TARGET}, {BOT}}}": "0x9 200 201 230x20"},
        "11m",
        "12m",
        {
            "severity": "critical",
            "kind": "cause",
            "cause": "calls per workflow",
            "environment": "prod",
            "feature": "bot",
        },
        "Feature bot in prod: a workflow has made 230 calls and is still running",
        "Usual calls per workflow: ?. `spancost report --by trace --since 1h` names it.",
        FEATURE,
    ),
    # 60 good calls an hour; 5 failed ones a minute from 100m on: 20 of them, a quarter of 80, after four minutes.
    Case(
        "SpancostErrorStorm",
        {
            f'spancost_calls_total{{{SMALL}, outcome="ok"}}': "0+1x300",
            f'spancost_calls_total{{{SMALL}, outcome="error"}}': "0x100 5+5x200",
        },
        "113m",
        "114m",
        {
            "severity": "warning",
            "kind": "cause",
            "cause": "errors",
            "environment": "prod",
            "feature": "bot",
            "provider": "acme",
            "model": "small",
        },
        "Feature bot in prod: 53.85% of its calls to small fail",
        "70 calls to acme failed in the last hour. Retries multiply what the ones that succeed cost.",
        FEATURE,
    ),
    Case(
        "SpancostNonProductionSpend",
        {
            f'spancost_spend_usd{{{STAGING}, period="day"}}': "19x9 18x30",
            f'spancost_spend_usd{{{STAGING.replace("bot", "eval")}, period="day"}}': "1x9 3x30",
            f'spancost_spend_usd{{{SMALL}, period="day"}}': "150x40",
            f'spancost_spend_usd{{{SMALL.replace("prod", "")}, period="day"}}': "40x40",
        },
        "14m",
        "15m",
        {"severity": "warning", "kind": "cause", "cause": "environment", "environment": "staging"},
        "Environment staging: $21.00 today, and it is not production",
        "Most of it: bot, $18.00. Look for tests, evaluations and load tests that call paid models.",
        "/d/spancost-overview?var-environment=staging",
    ),
    Case(
        "SpancostTopSpender",
        {
            f'spancost_top_spender_usd{{{TARGET}, who="user", rank="1"}}': "50x9 51x30",
            f'spancost_top_spender_usd{{{TARGET}, who="user", rank="2"}}': "3x40",
            f'spancost_median_spender_usd{{{TARGET}, who="user"}}': "0.5x40",
            f'spancost_spenders{{{TARGET}, who="user"}}': "180x40",
            f'spancost_top_spender_usd{{{TARGET}, who="tenant", rank="1"}}': "500x40",
            f'spancost_median_spender_usd{{{TARGET}, who="tenant"}}': "0.5x40",
            f'spancost_spenders{{{TARGET}, who="tenant"}}': "2x40",
        },
        "14m",
        "15m",
        {"severity": "warning", "kind": "cause", "cause": "one spender", "who": "user"},
        "One user has spent $51.00 today, far more than the rest",
        "The user in the middle: $0.50, of 180. `spancost report --by user --since 24h` names it.",
        "/d/spancost-tenants",
    ),
    Case(
        "SpancostBudgetNearlyUsed",
        {
            f'spancost_budget_used_ratio{{{TARGET}, budget="team", key="search", unit="usd"}}': "0.79x9 0.8x30",
            f'spancost_budget_used{{{TARGET}, budget="team", key="search", unit="usd"}}': "79x9 80x30",
            f'spancost_budget_limit{{{TARGET}, budget="team", key="search", unit="usd"}}': "100x40",
        },
        "14m",
        "15m",
        {"severity": "warning", "kind": "symptom", "budget": "team", "key": "search", "unit": "usd"},
        "Budget team of search: 80% used",
        "So far 80.00 of 100.00 usd.",
        "/d/spancost-budgets",
    ),
    Case(
        "SpancostBudgetUsed",
        {
            f'spancost_budget_used_ratio{{{TARGET}, budget="all", key="", unit="usd"}}': "0.99x9 1.02x30",
            f'spancost_budget_used{{{TARGET}, budget="all", key="", unit="usd"}}': "99x9 102x30",
            f'spancost_budget_limit{{{TARGET}, budget="all", key="", unit="usd"}}': "100x40",
        },
        "14m",
        "15m",
        {"severity": "critical", "kind": "symptom", "budget": "all", "unit": "usd"},
        "Budget all: used up (102%)",
        "So far 102.00 of 100.00 usd.",
        "/d/spancost-budgets",
    ),
    # $0.05 a minute is $72 a day; $28.05 after 561 minutes is the first amount from which 24 hours lead past $100.01.
    Case(
        "SpancostBudgetForecast",
        {
            f'spancost_budget_used_ratio{{{TARGET}, budget="all", key="", unit="usd"}}': "0+0.0005x700",
            f'spancost_budget_used{{{TARGET}, budget="all", key="", unit="usd"}}': "0+0.05x700",
            f'spancost_budget_limit{{{TARGET}, budget="all", key="", unit="usd"}}': "100.01x700",
        },
        "565m",
        "566m",
        {"severity": "warning", "kind": "symptom", "budget": "all", "unit": "usd"},
        "Budget all: used up within 24 h at this pace",
        "So far 28.30 of 100.01 usd.",
        "/d/spancost-budgets",
    ),
    # 120 calls an hour; the fifth with a contradiction comes at 104m, which is also more than 1 % of them.
    Case(
        "SpancostTokenMismatches",
        {
            f"spancost_receiver_model_calls_total{{{TARGET}}}": "0+2x300",
            f"spancost_receiver_mismatches_total{{{TARGET}}}": "0x99 1 2 3 4 5x200",
        },
        "108m",
        "109m",
        {"severity": "warning", "kind": "ourselves"},
        "5 calls in the last hour have usage that contradicts itself",
        "They are recorded and not charged: spend is too low by what they cost.",
        "/d/spancost-receiver",
    ),
    # 120 calls an hour; the tenth comes at 109m, which is also more than 5 %.
    Case(
        "SpancostReportedDrift",
        {
            f"spancost_receiver_model_calls_total{{{TARGET}}}": "0+2x300",
            f"spancost_receiver_reported_differences_total{{{TARGET}}}": "0x99 1+1x200",
        },
        "113m",
        "114m",
        {"severity": "warning", "kind": "ourselves"},
        "15 calls in the last hour have a cost from their biller that our prices do not give",
        "They are charged what the biller says; our price for that model or tier is wrong or old.",
        "/d/spancost-receiver",
    ),
    # 120 calls an hour; the 25th in an hour is more than 20 % of them, at 124m.
    Case(
        "SpancostAssumedCalls",
        {
            f"spancost_receiver_model_calls_total{{{TARGET}}}": "0+2x300",
            f"spancost_receiver_assumed_calls_total{{{TARGET}}}": "0x99 1+1x200",
        },
        "128m",
        "129m",
        {"severity": "warning", "kind": "ourselves"},
        "30 calls in the last hour have something about them assumed that nobody said",
        "They are charged, by what an unknown emitter's totals usually include or by who usually serves the model.",
        "/d/spancost-receiver",
    ),
    Case(
        "SpancostReloadFailed",
        {f"spancost_receiver_reload_failed{{{TARGET}}}": "0x9 1x60"},
        "14m",
        "15m",
        {"severity": "warning", "kind": "ourselves", "instance": "a:9464"},
        "The spancost receiver a:9464 works with older prices than it was told to read",
        "A reload was refused because a file could not be used; the receiver's log names file and line.",
        "/d/spancost-receiver",
    ),
    # One request an hour is dropped: it counts for 15 minutes.
    Case(
        "SpancostSpansNotForwarded",
        {f"spancost_receiver_forward_dropped_requests_total{{{TARGET}, {TEMPO}}}": "0x9 15x60"},
        "14m",
        "15m",
        {
            "severity": "warning",
            "kind": "ourselves",
            "instance": "a:9464",
            "next_hop": "tempo",
            "reason": "queue_full",
        },
        "The next hop tempo does not get all spans: queue_full",
        "15 requests in the last 15 minutes. The ledger has their calls, the next hop does not have their spans, and"
        " nobody sends them again.",
        "/d/spancost-receiver",
    ),
    # An app begins at 99m with three errors, which are said for an hour; another has had one for longer than that.
    Case(
        "SpancostInstrumentationFailing",
        {
            f'spancost_internal_errors_total{{job="shop", {STEP}}}': "_x99 3x100",
            f'spancost_internal_errors_total{{job="bot", {STEP}}}': "1x200",
        },
        "103m",
        "104m",
        {
            "severity": "warning",
            "kind": "ourselves",
            "job": "shop",
            "spancost_step": "reading an answer",
            "error_type": "KeyError",
        },
        "The instrumentation in shop fails: reading an answer, KeyError",
        "3 times in the last hour. The app is not affected; calls that it made may be missing or incomplete, and their"
        " cost with them.",
        "/d/spancost-overview",
        quiet=("160m",),
    ),
    # 45 days are 3,888,000 seconds, passed at 10m; said an hour later.
    Case(
        "SpancostStalePrices",
        {f"spancost_price_data_age_seconds{{{TARGET}}}": "3887460+60x200"},
        "69m",
        "70m",
        {"severity": "warning", "kind": "ourselves"},
        "The prices in use were last checked 45 days ago",
        "Providers change prices without notice. Upgrade spancost, or run `spancost prices update`.",
        "/d/spancost-receiver",
    ),
    # 20 % of $9.60 an hour and a floor of $5: both passed after six hours of $1 without a feature.
    Case(
        "SpancostUnattributedShare",
        {
            f'spancost_calls_total{{{SMALL}, outcome="ok"}}': "0+1x40",
            f'spancost_cost_usd_total{{{SMALL}, token_class="output"}}': "0+1x40",
            f'spancost_cost_usd_total{{{SMALL.replace("bot", "unattributed")}, token_class="output"}}': "0+0.5x40",
        },
        "6h",
        "7h",
        {"severity": "warning", "kind": "ourselves"},
        "33.33% of the last 24 hours' spend has no feature",
        "$7.00 has nobody to pay for it. `spancost report --by service,task --since 24h` says where it comes from.",
        "/d/spancost-overview",
        interval="30m",
        evaluation="1h",
    ),
    # A failed commit a minute from 10m on: seen at 10m, said at 15m, when the five minutes hold five of them.
    Case(
        "SpancostReceiverFailing",
        {
            f"spancost_receiver_ledger_failures_total{{{TARGET}}}": "0x9 1+1x40",
            f'spancost_receiver_rejected_requests_total{{{TARGET}, reason="malformed"}}': "0+3x60",
            f'spancost_receiver_forward_failures_total{{{TARGET}, next_hop="vendor:4317"}}': "0+3x60",
            f'spancost_receiver_forward_queue_bytes{{{TARGET}, next_hop="vendor:4317"}}': "9x60",
        },
        "14m",
        "15m",
        {
            "severity": "critical",
            "kind": "ourselves",
            "instance": "a:9464",
            "problem": "the ledger does not commit",
        },
        "The spancost receiver a:9464 is failing: the ledger does not commit",
        "5 times in the last 5 minutes. Senders try again for a while and then give up; "
        "`/readyz` of the receiver says what is wrong.",
        "/d/spancost-receiver",
    ),
    # The same of a next hop that senders wait for.
    Case(
        "SpancostReceiverFailing",
        {
            f'spancost_receiver_forward_failures_total{{{TARGET}, next_hop="tempo:4317"}}': "0x9 1+1x40",
            f'spancost_receiver_forward_failures_total{{{TARGET}, next_hop="vendor:4317"}}': "0+3x60",
            f'spancost_receiver_forward_queue_bytes{{{TARGET}, next_hop="vendor:4317"}}': "9x60",
        },
        "14m",
        "15m",
        {
            "severity": "critical",
            "kind": "ourselves",
            "instance": "a:9464",
            "problem": "the next hop takes nothing",
        },
        "The spancost receiver a:9464 is failing: the next hop takes nothing",
        "5 times in the last 5 minutes. Senders try again for a while and then give up; "
        "`/readyz` of the receiver says what is wrong.",
        "/d/spancost-receiver",
    ),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.alert)
def test_an_alert_is_silent_just_before_and_says_everything_at_its_threshold(case: Case, tmp_path: Path) -> None:
    labels = dict(case.labels)
    alert_test(
        tmp_path,
        {**UP, **case.series},
        interval=case.interval,
        evaluation=case.evaluation,
        labels=labels,
        silent={case.silent: [case.alert]},
        fires={
            case.fires: {
                case.alert: {
                    "summary": case.summary,
                    "description": case.description,
                    "runbook_url": f"dashboards/runbook.md#{case.alert.lower()}",
                    "dashboard_url": case.dashboard,
                }
            }
        },
    )


def test_a_link_holds_whatever_a_feature_is_called(tmp_path: Path) -> None:
    who = {"environment": "prod eu", "feature": 'R&D c#1 "50%"'}
    series = 'spancost_spend_usd{environment="prod eu", feature="R&D c#1 \\"50%\\"", period="day"}'
    alert_test(
        tmp_path,
        {**UP, series: "201x40"},
        interval="1m",
        evaluation="1m",
        labels={"severity": "warning", "kind": "symptom", **who},
        silent={},
        fires={
            "15m": {
                "SpancostFeatureSpendHigh": {
                    "summary": 'Feature R&D c#1 "50%" in prod eu: $201.00 today, over $200',
                    "description": "An average day before: $?.",
                    "runbook_url": "dashboards/runbook.md#spancostfeaturespendhigh",
                    "dashboard_url": (
                        "/d/spancost-feature?var-environment=prod+eu&var-feature=R%26D+c%231+%2250%25%22"
                    ),
                }
            }
        },
    )
