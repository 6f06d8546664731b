"""The client metrics of the GenAI conventions, old generation and new."""

from __future__ import annotations

import pytest
from prometheus_client import CollectorRegistry
from tests.collector.measured import charged, samples

from spancost_collector.call import Charged, series_of
from spancost_collector.metrics.conventions import CLIENT_METRICS, NEW, OLD, ClientMetrics
from spancost_collector.metrics.table import most_series
from spancost_pricing import Usage

AT = "gen_ai_operation_name=chat,gen_ai_provider_name=acme,gen_ai_request_model=one"


def test_the_old_generation_counts_tokens_by_type_and_how_long_calls_took() -> None:
    seen = ClientMetrics("old")
    seen.observe([charged(1, tokens=(1000, 10), seconds=2.0), charged(2, tokens=(5, None), seconds=0.5)])

    shown = samples(seen)

    assert shown[f"gen_ai_client_token_usage_sum{{{AT},gen_ai_token_type=input}}"] == 1005
    assert shown[f"gen_ai_client_token_usage_count{{{AT},gen_ai_token_type=input}}"] == 2
    assert shown[f"gen_ai_client_token_usage_bucket{{{AT},gen_ai_token_type=input,le=16.0}}"] == 1
    assert shown[f"gen_ai_client_token_usage_count{{{AT},gen_ai_token_type=output}}"] == 1
    assert shown[f"gen_ai_client_operation_duration_seconds_sum{{{AT}}}"] == 2.5
    assert shown[f"gen_ai_client_operation_duration_seconds_bucket{{{AT},le=0.64}}"] == 1
    assert not any(name.startswith("gen_ai_client_inference") for name in shown)


def test_the_new_generation_has_the_parts_that_were_reported_and_no_others() -> None:
    [call, charge, _] = charged(1, tokens=(1000, 10))
    cached = call._replace(usage=Usage(input_tokens=1000, output_tokens=10, cache_read_tokens=0, reasoning_tokens=4))
    seen = ClientMetrics("new")
    seen.observe([Charged(cached, charge, series_of(cached))])

    shown = samples(seen)

    used = {name.partition("{")[0]: value for name, value in shown.items() if "_usage_" in name}
    assert used == {
        "gen_ai_client_inference_usage_input_tokens_total": 1000,
        "gen_ai_client_inference_usage_output_tokens_total": 10,
        "gen_ai_client_inference_usage_cache_read_input_tokens_total": 0,
        "gen_ai_client_inference_usage_reasoning_output_tokens_total": 4,
    }
    assert shown[f"gen_ai_client_inference_operation_output_tokens_sum{{{AT}}}"] == 10
    assert f"gen_ai_client_inference_duration_seconds_sum{{{AT}}}" in shown
    assert not any(name.startswith("gen_ai_client_token_usage") for name in shown)


def test_a_count_below_zero_lowers_no_counter() -> None:
    seen = ClientMetrics("both")
    seen.observe([charged(1, tokens=(1000, 10)), charged(2, tokens=(-250, -3))])

    shown = samples(seen)
    assert shown[f"gen_ai_client_inference_usage_input_tokens_total{{{AT}}}"] == 1000
    assert shown[f"gen_ai_client_inference_usage_output_tokens_total{{{AT}}}"] == 10
    assert shown[f"gen_ai_client_inference_operation_input_tokens_sum{{{AT}}}"] == 1000
    assert shown[f"gen_ai_client_token_usage_count{{{AT},gen_ai_token_type=output}}"] == 1


def test_a_failed_call_has_an_error_type_and_one_that_was_refused_before_it_began_is_not_counted() -> None:
    failed = charged(1, outcome="error", tokens=(None, None), usd=None)
    blocked = failed._replace(call=failed.call._replace(outcome="blocked"))
    seen = ClientMetrics("both")
    seen.observe([failed, blocked])

    shown = samples(seen)

    assert shown[f"gen_ai_client_operation_duration_seconds_count{{error_type=_OTHER,{AT}}}"] == 1
    assert not any("usage" in name for name in shown)


def test_junk_models_share_a_row_past_the_bound() -> None:
    seen = ClientMetrics("both", 10)
    seen.observe([charged(n, model=f"junk-{n}", tokens=(1, 1)) for n in range(500)])
    registry = CollectorRegistry()
    registry.register(seen)

    for family, metric in zip(registry.collect(), CLIENT_METRICS, strict=True):
        assert family.name == metric.name.removesuffix("_total")
        most = most_series(metric, max_combinations=1, max_histogram_combinations=10)
        assert most is not None
        assert len(family.samples) <= most
    assert samples(seen)[
        "gen_ai_client_inference_usage_input_tokens_total"
        "{error_type=__other__,gen_ai_operation_name=__other__,gen_ai_provider_name=__other__,"
        "gen_ai_request_model=__other__,gen_ai_response_model=__other__}"
    ] == pytest.approx(491)


def test_both_generations_are_named_as_the_conventions_do() -> None:
    assert [metric.convention for metric in OLD] == ["gen_ai.client.token.usage", "gen_ai.client.operation.duration"]
    assert {metric.convention.removeprefix("gen_ai.client.inference.") for metric in NEW} == {
        "duration",
        "operation.input_tokens",
        "operation.output_tokens",
        "usage.input_tokens",
        "usage.output_tokens",
        "usage.cache_read.input_tokens",
        "usage.cache_write.input_tokens",
        "usage.reasoning.output_tokens",
    }
