"""A month of an AI product in counters, half hour by half hour: the load of a working week, calls as large as those of
recorded production traffic, and incidents that begin on a given day and last for one.

Nothing here knows the rules; a feature is what its users do and what its provider charges.
"""

from __future__ import annotations

import csv
import math
import random
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

DAYS: Final = 30
STEPS_A_DAY: Final = 48
_TARGET: Final = 'job="spancost", instance="a:9464"'


@dataclass(frozen=True, slots=True)
class Model:
    """A model and its list price, in US dollars for a token."""

    name: str
    input_usd: float
    cached_usd: float
    output_usd: float


SMALL: Final = Model("small", 4e-6, 0.4e-6, 20e-6)
LARGE: Final = Model("large", 20e-6, 2e-6, 100e-6)


@dataclass(frozen=True, slots=True)
class State:
    """What a feature is like at one time."""

    load: float = 1.0
    """Workflows, as a multiple of what is usual."""
    calls_per_workflow: float = 3.0
    opening: float = 1.0
    """Size of a conversation's first call, as a multiple of what is recorded."""
    context: float = 1.0
    """Size of all input, as a multiple of what is recorded."""
    output: float = 1.0
    cached: float = 0.6
    large: float = 0.1
    """Share of calls to the large model."""
    price: float = 1.0
    failing: float = 0.005
    """Failed calls for each that succeeds."""
    longest_workflow: float = 12.0


@dataclass(frozen=True, slots=True)
class Feature:
    """A feature with its usual state, and another one on its day of trouble."""

    name: str
    usual: State = field(default_factory=State)
    trouble: State | None = None
    day: float = 15.4
    """When the trouble begins."""
    born: float = 0.0
    environment: str = "prod"
    workflows_a_day: float = 1_500.0


def recorded_sizes(path: Path) -> list[tuple[int, int]]:
    """Input and output tokens of recorded calls."""
    with path.open(encoding="utf-8", newline="") as file:
        return [(int(row["ContextTokens"]), int(row["GeneratedTokens"])) for row in csv.DictReader(file)]


def month(
    features: list[Feature],
    sizes: list[tuple[int, int]],
    *,
    seed: int,
    days: int = DAYS,
    big_user_on: int | None = None,
) -> Iterator[tuple[str, list[str]]]:
    """Series -> a value for each half hour of the month, `_` where there is none; a big user may come for a day."""
    steps = range(days * STEPS_A_DAY)
    yield f"up{{{_TARGET}}}", ["1"] * len(steps)
    first = [120.0 if step // STEPS_A_DAY == big_user_on else 3.0 for step in steps]
    for metric, rank, at_night in (
        ("top_spender_usd", ', rank="1"', first),
        ("median_spender_usd", "", [0.4] * len(steps)),
    ):
        values = [
            f"{usd * (step % STEPS_A_DAY + 1) / STEPS_A_DAY:.9g}" for step, usd in zip(steps, at_night, strict=True)
        ]
        yield f'spancost_{metric}{{{_TARGET}, who="user"{rank}}}', values
    yield f'spancost_spenders{{{_TARGET}, who="user"}}', ["180"] * len(steps)
    for number, feature in enumerate(features):
        yield from _Simulated(feature, sizes, random.Random(seed * 1_000 + number)).series(days)


class _Simulated:
    def __init__(self, feature: Feature, sizes: list[tuple[int, int]], chance: random.Random) -> None:
        self._feature = feature
        self._sizes = sizes
        self._chance = chance
        self._counters: dict[str, float] = {}
        self._today = (0, 0.0)

    def series(self, days: int) -> Iterator[tuple[str, list[str]]]:
        shown: dict[str, list[str]] = {}
        for step in range(days * STEPS_A_DAY):
            self._step(step / STEPS_A_DAY)
            for name, value in self._counters.items():
                shown.setdefault(name, ["_"] * step).append(f"{value:.9g}")
        yield from shown.items()

    def _step(self, day: float) -> None:
        feature = self._feature
        if day < feature.born:
            return
        state = feature.usual
        if feature.trouble is not None and feature.day <= day < feature.day + 1:
            state = feature.trouble
        mean = feature.workflows_a_day / STEPS_A_DAY * _load(day) * state.load
        workflows = max(0, round(self._chance.gauss(mean, math.sqrt(mean))))
        calls = round(workflows * state.calls_per_workflow)
        self._add("spancost_workflow_calls_count", "", workflows)
        self._set("spancost_workflow_open_calls", state.longest_workflow)
        failed = sum(self._chance.random() < state.failing for _ in range(calls))
        large = sum(self._chance.random() < state.large for _ in range(calls))
        usd = sum(self._call(model, share, state) for model, share in ((SMALL, calls - large), (LARGE, large)))
        date, spent = self._today
        self._today = (int(day), usd + (spent if date == int(day) else 0.0))
        self._set("spancost_spend_usd", self._today[1], 'period="day"')
        self._add("spancost_calls_total", _of(SMALL, 'outcome="error"'), failed)
        openings = workflows
        tokens = sum(self._chance.choice(self._sizes)[0] for _ in range(openings)) * state.opening
        self._add("spancost_conversation_openings_total", "", openings)
        self._add("spancost_conversation_opening_input_tokens_total", "", tokens)

    def _call(self, model: Model, calls: int, state: State) -> float:
        """Make calls; what they cost."""
        spent = 0.0
        drawn = [self._chance.choice(self._sizes) for _ in range(calls)]
        total_in = sum(size for size, _ in drawn) * state.context
        output = sum(size for _, size in drawn) * state.output
        cached = total_in * state.cached
        self._add("spancost_calls_total", _of(model, 'outcome="ok"'), calls)
        for token_class, tokens, usd in (
            ("input", total_in - cached, model.input_usd),
            ("cache_read", cached, model.cached_usd),
            ("output", output, model.output_usd),
        ):
            labels = _of(model, f'token_class="{token_class}"')
            self._add("spancost_tokens_total", labels, tokens)
            self._add("spancost_cost_usd_total", labels, tokens * usd * state.price)
            spent += tokens * usd * state.price
        return spent

    def _name(self, metric: str, labels: str) -> str:
        own = f'environment="{self._feature.environment}", feature="{self._feature.name}"'
        return f"{metric}{{{', '.join(filter(None, (_TARGET, own, labels)))}}}"

    def _add(self, metric: str, labels: str, amount: float) -> None:
        name = self._name(metric, labels)
        self._counters[name] = self._counters.get(name, 0.0) + amount

    def _set(self, metric: str, value: float, labels: str = "") -> None:
        self._counters[self._name(metric, labels)] = value


def _of(model: Model, label: str) -> str:
    return f'provider="acme", model="{model.name}", {label}'


def _load(day: float) -> float:
    """A working day peaks in the afternoon, a night has a third of it, a weekend half."""
    hour = day % 1 * 24
    curve = 1 + 0.6 * math.cos((hour - 15) / 24 * 2 * math.pi)
    return curve * (0.5 if int(day) % 7 in (5, 6) else 1.0)
