"""A Prometheus that has scraped a simulated product and run the shipped rules on it for a while, without the wait.

What the rules record is worked out by Prometheus' own engine (promtool), hour by hour; raw and recorded samples then
become blocks on disk, and a real server answers from them. Used by tests of the dashboards, and to draw them.
"""

from __future__ import annotations

import json
import random
import re
import subprocess
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Final

import yaml
from tests.dashboards.promtool import RULES, promtool_path, tool
from tests.dashboards.simulation import STEPS_A_DAY, Feature, State, month
from tests.started import wait_until_ready

from spancost_collector.metrics import table as metrics

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator
    from pathlib import Path

    from spancost_collector.metrics.table import Metric

DAYS: Final = 12
_STEP: Final = 86_400 // STEPS_A_DAY
_TARGET: Final = 'job="spancost", instance="a:9464"'
_HOP: Final = f'{_TARGET}, next_hop="tempo:4317"'
_USUAL: Final = State()
FEATURES: Final = [
    Feature("chat", trouble=replace(_USUAL, context=1.9, large=0.25), day=DAYS - 0.9, workflows_a_day=900.0),
    Feature("search", _USUAL, replace(_USUAL, cached=0.1), day=DAYS - 0.9, workflows_a_day=700.0),
    Feature("summaries", replace(_USUAL, large=0.0, output=2.0), workflows_a_day=500.0),
    Feature("agent", replace(_USUAL, calls_per_workflow=9.0, context=1.6), workflows_a_day=120.0),
    Feature("agent", replace(_USUAL, load=0.3), environment="staging", workflows_a_day=120.0),
]
_TIME: Final = re.compile(r"time: ((?:\d+[wdhms])+),")
_PART: Final = re.compile(r"(\d+)([wdhms])")
_SAMPLE: Final = re.compile(r"(\{[^}]*\}) (-?[\d.]+E[+-]\d+|NaN|[+-]Inf)")
_NAME: Final = re.compile(r'\{__name__="([^"]+)",? ?')
_SECONDS: Final = {"w": 604_800, "d": 86_400, "h": 3_600, "m": 60, "s": 1}


@contextmanager
def serving(folder: Path, sizes: list[tuple[int, int]], until: int) -> Generator[str]:
    """The address of a Prometheus whose last samples are of the Unix time `until`, a whole hour."""
    values = dict(month(FEATURES, sizes, seed=3, days=DAYS))
    values.update(_further(random.Random(4)))
    start = until - (DAYS * STEPS_A_DAY - 2) * _STEP
    text = folder / "history.txt"
    with text.open("w", encoding="utf-8") as file:
        for name, each in values.items():
            series = _open_metrics(name)
            file.writelines(f"{series} {v} {start + n * _STEP}\n" for n, v in enumerate(each) if v != "_")
        for name, value, seconds in _recorded(values, folder):
            file.write(f"{_open_metrics(name)} {value} {start + seconds}\n")
        file.write("# EOF\n")
    data = folder / "data"
    command = [promtool_path(), "tsdb", "create-blocks-from", "openmetrics", "--max-block-duration=162h", "-q"]
    subprocess.run([*command, str(text), str(data)], check=True, timeout=300, capture_output=True)
    configuration = folder / "prometheus.yaml"
    configuration.write_text("{}\n", encoding="utf-8")
    log = folder / "prometheus.log"
    command = [tool("prometheus", "prometheus"), f"--config.file={configuration}", f"--storage.tsdb.path={data}"]
    # Samples are half an hour and an hour apart.
    command += ["--web.listen-address=127.0.0.1:0", "--query.lookback-delta=61m", "--web.cors.origin=.*"]
    command += ["--storage.tsdb.retention.time=10y"]
    with log.open("w") as output, subprocess.Popen(command, stdout=output, stderr=output) as process:
        try:
            yield wait_until_ready(log)
        finally:
            process.terminate()
            process.wait(timeout=30)


def _open_metrics(series: str) -> str:
    """As OpenMetrics wants it, which knows no space between labels."""
    return series.replace('", ', '",')


def _recorded(values: dict[str, list[str]], folder: Path) -> Iterator[tuple[str, str, int]]:
    """Series, value and second of what the rules record in the last nine days."""
    groups: list[dict[str, str]] = yaml.safe_load(RULES.read_text(encoding="utf-8"))["groups"]
    hours = range((DAYS - 9) * 24, DAYS * 24)
    everything = '{__name__=~"spancost:.+|ALERTS"}'
    document = {
        "rule_files": [str(RULES)],
        "evaluation_interval": "1h",
        "group_eval_order": [group["name"] for group in groups],
        "tests": [
            {
                "interval": "30m",
                "input_series": [{"series": name, "values": " ".join(each)} for name, each in values.items()],
                "promql_expr_test": [{"expr": everything, "eval_time": f"{hour}h"} for hour in hours],
            }
        ],
    }
    test = folder / "history.test.json"
    test.write_text(json.dumps(document), encoding="utf-8")
    command = [promtool_path(), "test", "rules", str(test)]
    # promtool prints what an expression gave where nothing was expected of it.
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
    seconds: int | None = None
    for line in done.stderr.splitlines():
        if at := _TIME.search(line):
            seconds = sum(int(number) * _SECONDS[unit] for number, unit in _PART.findall(at[1]))
        elif seconds is not None and "got:" in line:
            for labels, value in _SAMPLE.findall(line):
                yield _NAME.sub(lambda found: f"{found[1]}{{", labels), value, seconds


