"""The next hops as they are configured, behind a receiver."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import grpc
import pytest
from prometheus_client import CollectorRegistry
from tests.collector.test_forward_http import Vendor, serving
from tests.end_to_end.neighbours import free_ports

from spancost_collector.config import MetricsTarget, Settings, TracesTarget
from spancost_collector.forward import open_next_hops
from spancost_collector.ledger.writer import Ledger
from spancost_collector.metrics.export import MetricsExport
from spancost_collector.own_traces import OwnTraces
from spancost_pricing import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.collector.conftest import Launch, NextHop, Otlp


def eventually(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_spans_go_to_every_hop_and_only_required_ones_are_waited_for(
    launch: Launch, next_hop: NextHop, otlp: Otlp
) -> None:
    with serving(Vendor(status=503)) as vendor:
        running = launch(
            forward=[
                str(next_hop.address),
                {
                    "endpoint": f"http://127.0.0.1:{vendor.port}",
                    "protocol": "http/protobuf",
                    "headers": {"x-api-key": "s3cret"},
                    "required": False,
                },
            ]
        )
        assert running.export(otlp.body(otlp.call(1))) is grpc.StatusCode.OK
        eventually(lambda: len(vendor.requests) > 0)  # and is told that the vendor cannot now
        vendor.status = 200
        eventually(lambda: len(vendor.requests) > 1)
        running.stop()

    (forwarded,) = next_hop.bodies
    path, headers, body = vendor.requests[-1]
    assert (path, headers["x-api-key"], body) == ("/v1/traces", "s3cret", forwarded)


def test_no_proxy_stands_before_a_hop_on_this_machine(
    launch: Launch, next_hop: NextHop, otlp: Otlp, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.setenv(name, "elsewhere.example.com")
    with serving(Vendor()) as vendor:
        running = launch(
            forward=[str(next_hop.address), {"endpoint": vendor.url, "protocol": "http/protobuf"}],
        )

        # What the test sends itself would go to the proxy as well.
        assert running.receiver.check() is None
        running.stop()

    assert len(vendor.requests) == 1


def test_each_hop_counts_for_itself(launch: Launch, next_hop: NextHop, otlp: Otlp) -> None:
    away = "127.0.0.1:1"
    running = launch(forward=[str(next_hop.address), away])

    assert running.export(otlp.body(otlp.call(1))) is grpc.StatusCode.UNAVAILABLE

    failures = running.metric("spancost_receiver_forward_failures_total")
    assert failures == {(str(next_hop.address),): 0, (away,): 1}
    assert len(next_hop.bodies) == 1
    status, _, text = running.get("/readyz")
    assert (status, text.startswith(f"not ready: next hop {away}: UNAVAILABLE")) == (503, True)


def test_a_best_effort_hop_shows_its_queue_and_its_drops(launch: Launch, otlp: Otlp) -> None:
    away = {"endpoint": "127.0.0.1:1", "required": False, "max_queue_bytes": 600}
    running = launch(forward=[away])
    for n in range(1, 5):  # the first is on its way; each has 600 to 700 bytes once it is enriched
        assert running.export(otlp.body(otlp.call(n))) is grpc.StatusCode.OK

    drops = running.metric("spancost_receiver_forward_dropped_requests_total", reason="queue_full")
    assert drops[("127.0.0.1:1",)] >= 2
    assert running.metric("spancost_receiver_forward_queue_bytes")[("127.0.0.1:1",)] <= 600
    assert running.get("/readyz")[0] == 200
    running.stop(grace=0.1)


@pytest.mark.parametrize("required", [True, False])
@pytest.mark.parametrize("protocol", ["grpc", "http/protobuf"])
def test_spans_do_not_go_round_where_a_hop_leads_back_to_who_sends(
    launch: Launch, otlp: Otlp, caplog: pytest.LogCaptureFixture, *, protocol: str, required: bool
) -> None:
    grpc_port, http_port = free_ports(2)
    endpoint = f"127.0.0.1:{grpc_port}" if protocol == "grpc" else f"http://127.0.0.1:{http_port}"
    running = launch(  # these settings did not come through the loader, which sees this one
        grpc={"listen": f"127.0.0.1:{grpc_port}"},
        http={"listen": f"127.0.0.1:{http_port}"},
        forward=[{"endpoint": endpoint, "protocol": protocol, "required": required}],
    )

    answer = running.export(otlp.body(otlp.call(1)))

    assert answer is (grpc.StatusCode.UNAVAILABLE if required else grpc.StatusCode.OK)
    eventually(lambda: running.metric("spancost_receiver_rejected_requests_total", reason="looped")[()] > 0)
    assert running.metric("spancost_receiver_spans_total") == {(): 1}
    assert "takes no requests" in caplog.text
    assert "forward or own_traces leads back to it; name the next receiver" in caplog.text
    status, _, said = running.get("/readyz")
    assert (status, "leads back" in said) == ((503, True) if required else (200, False))
    running.stop(grace=0.1)


@pytest.mark.parametrize("protocol", ["grpc", "http/protobuf"])
def test_one_receiver_can_send_to_another_on_the_same_machine(
    launch: Launch, next_hop: NextHop, otlp: Otlp, tmp_path: Path, protocol: str
) -> None:
    last = launch(http={"listen": "127.0.0.1:0"}, forward=str(next_hop.address))
    address = last.receiver.grpc_address if protocol == "grpc" else f"http://{last.receiver.http_address}"
    first = launch(kept=Ledger(tmp_path / "first.sqlite3"), forward=[{"endpoint": str(address), "protocol": protocol}])

    assert first.export(otlp.body(otlp.call(1))) is grpc.StatusCode.OK

    assert len(next_hop.spans()) == 1


def test_a_certificate_that_cannot_be_used_is_said_before_anything_starts(tmp_path: Path) -> None:
    wrong = tmp_path / "ca.pem"
    wrong.write_text("nothing")
    settings = Settings.model_validate({"forward": [{"endpoint": "tempo:4317", "tls": {"ca": str(wrong)}}]})
    with pytest.raises(ConfigError, match=r"forward: tls\.ca: .*ca\.pem"):
        open_next_hops(settings.forward, None, "")  # pyright: ignore[reportArgumentType] - it is not reached


@pytest.mark.parametrize("protocol", ["grpc", "http/protobuf"])
def test_a_certificate_for_something_else_is_named_where_it_is_configured(tmp_path: Path, protocol: str) -> None:
    wrong = tmp_path / "ca.pem"
    wrong.write_text("nothing")
    target = {"endpoint": "https://backend.example", "protocol": protocol, "tls": {"ca": str(wrong)}}

    with pytest.raises(ConfigError, match=r"^metrics\.otlp: tls\.ca: .*ca\.pem"):
        MetricsExport(MetricsTarget.model_validate(target), CollectorRegistry(), {}, instance="here:9464")
    with pytest.raises(ConfigError, match=r"^own_traces: tls\.ca: .*ca\.pem"):
        OwnTraces(TracesTarget.model_validate(target), "")
