"""The series that alerts and dashboards read instead of raw counters.

Three steps, each far smaller than the one before. `…:increase1h` is the last hour of every counter with first values
included, at every evaluation. `…:hourly` is one sample an hour of what the decomposition needs. `…:day` and `…:base`
are the last 24 hours and an average day of the seven before, read from the hourly samples: 168 of them for a series,
where a week of raw samples would be 40,000.

A range that ends now and is a millisecond short of n hours holds n hourly samples whether or not its ends count.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from spancost_collector.metrics import table as metrics
from spancost_collector.rules.document import Group, Record
from spancost_collector.rules.promql import increase

if TYPE_CHECKING:
    from collections.abc import Iterator

WHO: Final = "environment, feature"
"""Whose spend an alert is about."""
CELL: Final = "environment, feature, provider, model"
"""What has one price list."""

TEXT_INPUT: Final = "input|cache_.*"
OTHER_INPUT: Final = "input_.*"
OUTPUT: Final = "output.*|reasoning"
TOKENS: Final = f"{TEXT_INPUT}|{OTHER_INPUT}|{OUTPUT}"

_DAY: Final = "23h59m59s999ms"
_WEEK: Final = "6d23h59m59s999ms"
_MONTH: Final = "29d23h59m59s999ms"

_HOUR: Final = {
    "spancost:cost_usd": metrics.COST.name,
    "spancost:tokens": metrics.TOKENS.name,
    "spancost:calls": metrics.CALLS.name,
    "spancost:unpriced_calls": metrics.UNPRICED_CALLS.name,
    "spancost:unpriced_tokens": metrics.UNPRICED_TOKENS.name,
    "spancost:workflows": f"{metrics.WORKFLOW_CALLS.name}_count",
    "spancost:openings": metrics.OPENINGS.name,
    "spancost:opening_tokens": metrics.OPENING_TOKENS.name,
}

_HOURLY: Final = {
    "spancost:cost_usd": f"sum by ({CELL}, token_class) (spancost:cost_usd:increase1h)",
    "spancost:tokens": f"sum by ({CELL}, token_class) (spancost:tokens:increase1h)",
    # A call that failed has no tokens and no cost: counted, it would look like shorter answers and more traffic.
    "spancost:calls": f'sum by ({CELL}) (spancost:calls:increase1h{{outcome="ok"}})',
    "spancost:workflows": f"sum by ({WHO}) (spancost:workflows:increase1h)",
    "spancost:openings": f"sum by ({WHO}) (spancost:openings:increase1h)",
    "spancost:opening_tokens": f"sum by ({WHO}) (spancost:opening_tokens:increase1h)",
}


def groups() -> Iterator[Group]:
    """The recording rules, but for the decomposition of a change."""
    yield Group(
        "spancost_hour",
        [
            Record(f"{name}:increase1h", f"sum without (job, instance) (\n{increase(counter, '', '1h')}\n)")
            for name, counter in _HOUR.items()
        ],
    )
    yield Group("spancost_hourly", [*_hourly()], interval="1h")
    yield Group("spancost_latency", [*_latency()])


def days() -> Iterator[Record]:
    """The last day and the average day before it, which the decomposition compares; to stand before it in its group."""
    yield Record("spancost:history:hours", f"count_over_time(spancost:feature_calls:hourly[{_WEEK}] offset 1d)")
    for name in _HOURLY:
        group = (
            "" if name in {"spancost:workflows", "spancost:openings", "spancost:opening_tokens"} else " group_left ()"
        )
        yield Record(f"{name}:day", f"sum_over_time({name}:hourly[{_DAY}])")
        yield Record(
            f"{name}:base",
            f"sum_over_time({name}:hourly[{_WEEK}] offset 1d) * 24\n/ on ({WHO}){group} spancost:history:hours",
        )
    yield Record("spancost:feature_cost_usd:day", f"sum by ({WHO}) (spancost:cost_usd:day)")
    yield Record("spancost:feature_cost_usd:base", f"sum by ({WHO}) (spancost:cost_usd:base)")
    yield Record(
        "spancost:feature_cost_usd:peak", f"max_over_time(spancost:feature_cost_usd:hourly[{_WEEK}] offset 1d)"
    )
    yield Record("spancost:feature_calls:peak", f"max_over_time(spancost:feature_calls:daily[{_WEEK}] offset 1d)")
    yield from _ratios()


def _hourly() -> Iterator[Record]:
    for name, expr in _HOURLY.items():
        yield Record(f"{name}:hourly", expr)
    yield Record("spancost:feature_calls:hourly", f"sum by ({WHO}) (spancost:calls:hourly)")
    yield Record("spancost:feature_calls:daily", f"sum_over_time(spancost:feature_calls:hourly[{_DAY}])")
    yield Record("spancost:feature_cost_usd:hourly", f"sum by ({WHO}) (spancost:cost_usd:hourly)")
    yield Record("spancost:feature_cost_usd:daily", f"sum_over_time(spancost:feature_cost_usd:hourly[{_DAY}])")
    yield Record(
        "spancost:feature_cost_usd:mean30d",
        f"sum_over_time(spancost:feature_cost_usd:hourly[{_MONTH}] offset 1d) * 24\n"
        f"/ count_over_time(spancost:feature_cost_usd:hourly[{_MONTH}] offset 1d)",
    )


def _latency() -> Iterator[Record]:
    for short, metric in (("duration", metrics.CALL_SECONDS), ("first_chunk", metrics.FIRST_CHUNK_SECONDS)):
        for share in ("0.5", "0.95"):
            yield Record(
                f"spancost:{short}_seconds:quantile1h",
                f"histogram_quantile({share}, sum by (environment, provider, model, task, le)"
                f" (rate({metric.name}_bucket[1h]))) > 0",
                {"quantile": share},
            )


def _ratios() -> Iterator[Record]:
    """What a feature's calls are like on average, now and before."""
    for when in ("day", "base"):
        calls = f"(sum by ({WHO}) (spancost:calls:{when}) > 0)"
        text = f'sum by ({WHO}) (spancost:tokens:{when}{{token_class=~"{TEXT_INPUT}"}})'
        every_input = f'sum by ({WHO}) (spancost:tokens:{when}{{token_class=~"{TEXT_INPUT}|{OTHER_INPUT}"}})'
        output = f'sum by ({WHO}) (spancost:tokens:{when}{{token_class=~"{OUTPUT}"}})'
        read = f'sum by ({WHO}) (spancost:tokens:{when}{{token_class="cache_read"}})'
        yield Record(f"spancost:feature_calls:{when}", f"sum by ({WHO}) (spancost:calls:{when})")
        yield Record(f"spancost:cost_per_call_usd:{when}", f"spancost:feature_cost_usd:{when} / {calls}")
        yield Record(f"spancost:input_tokens_per_call:{when}", f"{every_input} / {calls}")
        yield Record(f"spancost:output_tokens_per_call:{when}", f"{output} / {calls}")
        yield Record(f"spancost:cache_read:share_{when}", f"({read} or 0 * {text}) / ({text} > 0)")
        yield Record(
            f"spancost:opening_tokens_per_call:{when}",
            f"spancost:opening_tokens:{when} / (spancost:openings:{when} > 0)",
        )
        yield Record(
            f"spancost:calls_per_workflow:{when}",
            f"spancost:feature_calls:{when} / (spancost:workflows:{when} > 0)",
        )
        yield Record(
            f"spancost:model_calls:share_{when}",
            f"sum by ({CELL}) (spancost:calls:{when}) / on ({WHO}) group_left () (spancost:feature_calls:{when} > 0)",
        )
    yield Record(
        "spancost:cost_per_call_usd:ratio", "spancost:cost_per_call_usd:day / (spancost:cost_per_call_usd:base > 0)"
    )
