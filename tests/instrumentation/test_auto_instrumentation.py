"""The promise of the first five minutes: an unchanged app under `opentelemetry-instrument` is counted."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.end_to_end

APP = Path(__file__).with_name("auto_app.py")


def run(**environment: str) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """The spans that the app exported, and what it said at its end."""
    settings = {
        "OTEL_TRACES_EXPORTER": "console",
        "OTEL_METRICS_EXPORTER": "none",
        "OTEL_LOGS_EXPORTER": "none",
        "OTEL_SERVICE_NAME": "shop",
        **environment,
    }
    inherited = {
        name: value for name, value in os.environ.items() if not name.startswith(("OTEL_", "ANTHROPIC_", "PYTEST_"))
    }
    finished = subprocess.run(
        [Path(sys.executable).with_name("opentelemetry-instrument"), sys.executable, APP],
        env={**inherited, **settings},
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    decoder, text = json.JSONDecoder(), finished.stdout.strip()
    spans: list[dict[str, Any]] = []
    while text:
        span, end = decoder.raw_decode(text)
        spans.append(span)
        text = text[end:].strip()
    return spans, json.loads(finished.stderr.splitlines()[-1])


def test_an_unchanged_app_is_counted_and_attributed_call_by_call() -> None:
    spans, said = run()
    found = {
        span["name"]: (
            span["attributes"].get("gen_ai.usage.input_tokens"),
            span["attributes"].get("spancost.feature"),
        )
        for span in spans
    }
    assert len(spans) == 4
    assert found == {
        "chat gpt-5": (11, "search"),
        "chat claude-sonnet-5": (12, "search"),
        "generate_content gemini-2.5-flash": (13, None),
        "request": (None, "search"),
    }
    assert said == {"sent": [], "propagation": "false"}


def test_one_sdk_can_be_left_out_by_its_entry_point() -> None:
    spans, _ = run(OTEL_PYTHON_DISABLED_INSTRUMENTATIONS="spancost_openai,spancost_google_genai")
    assert [span["name"] for span in spans] == ["chat claude-sonnet-5", "request"]


def test_an_sdk_that_the_app_never_imports_is_never_imported() -> None:
    program = (
        "import sys, spancost; spancost.instrument();"
        "print([name for name in ('openai', 'anthropic', 'google.genai', 'opentelemetry.sdk') if name in sys.modules])"
    )
    finished = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
    assert finished.stdout.strip() == "[]"
