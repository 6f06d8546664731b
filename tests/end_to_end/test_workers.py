"""Several processes that are one receiver: one set of ports, one ledger, one truth on /metrics, one end."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

import grpc
import pytest
from grpc_health.v1 import health_pb2
from tests.end_to_end.conftest import EXPORT
from tests.end_to_end.load import Hop, batch, kept, reported
from tests.end_to_end.neighbours import free_ports, wait_until

from spancost_collector.config import Settings
from spancost_collector.ledger.writer import Ledger
from spancost_collector.server import Receiver
from spancost_pricing import load_book

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.end_to_end.conftest import Serve

pytestmark = pytest.mark.end_to_end


def send_from_elsewhere(receiver: Serve, first: int, count: int) -> None:
    """Send calls over a new connection, which any of the workers may get."""
    options = [("grpc.use_local_subchannel_pool", 1)]
    with grpc.insecure_channel(receiver.otlp, options) as channel:
        export: grpc.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(EXPORT)
        export(batch(first, count).SerializeToString(), timeout=30)


def post_from_elsewhere(receiver: Serve, first: int, count: int) -> None:
    request = urllib.request.Request(
        f"http://{receiver.http}/v1/traces",
        data=batch(first, count).SerializeToString(),
        headers={"Content-Type": "application/x-protobuf"},
    )
    with urllib.request.urlopen(request, timeout=30) as answer:
        assert answer.status == 200


def health(receiver: Serve) -> int:
    with grpc.insecure_channel(receiver.otlp) as channel:
        check: grpc.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary("/grpc.health.v1.Health/Check")
        return health_pb2.HealthCheckResponse.FromString(check(b"", timeout=30)).status


def value(receiver: Serve, name: str) -> float:
    return sum(receiver.samples(name).values())


def listeners(address: str) -> int:
    """How many sockets listen on an address of this machine."""
    port = f":{int(address.rpartition(':')[2]):04X}"
    tables = [Path(f"/proc/net/{name}").read_text(encoding="ascii").splitlines()[1:] for name in ("tcp", "tcp6")]
    sockets = [line.split() for table in tables for line in table]
    return sum(local.endswith(port) and state == "0A" for _, local, _, state, *_ in sockets)


def has_ended(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


def test_what_several_workers_take_on_both_protocols_is_counted_as_by_one(serve: Callable[..., Serve]) -> None:
    receiver = serve("--workers", "3")

    with ThreadPoolExecutor(8) as senders:
        sent = [senders.submit(send_from_elsewhere, receiver, 1 + 10 * n, 10) for n in range(20)]
        sent += [senders.submit(post_from_elsewhere, receiver, 201 + 10 * n, 10) for n in range(20)]
        sent.append(senders.submit(send_from_elsewhere, receiver, 1, 10))
    for one in sent:
        one.result()

    assert (listeners(receiver.otlp), listeners(receiver.http)) == (3, 3)
    names = ("spancost_receiver_spans_total", "spancost_receiver_model_calls_total", "spancost_calls_total")
    assert {name: value(receiver, name) for name in names} == dict(zip(names, (410, 410, 400), strict=True))
    assert value(receiver, "spancost_receiver_request_seconds_count") == 41
    assert value(receiver, "spancost_receiver_duplicates_total") == 10
    assert value(receiver, "spancost_receiver_workers") == 3
    assert value(receiver, "spancost_receiver_queue_requests") == 0
    assert receiver.stop() == 0
    assert reported(receiver.ledger) == (400, Decimal("1.4"))  # 400 x 0.0035


def test_a_killed_worker_is_replaced_and_what_it_counted_stays(serve: Callable[..., Serve], tmp_path: Path) -> None:
    receiver = serve("--workers", "2")
    for n in range(8):
        send_from_elsewhere(receiver, 1 + n, 1)
    assert value(receiver, "spancost_receiver_spans_total") == 8
    before = set(receiver.workers())
    victim = min(before)

    os.kill(victim, signal.SIGKILL)
    wait_until("another worker", lambda: value(receiver, "spancost_receiver_workers") == 2)

    assert len(set(receiver.workers()) & before) == 1
    assert receiver.get("/readyz") == "ready\n"
    assert value(receiver, "spancost_receiver_worker_restarts_total") == 1
    assert value(receiver, "spancost_receiver_spans_total") == 8
    for n in range(8):
        send_from_elsewhere(receiver, 9 + n, 1)
    assert value(receiver, "spancost_receiver_spans_total") == 16
    assert receiver.stop() == 0
    assert sorted(kept(receiver.ledger)) == list(range(1, 17))
    log = (tmp_path / "serve-0.log").read_text()
    assert log.count(f"worker process {victim} ended with status -9; starting another") == 1


def test_readiness_is_that_of_the_workers_next_hop(serve: Callable[..., Serve]) -> None:
    (nobody,) = free_ports(1)
    receiver = serve("--workers", "2", "--forward", f"127.0.0.1:{nobody}")

    with pytest.raises(urllib.error.HTTPError) as unready:
        receiver.get("/readyz")

    assert health(receiver) == health_pb2.HealthCheckResponse.NOT_SERVING
    with unready.value as answer:
        assert (answer.code, f"127.0.0.1:{nobody}" in answer.read().decode()) == (503, True)
    assert receiver.get("/healthz") == "ok\n"


def test_workers_end_with_the_writer_and_give_the_ports_up(serve: Callable[..., Serve]) -> None:
    first = serve("--workers", "2")
    send_from_elsewhere(first, 1, 10)
    workers = first.workers()

    first.kill()
    second = serve("--workers", "2", "--listen", first.otlp, "--http-listen", first.http)

    wait_until("the workers are gone", lambda: all(has_ended(pid) for pid in workers), 10)
    send_from_elsewhere(second, 11, 10)
    post_from_elsewhere(second, 11, 10)
    assert value(second, "spancost_calls_total") == 20
    assert second.stop() == 0
    assert sorted(kept(second.ledger)) == list(range(1, 21))


def test_senders_that_wait_when_the_writer_dies_are_told_to_send_again(serve: Callable[..., Serve]) -> None:
    (port,) = free_ports(1)
    hop = Hop(port, delay=lambda: 5.0)
    hop.start()
    receiver = serve("--workers", "2", "--forward", f"127.0.0.1:{port}")

    with ThreadPoolExecutor(1) as sender:
        waiting = sender.submit(send_from_elsewhere, receiver, 1, 10)
        wait_until("the calls are committed", lambda: len(kept(receiver.ledger)) == 10)
        receiver.kill()
        with pytest.raises(grpc.RpcError) as refused:
            waiting.result()

    assert isinstance(refused.value, grpc.Call)
    assert refused.value.code() is grpc.StatusCode.UNAVAILABLE
    assert sorted(kept(receiver.ledger)) == list(range(1, 11))
    hop.close()


@pytest.mark.parametrize("workers", ["1", "2"])
def test_an_address_that_workers_share_is_not_shared_with_another_receiver(
    serve: Callable[..., Serve], tmp_path: Path, workers: str
) -> None:
    receiver = serve("--workers", "2")
    command = [sys.executable, "-m", "spancost_collector", "serve", "--ledger", str(tmp_path / "other.sqlite3")]
    command += ["--workers", workers, "--http-listen", "off", "--web-listen", "127.0.0.1:0"]

    other = subprocess.run(
        [*command, "--listen", receiver.otlp], capture_output=True, text=True, timeout=60, check=False
    )

    assert other.returncode == 2
    assert f"grpc.listen: cannot listen on {receiver.otlp}" in other.stderr
    send_from_elsewhere(receiver, 1, 1)
    assert value(receiver, "spancost_calls_total") == 1


def test_a_certificate_that_cannot_be_used_stops_the_start_as_with_one_process(tmp_path: Path) -> None:
    (tmp_path / "not.pem").write_text("no certificate")
    file = tmp_path / "spancost.yaml"
    tls = {"cert": str(tmp_path / "not.pem"), "key": str(tmp_path / "not.pem")}
    file.write_text(
        json.dumps({"workers": 2, "grpc": {"listen": "127.0.0.1:0", "tls": tls}, "http": {"listen": "off"}})
    )
    command = [sys.executable, "-m", "spancost_collector", "serve", "--config", str(file)]
    command += ["--web-listen", "127.0.0.1:0", "--ledger", str(tmp_path / "ledger.sqlite3")]

    failed = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)

    assert failed.returncode == 2
    assert failed.stderr.startswith(f"spancost: grpc.tls: cert {tmp_path / 'not.pem'}")
    assert len(failed.stderr.splitlines()) == 1


def test_what_one_worker_sends_does_not_go_round_by_way_of_another(serve: Callable[..., Serve]) -> None:
    (port,) = free_ports(1)
    itself = f"[::ffff:127.0.0.1]:{port}"  # the same address, and another text
    receiver = serve("--workers", "2", "--listen", f"127.0.0.1:{port}", "--forward", itself, "--grace", "1")

    for first in range(1, 9):
        with pytest.raises(grpc.RpcError, match="leads back"):
            send_from_elsewhere(receiver, first, 1)

    wait_until("8 spans are counted", lambda: value(receiver, "spancost_receiver_spans_total") == 8)
    assert receiver.samples("spancost_receiver_rejected_requests_total")['{reason="looped"}'] >= 8


def test_a_receiver_of_several_workers_that_never_started_can_be_stopped(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite3"
    anywhere = {"listen": "127.0.0.1:0"}
    settings = Settings.model_validate(
        {"workers": 2, "ledger": path, "grpc": anywhere, "http": anywhere, "web": anywhere}
    )
    receiver = Receiver(settings, book=load_book(), ledger=Ledger(path))
    assert receiver.grpc_address is not None
    assert listeners(str(receiver.grpc_address)) == 2

    receiver.stop()

    assert listeners(str(receiver.grpc_address)) == 0
    Ledger(path).close()  # the file is free again


def test_a_worker_that_cannot_go_on_does_not_outlast_the_grace(serve: Callable[..., Serve]) -> None:
    receiver = serve("--workers", "2", "--grace", "1")
    stuck, _ = receiver.workers()
    os.kill(stuck, signal.SIGSTOP)

    began = time.monotonic()
    assert receiver.stop() == 0

    assert time.monotonic() - began < 15
    assert has_ended(stuck)