def _further(chance: random.Random) -> Iterator[tuple[str, list[str]]]:
    """What the simulation leaves out: single calls, people, budgets, the receiver itself."""
    steps = DAYS * STEPS_A_DAY
    for feature, model in (("chat", "small"), ("chat", "large"), ("search", "small"), ("summaries", "small")):
        of = f'{_TARGET}, environment="prod", feature="{feature}", provider="acme", model="{model}", task="answer"'
        slow = 4.0 if model == "large" else 1.0
        for metric, middle in (
            (metrics.CALL_COST, 0.008 * slow),
            (metrics.CALL_INPUT_TOKENS, 1_500.0),
            (metrics.CALL_OUTPUT_TOKENS, 220.0),
            (metrics.CALL_SECONDS, 1.6 * slow),
            (metrics.FIRST_CHUNK_SECONDS, 0.4 * slow),
        ):
            yield from _histogram(metric, of, middle, chance, steps)
    for feature, middle in (("chat", 3.0), ("search", 3.0), ("agent", 9.0)):
        of = f'{_TARGET}, environment="prod", feature="{feature}"'
        yield from _histogram(metrics.WORKFLOW_CALLS, of, middle, chance, steps)
    for who, number, unit in (("user", 180, 0.4), ("tenant", 12, 9.0)):
        for rank in range(1, 11):
            of = f'{_TARGET}, who="{who}", rank="{rank}"'
            yield f"{metrics.TOP_SPENDERS.name}{{{of}}}", [f"{unit * 24 / rank:.4f}"] * steps
        yield f'{metrics.MEDIAN_SPENDER.name}{{{_TARGET}, who="{who}"}}', [f"{unit}"] * steps
        yield f'{metrics.SPENDERS.name}{{{_TARGET}, who="{who}"}}', [f"{number}"] * steps
    for budget, key, limit, used in (
        ("team", "search", 900, 0.71),
        ("team", "chat", 1_500, 0.86),
        ("all", "", 4_000, 0.62),
    ):
        of = f'{{{_TARGET}, budget="{budget}", key="{key}", unit="usd"}}'
        rising = [used * step / steps for step in range(1, steps + 1)]
        yield f"{metrics.BUDGET_LIMIT.name}{of}", [f"{limit}"] * steps
        yield f"{metrics.BUDGET_USED.name}{of}", [f"{share * limit:.4f}" for share in rising]
        yield f"{metrics.BUDGET_USED_RATIO.name}{of}", [f"{share:.6f}" for share in rising]
    yield from _labelled(steps)
    for metric, rise in (
        (metrics.SPANS, 9_000),
        (metrics.MODEL_CALLS, 300),
        (metrics.MISMATCHES, 0),
        (metrics.DIFFERENCES, 0),
        (metrics.ASSUMED, 2),
        (metrics.UNREADABLE_SPANS, 0),
    ):
        yield f"{metric.name}{{{_TARGET}}}", [f"{rise * step}" for step in range(steps)]
    yield f'{metrics.DUPLICATES.name}{{{_TARGET}, reason="redelivered"}}', [f"{step // 5}" for step in range(steps)]
    yield f'{metrics.REJECTED.name}{{{_TARGET}, reason="malformed"}}', [f"{step // 40}" for step in range(steps)]
    yield f"{metrics.LEDGER_FAILURES.name}{{{_TARGET}}}", ["0"] * steps
    yield f"{metrics.QUEUE_BYTES.name}{{{_TARGET}}}", [f"{chance.randrange(0, 90_000)}" for _ in range(steps)]
    yield f"{metrics.PRICE_AGE.name}{{{_TARGET}}}", [f"{_STEP * step}" for step in range(steps)]
    yield from _histogram(metrics.REQUESTS, _TARGET, 0.02, chance, steps, (0.005, 0.01, 0.025, 0.05, 0.1, 0.25))


