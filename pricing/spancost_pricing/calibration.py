"""What past calls teach about the next estimate: per model, how far off the expected input was and what came out.

A ratio of tokens that the provider reported to tokens that were expected, as a moving average with its spread, and
the same for the output. Bounded in memory, safe to use from any thread, and as plain data so that it can be kept.
"""

from __future__ import annotations

import math
import threading
from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, cast

from spancost_pricing.errors import ConfigError
from spancost_pricing.tokens import Bounds

if TYPE_CHECKING:
    from collections.abc import Mapping

MODELS: Final = 1024
"""Models that are kept; the one not seen for longest gives way."""

_FEWEST: Final = 10
"""Observations before they change an estimate."""
_SHORTEST: Final = 20
"""Expected tokens below which a request is mostly wrapping and says nothing about its text."""
_WEIGHT: Final = 0.05
"""Of a new observation in the moving average, once there are enough: about the last forty calls count."""
_SPREADS: Final = 4
"""Mean deviations between the average and the upper bound; with `_MARGIN` and the largest recent ratio."""
_MARGIN: Final = 1.05
_FORGET: Final = 0.995
"""How much of its distance to the average the largest ratio keeps at each call."""


@dataclass(slots=True)
class _Track:
    """A moving average, its mean deviation and the largest value not yet forgotten."""

    seen: int = 0
    mean: float = 0.0
    spread: float = 0.0
    largest: float = 0.0

    def add(self, value: float) -> None:
        self.seen += 1
        weight = max(_WEIGHT, 1 / self.seen)
        distance = value - self.mean
        if self.seen > 1:
            self.spread += weight * (abs(distance) - self.spread)
        self.mean += weight * distance
        self.largest = max(value, self.mean + (self.largest - self.mean) * _FORGET)

    @property
    def ceiling(self) -> float:
        """What the next value will hardly exceed."""
        return max(self.largest, self.mean + _SPREADS * self.spread) * _MARGIN


class Calibration:
    """Observed tokens against expected ones, by provider and model."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._tracks: OrderedDict[tuple[str, str], tuple[_Track, _Track]] = OrderedDict()

    def forked(self) -> None:
        """To be called in a forked process: the thread that held the lock may not be in it."""
        self._lock = threading.Lock()

    def observe(
        self,
        provider: str,
        model: str,
        *,
        expected_input: int,
        input_tokens: int | None,
        output_tokens: int | None = None,
    ) -> None:
        """Learn from a finished call: what was expected before it and what the provider reported after it.

        `expected_input` is the estimate without calibration (`Estimate.uncalibrated`); `output_tokens` is for one
        choice.
        """
        with self._lock:
            key = (provider, model)
            inputs, outputs = self._tracks.setdefault(key, (_Track(), _Track()))
            self._tracks.move_to_end(key)
            if len(self._tracks) > MODELS:
                self._tracks.popitem(last=False)
            if input_tokens is not None and input_tokens > 0 and expected_input >= _SHORTEST:
                inputs.add(input_tokens / expected_input)
            if output_tokens is not None and output_tokens >= 0:
                outputs.add(float(output_tokens))

    def input_bounds(self, provider: str, model: str, bounds: Bounds) -> Bounds:
        """The bounds of an input in the light of what was observed; unchanged while that is too little."""
        with self._lock:
            found = self._tracks.get((provider, model))
            if found is None or found[0].seen < _FEWEST or bounds.expected < _SHORTEST:
                return bounds
            expected = round(bounds.expected * found[0].mean)
            upper = math.ceil(bounds.expected * found[0].ceiling)
        return Bounds(min(bounds.lower, expected), expected, max(upper, expected))

    def expected_output(self, provider: str, model: str) -> int | None:
        """How many tokens an answer of the model usually has; None while too few were observed."""
        with self._lock:
            found = self._tracks.get((provider, model))
            return None if found is None or found[1].seen < _FEWEST else round(found[1].mean)

    def as_dict(self) -> dict[str, object]:
        """Everything learned, as JSON can hold it."""
        with self._lock:
            return {
                "version": 1,
                "models": [
                    {"provider": provider, "model": model, "input": _plain(inputs), "output": _plain(outputs)}
                    for (provider, model), (inputs, outputs) in self._tracks.items()
                ],
            }

    @classmethod
    def from_dict(cls, kept: Mapping[str, object]) -> Calibration:
        """What `as_dict` gave.

        Raises:
            ConfigError: it is something else.
        """
        made = cls()
        try:
            if kept["version"] != 1:
                raise ValueError(f"version {kept['version']!r}")
            for entry in cast("list[Mapping[str, object]]", kept["models"])[-MODELS:]:
                key = (str(entry["provider"]), str(entry["model"]))
                made._tracks[key] = (_track(entry["input"]), _track(entry["output"]))
        except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
            raise ConfigError(f"calibration: not what Calibration.as_dict() gave ({error}); start a new one") from error
        return made


def _plain(track: _Track) -> dict[str, float]:
    return {"seen": track.seen, "mean": track.mean, "spread": track.spread, "largest": track.largest}


def _track(kept: object) -> _Track:
    values = cast("Mapping[str, float]", kept)
    track = _Track(int(values["seen"]), *(float(values[name]) for name in ("mean", "spread", "largest")))
    if track.seen < 0 or not all(0 <= figure < math.inf for figure in (track.mean, track.spread, track.largest)):
        raise ValueError("a figure out of range")
    return track
