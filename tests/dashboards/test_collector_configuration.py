"""The sample configuration of the OpenTelemetry Collector keeps its promises: no loop, no span lost unpriced."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

CONFIGURATION: dict[str, Any] = yaml.safe_load(
    (Path(__file__).parents[2] / "otel-collector.yaml").read_text(encoding="utf-8")
)
PIPELINES: dict[str, dict[str, list[str]]] = CONFIGURATION["service"]["pipelines"]
BEFORE, AFTER = PIPELINES["traces/in"], PIPELINES["traces/priced"]
TO_SPANCOST: dict[str, Any] = CONFIGURATION["exporters"]["otlp_grpc/to_spancost"]


def test_the_pipelines_before_and_after_pricing_share_nothing_that_moves_spans() -> None:
    assert PIPELINES.keys() == {"traces/in", "traces/priced"}
    assert BEFORE["receivers"] == ["otlp/apps"]
    assert BEFORE["exporters"] == ["otlp_grpc/to_spancost"]
    assert AFTER["receivers"] == ["otlp/priced"]
    assert AFTER["exporters"] == ["otlp_grpc/tempo"]


def test_ports_are_those_of_the_receivers_documentation_unless_the_environment_says_otherwise() -> None:
    protocols = {name: each["protocols"] for name, each in CONFIGURATION["receivers"].items()}

    assert protocols["otlp/apps"]["grpc"]["endpoint"] == "${env:OTELCOL_GRPC:-127.0.0.1:4317}"
    assert protocols["otlp/apps"]["http"]["endpoint"] == "${env:OTELCOL_HTTP:-127.0.0.1:4318}"
    assert protocols["otlp/priced"]["grpc"]["endpoint"] == "${env:OTELCOL_PRICED:-127.0.0.1:4327}"
    assert TO_SPANCOST["endpoint"] == "${env:OTELCOL_SPANCOST:-127.0.0.1:4319}"


def test_nothing_is_sampled_before_it_is_priced() -> None:
    assert BEFORE["processors"] == ["memory_limiter"]
    assert "tail_sampling" in AFTER["processors"]


def test_spans_for_spancost_wait_on_disk_and_are_never_given_up() -> None:
    storage = TO_SPANCOST["sending_queue"]["storage"]

    assert storage in CONFIGURATION["extensions"]
    assert storage in CONFIGURATION["service"]["extensions"]
    assert TO_SPANCOST["retry_on_failure"]["enabled"] is True
    assert TO_SPANCOST["retry_on_failure"]["max_elapsed_time"] == "0s"


@pytest.mark.parametrize("kind", ["receivers", "processors", "exporters"])
def test_everything_that_is_declared_is_used_and_the_other_way_round(kind: str) -> None:
    assert set(CONFIGURATION[kind]) == {*BEFORE[kind], *AFTER[kind]}
