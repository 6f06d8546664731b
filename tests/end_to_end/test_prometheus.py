"""A real Prometheus scrapes a real receiver: every query we ship is accepted, and the figures are the ledger's."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, ScopeSpans, Span
from tests.end_to_end.conftest import receivers
from tests.started import wait_until_ready

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator

    from tests.end_to_end.conftest import Serve

pytestmark = pytest.mark.end_to_end

DASHBOARDS = Path(__file__).parents[2] / "dashboards"
RULES = DASHBOARDS / "rules" / "spancost.yaml"
_TIMEOUT = 60.0

VARIABLES = {
    "$environment": ".*",
    "$feature": ".*",
    "$provider": ".*",
    "$model": ".*",
    "$service": ".*",
    "$__rate_interval": "10s",
    "$__range": "10m",
}
"""What Grafana would put there: `All` of each dimension, and ten minutes on the clock."""


class Prometheus:
    """The HTTP API of a running Prometheus."""

    def __init__(self, address: str) -> None:
        self._api = f"http://{address}/api/v1"

    def get(self, path: str, **parameters: str) -> Any:
        """The `data` of an answer; an error of Prometheus fails the test with its text."""
        url = f"{self._api}/{path}?{urllib.parse.urlencode(parameters)}"
        try:
            with urllib.request.urlopen(url, timeout=10) as answer:
                return json.load(answer)["data"]
        except urllib.error.HTTPError as error:
            pytest.fail(f"{parameters}: {error.read().decode()}")

    def query(self, expr: str) -> dict[tuple[str, ...], float]:
        """Label values, in the order of the labels' names -> value."""
        result = self.get("query", query=expr)["result"]
        return {
            tuple(value for name, value in sorted(series["metric"].items()) if name != "__name__"): float(
                series["value"][1]
            )
            for series in result
        }

    def wait_for(self, expr: str) -> None:
        """Return when the expression has a result."""
        deadline = time.monotonic() + _TIMEOUT
        while not self.query(expr):
            assert time.monotonic() < deadline, f"no result for {expr}"
            time.sleep(0.2)


