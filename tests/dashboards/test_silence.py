"""When no alert at all may fire: nothing to see, nothing worth seeing, nothing to compare with, counters begun anew."""

from __future__ import annotations

from itertools import accumulate
from typing import TYPE_CHECKING, Final

import pytest
from tests.dashboards.promtool import run

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

pytestmark = pytest.mark.end_to_end

TARGET: Final = 'job="spancost", instance="a:9464"'
BOT: Final = f'{TARGET}, environment="prod", feature="bot", provider="acme", model="small"'
WHO: Final = f'{TARGET}, environment="prod", feature="bot"'
NEVER: Final = 'count_over_time(ALERTS{alertstate="firing"}[30d])'


def product(values: Mapping[str, str]) -> dict[str, str]:
    """What a receiver shows of one feature: a usual amount for each kind of series."""
    return {
        f"up{{{TARGET}}}": values["up"],
        f'spancost_calls_total{{{BOT}, outcome="ok"}}': values["calls"],
        f'spancost_calls_total{{{BOT}, outcome="error"}}': values["failed"],
        f'spancost_tokens_total{{{BOT}, token_class="output"}}': values["tokens"],
        f'spancost_cost_usd_total{{{BOT}, token_class="output"}}': values["usd"],
        f'spancost_spend_usd{{{BOT}, period="day"}}': values["today"],
        f"spancost_workflow_calls_count{{{WHO}}}": values["calls"],
        f"spancost_workflow_open_calls{{{WHO}}}": values["open"],
        f"spancost_receiver_model_calls_total{{{TARGET}}}": values["calls"],
        f"spancost_receiver_mismatches_total{{{TARGET}}}": values["failed"],
        f"spancost_receiver_reported_differences_total{{{TARGET}}}": values["failed"],
        f"spancost_price_data_age_seconds{{{TARGET}}}": "86400x2000",
    }


