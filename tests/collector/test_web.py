"""Metrics and health while many ask at the same time."""

from __future__ import annotations

import gzip
import threading
import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest
from prometheus_client import CollectorRegistry
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from spancost_collector.config import Address
from spancost_collector.config.settings import Web
from spancost_collector.intake.access import Gate
from spancost_collector.intake.http_listener import HttpListener
from spancost_collector.web import create_app

if TYPE_CHECKING:
    from collections.abc import Iterator

SCRAPES = 60


class Slow(Collector):
    """Counts how many ask at the same time, and answers when it is told to."""

    def __init__(self) -> None:
        self.most = 0
        self.begun = threading.Event()
        self.release = threading.Event()
        self._asking = 0

    def describe(self) -> list[GaugeMetricFamily]:
        return []

    def collect(self) -> Iterator[GaugeMetricFamily]:
        self._asking += 1
        self.most = max(self.most, self._asking)
        self.begun.set()
        self.release.wait(30)
        self._asking -= 1
        yield GaugeMetricFamily("asked", "Whether it was.", value=1)


@pytest.fixture
def slow() -> Slow:
    return Slow()


@pytest.fixture
def url(slow: Slow) -> Iterator[str]:
    registry = CollectorRegistry()
    registry.register(slow)
    app = create_app(registry, lambda: None, Gate(()))
    listener = HttpListener(app, Web(), listen=Address("127.0.0.1", 0), name="web")
    listener.start()
    yield f"http://{listener.address}"
    slow.release.set()
    listener.close(0.0)
    listener.join()


def get(url: str) -> str:
    with urllib.request.urlopen(url, timeout=20) as answer:
        return answer.read().decode()


def test_scrapes_are_answered_one_after_the_other_and_health_waits_for_none(url: str, slow: Slow) -> None:
    with ThreadPoolExecutor(SCRAPES) as threads:
        scrapes = [threads.submit(get, f"{url}/metrics") for _ in range(SCRAPES)]
        assert slow.begun.wait(20)
        time.sleep(0.5)  # the others are there as well
        try:
            health = [get(f"{url}/healthz"), get(f"{url}/readyz")]
        finally:
            slow.release.set()
        answers = {one.result().splitlines()[-1] for one in scrapes}

    assert health == ["ok\n", "ready\n"]
    assert answers == {"asked 1.0"}
    assert slow.most == 1


def test_metrics_are_compressed_for_who_takes_that(url: str, slow: Slow) -> None:
    slow.release.set()
    asked = urllib.request.Request(f"{url}/metrics", headers={"Accept-Encoding": "deflate, gzip;q=0.9"})
    with urllib.request.urlopen(asked, timeout=20) as answer:
        encoding, body = answer.headers["Content-Encoding"], answer.read()

    assert encoding == "gzip"
    assert gzip.decompress(body).decode() == get(f"{url}/metrics")