def _labelled(steps: int) -> Iterator[tuple[str, list[str]]]:
    """Calls with a tenant, of a coding agent, with a release, routed, or without a price."""
    rising = range(steps)
    month_begins = steps - 300
    for number, tenant in enumerate(("acme", "globex", "initech"), start=1):
        of = f'{_TARGET}, environment="prod", feature="assistant", provider="acme", model="small", tenant="{tenant}"'
        yield from _calls(of, usd=0.4 / number, calls=40 / number, steps=steps)
        spent = [f"{max(0, step - month_begins) * 0.4 / number:.4f}" for step in rising]
        yield f'{metrics.SPEND.name}{{{of}, period="month"}}', spent
        yield f'{metrics.REVENUE.name}{{{_TARGET}, tenant="{tenant}"}}', [f"{900 - 250 * number}"] * steps
        yield f'{metrics.COST.name}{{{of}, token_class="web_search"}}', [f"{step * 0.02:.2f}" for step in rising]
    for number, (agent, version) in enumerate(
        (("claude-code", "2.1"), ("codex", "1.4"), ("gemini-cli", "0.9")), start=1
    ):
        of = f'{_TARGET}, service="{agent}", release="{version}", provider="acme", model="large", feature="coding"'
        yield from _calls(of, usd=0.9 / number, calls=25 / number, steps=steps)
        for period, since in (("day", steps - 20), ("month", month_begins)):
            spent = [f"{max(0, step - since) * 0.9 / number:.4f}" for step in rising]
            yield f'{metrics.SPEND.name}{{{of}, period="{period}"}}', spent
    of = f'{_TARGET}, service="codex", release="1.4", provider="acme", model="large", feature="coding"'
    yield f'{metrics.IMPUTED.name}{{{of}, token_class="output"}}', [f"{step * 0.31:.2f}" for step in rising]
    for number, feature in enumerate(("chat", "search", "summaries", "agent"), start=1):
        of = f'{_TARGET}, environment="prod", feature="{feature}", provider="acme", model="small", release="5.{number}"'
        spent = [f"{max(0, step - month_begins) * 2.1 / number:.4f}" for step in rising]
        yield f'{metrics.SPEND.name}{{{of}, period="month"}}', spent
    of = f'{_TARGET}, environment="prod", feature="search", provider="acme", model="brand-new", reason="unknown_model"'
    yield f"{metrics.UNPRICED_CALLS.name}{{{of}}}", [f"{max(0, step - steps + 6)}" for step in rising]
    yield f"{metrics.UNPRICED_TOKENS.name}{{{of}}}", [f"{max(0, step - steps + 6) * 1_810}" for step in rising]
    of = f'{_TARGET}, environment="prod", feature="search", from_model="large", to_model="small"'
    yield f"{metrics.SAVINGS.name}{{{of}}}", [f"{step * 0.21:.4f}" for step in rising]
    yield f'{metrics.FOLDED.name}{{{_TARGET}, dimension="feature"}}', [f"{step // 9}" for step in rising]
    yield f"{metrics.FORWARD_FAILURES.name}{{{_HOP}}}", ["0"] * steps
    yield f"{metrics.FORWARD_REJECTED.name}{{{_HOP}}}", ["0"] * steps
    yield f'{metrics.FORWARD_DROPPED.name}{{{_HOP}, reason="queue_full"}}', ["0"] * steps


def _calls(of: str, *, usd: float, calls: float, steps: int) -> Iterator[tuple[str, list[str]]]:
    yield f'{metrics.CALLS.name}{{{of}, outcome="ok"}}', [f"{calls * step:.3f}" for step in range(steps)]
    for token_class, share, tokens in (("input", 0.3, 20e3), ("cache_read", 0.2, 180e3), ("output", 0.5, 9e3)):
        labels = f'{{{of}, token_class="{token_class}"}}'
        yield f"{metrics.COST.name}{labels}", [f"{usd * share * step:.6f}" for step in range(steps)]
        yield f"{metrics.TOKENS.name}{labels}", [f"{tokens * usd * step:.1f}" for step in range(steps)]


def _histogram(
    metric: Metric, of: str, middle: float, chance: random.Random, steps: int, buckets: tuple[float, ...] = ()
) -> Iterator[tuple[str, list[str]]]:
    bounds = buckets or metric.buckets
    counts = [0] * (len(bounds) + 1)
    shown: list[list[str]] = [[] for _ in counts]
    for _ in range(steps):
        for _ in range(12):
            amount = middle * chance.lognormvariate(0, 0.8)
            counts[sum(amount > bound for bound in bounds)] += 1
        running = 0
        for column, count in zip(shown, counts, strict=True):
            running += count
            column.append(str(running))
    for bound, column in zip([*map(str, bounds), "+Inf"], shown, strict=True):
        yield f'{metric.name}_bucket{{{of}, le="{bound}"}}', column
    if metric is not metrics.WORKFLOW_CALLS:
        yield f"{metric.name}_count{{{of}}}", shown[-1]
