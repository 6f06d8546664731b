"""A receiver from the outside: what its sender, its next hop and a scrape see."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, cast

import grpc
import pytest

from spancost_collector.config import Address, Grpc, Http, Settings, Web
from spancost_collector.ledger.writer import Ledger
from spancost_collector.server import Receiver
from spancost_pricing import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from opentelemetry.proto.trace.v1.trace_pb2 import Span
    from prometheus_client.registry import Collector
    from tests.collector.conftest import FixedBook, FlakyLedger, Launch, NextHop, Otlp

OK = grpc.StatusCode.OK
UNAVAILABLE = grpc.StatusCode.UNAVAILABLE
INVALID_ARGUMENT = grpc.StatusCode.INVALID_ARGUMENT
COUNTED = tuple(
    f"spancost_{name}_total" for name in ("cost_usd", "tokens", "calls", "unpriced_calls", "unpriced_tokens")
)


def costs(span: Span) -> dict[str, float]:
    return {
        pair.key: pair.value.double_value
        for pair in span.attributes
        if pair.key.startswith("spancost.cost.") and pair.value.HasField("double_value")
    }


def test_a_call_is_priced_counted_and_passed_on(launch: Launch, next_hop: NextHop, otlp: Otlp) -> None:
    running = launch(forward=str(next_hop.address))

    assert running.export(otlp.body(otlp.call(gen_ai__usage__cache_read__input_tokens=400))) is OK

    # 600 x 2 + 400 x 0.2 + 10 x 8 = 1360 micro-USD
    assert costs(next_hop.spans()[0]) == {
        "spancost.cost.usd": 0.00136,
        "spancost.cost.input_usd": 0.0012,
        "spancost.cost.cache_read_usd": 0.00008,
        "spancost.cost.output_usd": 0.00008,
    }
    series = {"feature": "search", "provider": "acme", "model": "one", "service": "shop"}
    assert running.metric("spancost_cost_usd_total", **series) == {
        ("input",): 0.0012,
        ("cache_read",): 0.00008,
        ("output",): 0.00008,
    }
    assert running.metric("spancost_tokens_total", **series) == {("input",): 600, ("cache_read",): 400, ("output",): 10}
    assert running.metric("spancost_calls_total", **series) == {("ok",): 1}


def test_a_redelivered_call_is_charged_once_and_still_passed_on(launch: Launch, next_hop: NextHop, otlp: Otlp) -> None:
    running = launch(forward=str(next_hop.address))
    body = otlp.body(otlp.call(1), otlp.call(2), otlp.call(1))

    assert [running.export(body), running.export(body)] == [OK, OK]

    assert running.metric("spancost_calls_total", outcome="ok", feature="search") == {("one", "acme", "shop"): 2}
    assert running.metric("spancost_receiver_duplicates_total", reason="redelivery") == {(): 4}
    assert [costs(span)["spancost.cost.usd"] for span in next_hop.spans()] == [0.00208] * 6


def test_a_full_disk_is_not_acknowledged_and_the_retry_counts_once(
    launch: Launch, ledger: FlakyLedger, next_hop: NextHop, otlp: Otlp
) -> None:
    running = launch(forward=str(next_hop.address))
    ledger.fail()

    assert running.export(otlp.body(otlp.call())) is UNAVAILABLE
    assert running.metric("spancost_calls_total") == {}
    assert next_hop.bodies == []
    assert running.metric("spancost_receiver_ledger_failures_total") == {(): 1}

    ledger.recover()
    assert running.export(otlp.body(otlp.call())) is OK
    assert list(running.metric("spancost_calls_total").values()) == [1]


def test_a_ledger_that_cannot_be_written_does_not_fill_the_log(
    launch: Launch, ledger: FlakyLedger, otlp: Otlp, caplog: pytest.LogCaptureFixture
) -> None:
    running = launch()
    ledger.fail()

    for _ in range(10):
        assert running.export(otlp.body(otlp.call())) is UNAVAILABLE

    (said,) = [message for message in caplog.messages if "not acknowledged" in message]
    assert said.startswith("1 requests not acknowledged: ")


def test_a_next_hop_that_is_down_is_not_acknowledged_and_the_retry_counts_once(
    launch: Launch, next_hop: NextHop, otlp: Otlp
) -> None:
    running = launch(forward=str(next_hop.address))
    next_hop.answer = lambda _body: UNAVAILABLE

    assert running.export(otlp.body(otlp.call())) is UNAVAILABLE
    assert running.metric("spancost_receiver_forward_failures_total") == {(str(next_hop.address),): 1}

    next_hop.answer = lambda _body: b""
    assert running.export(otlp.body(otlp.call())) is OK
    assert len(next_hop.spans()) == 1
    assert list(running.metric("spancost_calls_total").values()) == [1]


def test_a_retryable_refusal_tells_the_sender_when_to_come_back(
    launch: Launch, ledger: FlakyLedger, otlp: Otlp
) -> None:
    running = launch()
    ledger.fail()

    with pytest.raises(grpc.RpcError) as refused:
        running.call(otlp.body(otlp.call()))

    assert isinstance(refused.value, grpc.Call)
    metadata = cast("Iterable[tuple[str, bytes]]", refused.value.trailing_metadata())
    details = dict(metadata)["grpc-status-details-bin"]
    # google.rpc.RetryInfo{retry_delay{seconds: 4}} as the payload of an Any
    assert b"type.googleapis.com/google.rpc.RetryInfo\x12\x04\x0a\x02\x08\x04" in details


def test_malformed_bytes_are_refused_with_a_reason(launch: Launch) -> None:
    running = launch()

    with pytest.raises(grpc.RpcError) as refused:
        running.call(b"\x0a\xff\xff")

    assert isinstance(refused.value, grpc.Call)
    assert refused.value.code() is INVALID_ARGUMENT
    assert "ExportTraceServiceRequest of 3 bytes" in (refused.value.details() or "")
    assert running.metric("spancost_receiver_rejected_requests_total", reason="malformed") == {(): 1}


def test_a_request_above_four_mebibytes_is_accepted(launch: Launch, next_hop: NextHop, otlp: Otlp) -> None:
    running = launch()

    assert running.export(otlp.body(otlp.call(gen_ai__input__messages="x" * 5_000_000))) is OK
    assert list(running.metric("spancost_calls_total").values()) == [1]


def test_an_unreadable_span_is_passed_on_and_costs_its_neighbours_nothing(
    launch: Launch, next_hop: NextHop, otlp: Otlp
) -> None:
    running = launch(forward=str(next_hop.address))
    bad = otlp.call(2)
    bad.span_id = b"short"

    assert running.export(otlp.body(otlp.call(1), bad, otlp.call(3))) is OK

    assert next_hop.spans()[1] == bad
    assert [len(costs(span)) for span in next_hop.spans()] == [3, 0, 3]
    assert running.metric("spancost_receiver_unreadable_spans_total") == {(): 1}
    assert list(running.metric("spancost_calls_total").values()) == [2]


def test_counters_survive_a_restart(launch: Launch, tmp_path: Path, otlp: Otlp) -> None:
    path = tmp_path / "kept.sqlite3"
    first = launch(kept=Ledger(path), ledger=path)
    first.export(otlp.body(otlp.call(1), otlp.call(2, gen_ai__request__model="two")))
    before = first.get("/metrics")[2]
    first.stop()
    again = launch(kept=Ledger(path), ledger=path)

    def calls(text: str) -> list[str]:
        return sorted(line for line in text.splitlines() if line.startswith(COUNTED))

    # One: a call, two costs, two tokens. Two, without a price: a call, two tokens, unpriced calls and tokens.
    assert len(calls(before)) == 10
    assert calls(again.get("/metrics")[2]) == calls(before)
    again.export(otlp.body(otlp.call(1), otlp.call(3)))
    assert again.metric("spancost_calls_total", model="one", feature="search") == {("ok", "acme", "shop"): 2}


def test_everything_accepted_before_a_stop_is_answered_and_kept(
    launch: Launch, tmp_path: Path, otlp: Otlp, next_hop: NextHop
) -> None:
    path = tmp_path / "kept.sqlite3"
    running = launch(kept=Ledger(path), ledger=path, forward=str(next_hop.address))

    def slowly(_body: bytes) -> bytes:
        time.sleep(0.02)
        return b""

    next_hop.answer = slowly
    answers: dict[int, grpc.StatusCode] = {}
    go_on = threading.Event()

    def send(n: int) -> None:
        answers[n] = running.export(otlp.body(otlp.call(n)))
        if len(answers) == 10:
            go_on.set()

    with ThreadPoolExecutor(8) as senders:
        for n in range(1, 101):
            senders.submit(send, n)
        assert go_on.wait(10)
        running.stop()

    acknowledged = {n for n, status in answers.items() if status is OK}
    assert len(acknowledged) >= 10
    assert set(answers.values()) <= {OK, UNAVAILABLE, grpc.StatusCode.CANCELLED}
    reopened = Ledger(path)
    kept = sum(total.calls for total in reopened.totals())
    reopened.close()
    forwarded = {int.from_bytes(span.span_id, "big") for span in next_hop.spans()}
    assert acknowledged <= forwarded
    assert kept >= len(acknowledged)


def test_a_stop_does_not_wait_for_a_next_hop_that_hangs(launch: Launch, next_hop: NextHop, otlp: Otlp) -> None:
    running = launch(forward=[{"endpoint": str(next_hop.address), "timeout_seconds": 30}])
    asked, release = threading.Event(), threading.Event()

    def hang(_body: bytes) -> bytes:
        asked.set()
        release.wait(20)
        return b""

    next_hop.answer = hang
    with ThreadPoolExecutor(2) as sender:
        under_way = sender.submit(running.export, otlp.body(otlp.call(1)))
        assert asked.wait(10)
        waiting = sender.submit(running.export, otlp.body(otlp.call(2)))
        began = time.monotonic()
        running.stop(grace=0.2)
        took = time.monotonic() - began
        release.set()
    assert took < 5
    assert {under_way.result(), waiting.result()} <= {UNAVAILABLE, grpc.StatusCode.CANCELLED}


def test_readiness_tells_the_truth(launch: Launch, ledger: FlakyLedger, next_hop: NextHop) -> None:
    running = launch(forward=str(next_hop.address))
    assert running.get("/readyz")[0] == 200

    next_hop.answer = lambda _body: UNAVAILABLE
    status, _, text = running.get("/readyz")
    assert (status, "next hop" in text) == (503, True)

    next_hop.answer = lambda _body: b""
    ledger.fail()
    status, _, text = running.get("/readyz")
    assert (status, "ledger" in text) == (503, True)
    assert running.get("/healthz")[0] == 200


@pytest.mark.parametrize(
    ("accept", "content_type", "ends"),
    [
        ("text/plain", "text/plain", False),
        ("application/openmetrics-text; version=1.0.0", "application/openmetrics-text", True),
    ],
)
def test_metrics_come_in_the_format_that_was_asked_for(
    launch: Launch, accept: str, content_type: str, ends: bool
) -> None:
    _, found, text = launch().get("/metrics", accept)
    assert found.startswith(content_type)
    assert text.endswith("# EOF\n") is ends


def test_a_scrape_under_way_is_answered_before_the_receiver_stops(
    launch: Launch, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun = threading.Event()

    def slowly(_registry: Collector) -> bytes:
        begun.set()
        time.sleep(1.3)  # more than uvicorn's least grace
        return b"written\n"

    def chosen(_accept: str) -> tuple[Callable[[Collector], bytes], str]:
        return slowly, "text/plain"

    monkeypatch.setattr("spancost_collector.web.choose", chosen)
    running = launch()
    with ThreadPoolExecutor(1) as threads:
        scrape = threads.submit(running.get, "/metrics")
        assert begun.wait(20)
        running.receiver.stop(grace=20.0)

        assert scrape.result() == (200, "text/plain", "written\n")


def test_a_taken_port_is_said_and_leaves_the_ledger_open(
    launch: Launch, tmp_path: Path, ledger: FlakyLedger, otlp: Otlp
) -> None:
    running = launch()
    other = Ledger(tmp_path / "other.sqlite3")
    with pytest.raises(ConfigError, match=r"listen: cannot listen on 127\.0\.0\.1:\d+"):
        launch_at(launch, running.receiver.grpc_address, other)
    assert other.writable()
    other.close()


def test_a_receiver_that_never_started_can_be_stopped(tmp_path: Path, book: FixedBook) -> None:
    anywhere = Address("127.0.0.1", 0)
    path = tmp_path / "ledger.sqlite3"
    ledger = Ledger(path)
    settings = Settings(ledger=path, grpc=Grpc(listen=anywhere), http=Http(listen=anywhere), web=Web(listen=anywhere))
    receiver = Receiver(settings, book=book, ledger=ledger)
    receiver.stop()
    Ledger(path).close()  # the file is free again


def launch_at(launch: Launch, address: Address | None, kept: Ledger) -> None:
    launch(kept=kept, grpc={"listen": address})
