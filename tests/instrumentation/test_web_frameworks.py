"""Web frameworks need no middleware of ours: what a request's headers say reaches the ledger, if it is believed."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from .outside import python_beside, run
from .outside_app import APP

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.end_to_end

INSTALLED = (
    "fastapi==0.165.0",
    "flask==3.1.3",
    "openai==3.54.0",
    "opentelemetry-distro",
    "opentelemetry-exporter-otlp-proto-grpc",
    "opentelemetry-instrumentation-fastapi==0.66b1",
    "opentelemetry-instrumentation-flask==0.66b1",
    "opentelemetry-instrumentation-threading==0.66b1",
    "uvicorn",
)
SPANCOST = (sys.executable, "-m", "spancost_collector")


@pytest.fixture
def receiver(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """Where a receiver listens for OTLP, and its ledger."""
    ledger = tmp_path / "ledger.sqlite3"
    command = [*SPANCOST, "serve", "--ledger", str(ledger), "--listen", "127.0.0.1:0", "--http-listen", "off"]
    command += ["--web-listen", "127.0.0.1:0"]
    with (tmp_path / "log").open("w") as log, subprocess.Popen(command, stdout=-1, stderr=log, text=True) as process:
        assert process.stdout is not None
        match = re.search(r"OTLP/gRPC on ([\d.:]+)", process.stdout.readline())
        assert match
        yield match[1], ledger
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=30) == 0


def test_a_header_reaches_the_ledger_from_every_kind_of_handler(receiver: tuple[str, Path]) -> None:
    listens, ledger = receiver
    python = python_beside(*INSTALLED)
    run(
        str(python.with_name("opentelemetry-instrument")),
        str(python),
        str(Path(__file__).with_name("web_app.py")),
        OPENAI_BASE_URL=f"{APP.serve()}/v1",
        OPENAI_API_KEY="key",
        OTEL_EXPORTER_OTLP_ENDPOINT=f"http://{listens}",
        OTEL_METRICS_EXPORTER="none",
        OTEL_LOGS_EXPORTER="none",
        OTEL_SERVICE_NAME="shop",
        OTEL_INSTRUMENTATION_HTTP_CAPTURE_HEADERS_SERVER_REQUEST="X-Feature,X-User",
        SPANCOST_ATTRIBUTION_ALIASES="feature=http.request.header.x-feature",
        SPANCOST_ATTRIBUTION_BAGGAGE="user=app.user",
    )
    told = run(*SPANCOST, "report", "--ledger", str(ledger), "--by", "feature,user,tenant", "--json")
    rows: list[dict[str, Any]] = json.loads(told)["rows"]
    found = {(row["feature"], row["user"], row["tenant"]): (row["calls"], row["input_tokens"]) for row in rows}
    nobody = "unattributed"
    assert found == {
        ("coroutine", "u42", nobody): (1, 100),
        ("function", "u42", nobody): (1, 100),
        ("tasks", "u42", nobody): (3, 300),
        ("executor", "u42", nobody): (1, 100),
        ("to-thread", "u42", nobody): (1, 100),
        ("view", "u42", nobody): (1, 100),
        ("stream", "u42", nobody): (1, 100),
        ("pool", "u42", nobody): (1, 100),
        ("thread", "u42", nobody): (1, 100),
        (nobody, nobody, nobody): (2, 200),  # nobody asked for the headers and baggage that these carried
    }
