"""What past calls teach an estimate: when it is believed, how it is kept, and what is none."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest

from spancost_pricing import ConfigError
from spancost_pricing.calibration import Calibration
from spancost_pricing.tokens import Bounds


def around(expected: int) -> Bounds:
    return Bounds(expected // 2, expected, expected * 2)


def test_a_calibration_needs_ten_calls_and_covers_the_worst_of_them() -> None:
    calibration = Calibration()
    for tokens in [100] * 8 + [150]:
        calibration.observe("acme", "plain", expected_input=100, input_tokens=tokens)
    before = calibration.input_bounds("acme", "plain", around(1000))
    calibration.observe("acme", "plain", expected_input=100, input_tokens=100)
    after = calibration.input_bounds("acme", "plain", around(1000))

    assert before == (500, 1000, 2000)
    assert after.expected == 1050  # 9 x 1.0 and 1 x 1.5
    assert after.upper >= 1500


def test_a_calibration_survives_json_and_says_so_when_it_is_not_one() -> None:
    calibration = Calibration()
    for tokens in range(90, 110):
        calibration.observe("acme", "plain", expected_input=100, input_tokens=tokens, output_tokens=tokens)

    kept = Calibration.from_dict(json.loads(json.dumps(calibration.as_dict())))

    assert kept.as_dict() == calibration.as_dict()
    assert kept.input_bounds("acme", "plain", around(1000)) == calibration.input_bounds("acme", "plain", around(1000))
    with pytest.raises(ConfigError, match="calibration: not what"):
        Calibration.from_dict({"version": 1, "models": [{"provider": "acme"}]})


@pytest.mark.parametrize(
    "wrong",
    [{"seen": math.inf}, {"seen": -1}, {"mean": 10**400}, {"mean": -0.5}, {"spread": math.nan}, {"largest": math.inf}],
    ids=str,
)
def test_a_calibration_with_a_figure_that_no_call_gave_is_refused(wrong: dict[str, float]) -> None:
    track = {"seen": 20, "mean": 1.0, "spread": 0.1, "largest": 1.5}
    model = {"provider": "acme", "model": "plain", "input": {**track, **wrong}, "output": track}

    with pytest.raises(ConfigError, match="calibration: not what"):
        Calibration.from_dict({"version": 1, "models": [model]})


def test_a_flood_of_models_does_not_grow_a_calibration() -> None:
    calibration = Calibration()
    for n in range(3000):
        calibration.observe("acme", f"model-{n}", expected_input=100, input_tokens=100)

    models: Any = calibration.as_dict()["models"]
    assert len(models) == 1024
    assert models[-1]["model"] == "model-2999"