def _by_the_hour(usd: Callable[[int], float]) -> dict[str, str]:
    """Seventeen days of a feature whose calls cost a cent each, by what half an hour costs at an hour."""
    spent = [*accumulate(usd(step // 2) for step in range(48 * 17))]
    cost, calls, tokens = (" ".join(f"{each * of:.2f}" for each in spent) for of in (1, 100, 20_000))
    return {
        f"up{{{TARGET}}}": "1x815",
        f'spancost_calls_total{{{BOT}, outcome="ok"}}': calls,
        f'spancost_tokens_total{{{BOT}, token_class="output"}}': tokens,
        f'spancost_cost_usd_total{{{BOT}, token_class="output"}}': cost,
    }


CASES: Final = {
    "a receiver without a single call": ({f"up{{{TARGET}}}": "1x500"}, "30m", "1h", "240h"),
    # 100 times the tokens and the cost a call, but of a cent a day; two failed calls of two, one contradiction.
    "a tiny base": (
        product(
            {
                "up": "1x500",
                "calls": "0+1x500",
                "failed": "0x400 2x100",
                "tokens": "0+10x384 4840+1000x100",
                "usd": "0+0.0001x384 0.0484+0.01x100",
                "today": "0.5x500",
                "open": "4x500",
            }
        ),
        "30m",
        "1h",
        "240h",
    ),
    # The same load before and after; every counter starts again from nothing after nine days.
    "a counter reset": (
        product(
            {
                "up": "1x432 0 1x67",
                "calls": "0+50x432 _ 0+50x67",
                "failed": "0x432 _ 0x67",
                "tokens": "0+10000x432 _ 0+10000x67",
                "usd": "0+0.5x432 _ 0+0.5x67",
                "today": "12x432 _ 12x67",
                "open": "4x500",
            }
        ),
        "30m",
        "1h",
        "250h",
    ),
    # $6 an hour for three hours of every night, a feature of its own: eight times its average hour.
    "a nightly job": (_by_the_hour(lambda hour: 3.0 if hour % 24 in {2, 3, 4} else 0.0), "30m", "1h", "250h"),
    # $40 in one hour of every week.
    "a weekly job": (_by_the_hour(lambda hour: 20.0 if hour % (24 * 7) == 26 else 0.0), "30m", "1h", "400h"),
    # Installed on a Friday: the first Monday is like it, and many times the weekend.
    "a first weekend": (
        _by_the_hour(lambda hour: 0.5 if hour // 24 in {1, 2} else 5.0),
        "30m",
        "1h",
        "150h",
    ),
    # $5 an hour from nine to five on five days of seven: more than four times the average hour.
    "a product of working hours": (
        _by_the_hour(lambda hour: 2.5 if hour // 24 % 7 < 5 and 9 <= hour % 24 < 17 else 0.0),
        "30m",
        "1h",
        "400h",
    ),
    # An app that sends its metrics here with its traces, a probe of a load balancer, a scanner: all well.
    "what does not belong here": (
        {
            f"up{{{TARGET}}}": "1x60",
            f'spancost_receiver_rejected_requests_total{{{TARGET}, reason="malformed"}}': "0+1x60",
            f'spancost_receiver_rejected_requests_total{{{TARGET}, reason="not_taken"}}': "0+1x60",
            f'spancost_receiver_rejected_requests_total{{{TARGET}, reason="not_understood"}}': "0+1x60",
            f'spancost_receiver_rejected_requests_total{{{TARGET}, reason="wrong_method"}}': "0+6x60",
        },
        "1m",
        "1m",
        "1h",
    ),
    # A launch: ten minutes old, $30 and 300 calls a minute, and nothing to compare with.
    "a deployment of ten minutes": (
        product(
            {
                "up": "1x10",
                "calls": "0+300x10",
                "failed": "0x10",
                "tokens": "0+600000x10",
                "usd": "0+15x10",
                "today": "0+15x10",
                "open": "4x10",
            }
        ),
        "1m",
        "1m",
        "10m",
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_nothing_fires_on(name: str, tmp_path: Path) -> None:
    series, interval, evaluation, until = CASES[name]
    nothing: list[object] = [{"expr": NEVER, "eval_time": until, "exp_samples": []}]

    run(tmp_path, series, interval=interval, evaluation=evaluation, promql_expr_test=nothing)


def test_a_change_is_split_into_causes_that_add_up_to_it(tmp_path: Path) -> None:
    """Two models, four classes, everything changes at once; one class and one model are new."""
    series = {f"up{{{TARGET}}}": "1x500"}
    for model, calls, tokens, usd in (
        (
            "small",
            (50, 40),
            {"input": (50e3, 90e3), "output": (1e4, 15e3)},
            {"input": (0.5, 1.1), "output": (0.5, 0.9)},
        ),
        (
            "large",
            (5, 30),
            {"input": (5e3, 9e4), "cache_read": (0, 1e4)},
            {"input": (0.4, 6.1), "cache_read": (0, 0.1)},
        ),
        ("other", (0, 10), {"output": (0, 4e3)}, {"output": (0, 0.7)}),
    ):
        of = BOT.replace("small", model)
        series[f'spancost_calls_total{{{of}, outcome="ok"}}'] = _rises(*calls)
        for each in tokens:
            series[f'spancost_tokens_total{{{of}, token_class="{each}"}}'] = _rises(*tokens[each])
            series[f'spancost_cost_usd_total{{{of}, token_class="{each}"}}'] = _rises(*usd[each])
    parts = "sum (spancost:cost_change_usd_per_day:by_cause)"

    run(
        tmp_path,
        series,
        interval="30m",
        evaluation="1h",
        promql_expr_test=[
            # A whole day later: 48 x (1.1 + 0.9 + 6.1 + 0.1 + 0.7) - 48 x (0.5 + 0.5 + 0.4) = 427.20 - 67.20.
            {
                "expr": f"abs({parts} - 360) < bool 1e-6",
                "eval_time": "216h",
                "exp_samples": [{"labels": "{}", "value": 1}],
            },
            {
                "expr": "abs(sum (spancost:cost_change_usd_per_day:total) - 360) < bool 1e-6",
                "eval_time": "216h",
                "exp_samples": [{"labels": "{}", "value": 1}],
            },
            # Six causes have a part: nothing is billed by the piece, no feature is new, no workflows are counted.
            {
                "expr": "count (abs(spancost:cost_change_usd_per_day:by_cause) > 0.01)",
                "eval_time": "216h",
                "exp_samples": [{"labels": "{}", "value": 6}],
            },
        ],
    )


def _rises(before: float, after: float) -> str:
    return f"0+{before}x384 {before * 384 + after}+{after}x100"