@contextmanager
def watching(receiver: Serve, folder: Path) -> Generator[Prometheus]:
    """A Prometheus that has scraped a receiver without a call."""
    program = shutil.which("prometheus")
    if program is None:
        missing = "Prometheus is not installed (Debian's package `prometheus`)"
        if os.environ.get("CI"):
            pytest.fail(missing)
        pytest.skip(missing)
    configuration = folder / "prometheus.yaml"
    configuration.write_text(
        yaml.safe_dump(
            {
                "global": {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"},
                "rule_files": [str(RULES)],
                "scrape_configs": [{"job_name": "spancost", "static_configs": [{"targets": [receiver.web]}]}],
            }
        )
    )
    command = [program, f"--config.file={configuration}", f"--storage.tsdb.path={folder / 'data'}"]
    command += ["--web.listen-address=127.0.0.1:0", "--enable-feature=exemplar-storage"]
    log = folder / "prometheus.log"
    with log.open("w") as output, subprocess.Popen(command, stdout=output, stderr=output) as process:
        try:
            prometheus = Prometheus(wait_until_ready(log))
            prometheus.wait_for('sum_over_time(up{job="spancost"}[1m]) >= 2')
            yield prometheus
        finally:
            process.terminate()
            process.wait(timeout=30)


@pytest.fixture
def watched(serve: Callable[..., Serve], tmp_path: Path) -> Iterator[tuple[Prometheus, Serve]]:
    """The same, and the receiver."""
    receiver = serve()
    with watching(receiver, tmp_path) as prometheus:
        yield prometheus, receiver


@pytest.fixture(scope="module")
def scraped(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    """A Prometheus that scraped a receiver before, and after, it was sent four calls; the tests only ask it."""
    folder = tmp_path_factory.mktemp("scraped")
    with receivers(folder) as serve:
        receiver = serve()
        with watching(receiver, folder) as prometheus:
            receiver.send(_four_calls())
            prometheus.wait_for("sum (count_over_time(spancost_calls_total[1m])) >= 9")
            prometheus.wait_for('sum (spancost_spend_usd{period="day"}) > 0')
            yield prometheus


def test_every_panel_has_a_valid_query_and_the_core_ones_show_what_the_ledger_holds(scraped: Prometheus) -> None:
    shown = {
        (path.stem.removeprefix("spancost-"), panel["title"], target["refId"]): scraped.query(
            _substituted(target["expr"])
        )
        for path in sorted(DASHBOARDS.glob("*.json"))
        for panel in json.loads(path.read_text(encoding="utf-8"))["panels"]
        for target in panel.get("targets", [])
    }

    # claude-haiku-4-5: 2 x (1000 x 1.00 + 200 x 5.00) = 4000 micro-USD; one more call fails without usage.
    usd = pytest.approx(0.004)
    assert shown["overview", "Spend today", "A"] == {(): usd}
    assert shown["overview", "Month to date", "A"] == {(): usd}
    assert shown["overview", "Calls", "A"] == {(): 4}
    assert shown["overview", "Cost per call", "A"] == {(): pytest.approx(0.001)}
    assert shown["overview", "Unpriced calls", "A"] == {(): 1}
    assert shown["overview", "Spend per hour, by feature", "A"] == {("search",): usd}
    assert shown["overview", "Spend per hour, by model", "A"] == {("claude-haiku-4-5",): usd}
    assert shown["overview", "Month to date, by provider", "A"] == {("anthropic",): usd}
    assert shown["overview", "Features and models", "A"] == {("search", "claude-haiku-4-5"): usd}
    assert shown["overview", "Features and models", "B"] == {
        ("search", "claude-haiku-4-5"): 3,
        ("unattributed", "no-such-model"): 1,
    }
    assert shown["overview", "Calls per hour, by feature", "A"] == {("search",): 3, ("unattributed",): 1}
    assert shown["overview", "Input and output per hour", "A"] == {(): pytest.approx(0.002)}
    assert shown["overview", "Input and output per hour", "B"] == {(): pytest.approx(0.002)}
    assert shown["feature", "Tokens in per call", "A"] == {(): 690}  # 2 x 1000 and 70, of three that succeeded
    assert shown["feature", "Tokens out per call", "A"] == {(): pytest.approx(407 / 3)}
    assert shown["feature", "Tokens per hour, by class", "A"] == {("input",): 2_070, ("output",): 407}
    assert shown["tenants", "Users with spend", "A"] == {(): 1}
    assert shown["tenants", "First user today", "A"] == {(): usd}
    assert shown["models", "Failed calls per hour", "A"] == {("search", "claude-haiku-4-5"): 1}
    assert shown["models", "Models", "E"] == {
        ("claude-haiku-4-5", "anthropic"): pytest.approx(1 / 3),
        ("no-such-model", "openai"): 0,
    }
    unpriced = ("no-such-model", "openai", "unknown_model")
    assert shown["receiver", "Unpriced, by provider, model and reason", "A"] == {unpriced: 1}
    assert shown["receiver", "Unpriced, by provider, model and reason", "B"] == {unpriced: 77}
    assert shown["receiver", "Unpriced tokens", "A"] == {(): 77}
    assert shown["receiver", "Failed calls", "A"] == {(): 0.25}
    assert shown["receiver", "Without a feature", "A"] == {(): 0.25}
    assert shown["receiver", "Waiting to be processed", "A"] == {(): 0}
    assert shown["receiver", "Receivers up", "A"] == {(): 1}


def test_a_bucket_leads_to_the_trace_of_a_call(scraped: Prometheus) -> None:
    found = scraped.get(
        "query_exemplars",
        query="spancost_call_cost_usd_bucket",
        start=str(time.time() - 600),
        end=str(time.time() + 60),
    )

    # Both calls that cost $0.002 fell into one bucket, which remembers the later one.
    assert {exemplar["labels"]["trace_id"] for series in found for exemplar in series["exemplars"]} == {f"{2:032x}"}


def test_spend_is_the_ledgers_to_the_last_digit_after_a_restart_and_a_gap_in_scraping(
    watched: tuple[Prometheus, Serve], serve: Callable[..., Serve]
) -> None:
    prometheus, receiver = watched
    receiver.send(_four_calls())
    prometheus.wait_for("sum (spancost_cost_usd_total) > 0")
    address = receiver.web
    receiver.kill()
    prometheus.wait_for('up{job="spancost"} == 0')

    # A receiver that Prometheus does not see takes a call; then one is back where it was.
    unseen = serve()
    unseen.send(_more_calls())
    unseen.stop()
    serve("--web-listen", address)
    prometheus.wait_for('up{job="spancost"} == 1 and on (instance) (scrape_samples_scraped > 1)')
    prometheus.wait_for("sum (spancost_cost_usd_total) > 0.005")

    # 0.004 and 1000 x 1.00 + 200 x 5.00 micro-USD.
    assert prometheus.query('sum (spancost_spend_usd{period="day"})') == {(): pytest.approx(0.006, abs=1e-12)}
    assert prometheus.query('sum (spancost_spend_usd{period="month"})') == {(): pytest.approx(0.006, abs=1e-12)}
    assert prometheus.query("sum (spancost_cost_usd_total)") == {(): pytest.approx(0.006, abs=1e-12)}


def test_the_variables_offer_what_the_calls_had(scraped: Prometheus) -> None:
    offered = {
        name: scraped.get(f"label/{name}/values", **{"match[]": "spancost_calls_total"})
        for name in ("environment", "feature", "model")
    }

    assert offered == {
        "environment": ["test"],
        "feature": ["search", "unattributed"],
        "model": ["claude-haiku-4-5", "no-such-model"],
    }


def test_rules_are_evaluated_and_the_unpriced_call_is_about_to_alert(scraped: Prometheus) -> None:
    scraped.wait_for('ALERTS{alertname="SpancostUnpricedCalls", alertstate="pending", model="no-such-model"}')
    loaded = [rule for group in scraped.get("rules")["groups"] for rule in group["rules"]]

    assert {rule["name"]: rule["lastError"] for rule in loaded if rule.get("lastError")} == {}
    states = {rule["name"]: rule["state"] for rule in loaded if rule["type"] == "alerting"}
    assert len(states) == 32
    assert {name for name, state in states.items() if state != "inactive"} == {"SpancostUnpricedCalls"}


def _substituted(expr: str) -> str:
    for name, value in VARIABLES.items():
        expr = expr.replace(name, value)
    return expr


def _four_calls() -> ExportTraceServiceRequest:
    anthropic = {"gen_ai.provider.name": "anthropic", "gen_ai.request.model": "claude-haiku-4-5"}
    searched = {**anthropic, "spancost.feature": "search", "user.id": "u1"}
    counted = {**searched, "gen_ai.usage.input_tokens": 1_000, "gen_ai.usage.output_tokens": 200}
    unknown: dict[str, str | int] = {
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": "no-such-model",
        "gen_ai.usage.input_tokens": 70,
        "gen_ai.usage.output_tokens": 7,
    }
    spans = [_span(1, counted), _span(2, counted), _span(3, {**searched, "error.type": "timeout"}), _span(4, unknown)]
    return _request(*spans)


def _more_calls() -> ExportTraceServiceRequest:
    anthropic = {"gen_ai.provider.name": "anthropic", "gen_ai.request.model": "claude-haiku-4-5"}
    counted = {"spancost.feature": "search", "gen_ai.usage.input_tokens": 1_000, "gen_ai.usage.output_tokens": 200}
    return _request(_span(5, {**anthropic, **counted}))


def _request(*spans: Span) -> ExportTraceServiceRequest:
    resource = Resource(attributes=_attributes({"service.name": "shop", "deployment.environment.name": "test"}))
    return ExportTraceServiceRequest(
        resource_spans=[ResourceSpans(resource=resource, scope_spans=[ScopeSpans(spans=spans)])]
    )


def _span(number: int, attributes: dict[str, str | int]) -> Span:
    end = time.time_ns()
    return Span(
        trace_id=number.to_bytes(16),
        span_id=number.to_bytes(8),
        name="chat",
        kind=Span.SPAN_KIND_CLIENT,
        start_time_unix_nano=end - 1_000_000_000,
        end_time_unix_nano=end,
        attributes=_attributes({"gen_ai.operation.name": "chat", **attributes}),
    )


def _attributes(values: dict[str, str | int]) -> list[KeyValue]:
    return [
        KeyValue(key=key, value=AnyValue(string_value=value) if isinstance(value, str) else AnyValue(int_value=value))
        for key, value in values.items()
    ]
