"""The oldest supported release of every SDK, and of OpenTelemetry, keeps the promises that these tests are about.

The same tests run there; what such a release cannot do is skipped, and printed with the reason. Where an SDK changed
its inside since then, some run on a release between, too.
"""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from spancost.registry import instrumentors

from .outside import python_beside

if TYPE_CHECKING:
    from collections.abc import Mapping

pytestmark = pytest.mark.end_to_end

OLDEST = {
    "aiobotocore": "2.13.3",
    "anthropic": "0.51.0",
    "boto3": "1.34.116",
    "botocore": "1.34.116",
    "cohere": "5.16.0",
    "google-genai": "1.32.0",
    "mistralai": "2.0.0",
    "openai": "1.66.0",
    "opentelemetry-api": "1.39.1",
    "opentelemetry-instrumentation": "0.60b1",
    "opentelemetry-sdk": "1.39.1",
    "wrapt": "1.17.0",
}
BETWEEN = {**OLDEST, "google-genai": "2.5.0", "openai": "2.54.0"}
TOOLS = (
    "hypothesis>=6.140",
    "httpx",
    "platformdirs",
    "pytest>=9",
    "pytest-asyncio>=1.3",
    "pytest-xdist>=3.8",
    "trustme>=1.2",
    "uvicorn>=0.54",
    "websockets",
)
HERE = Path(__file__).parent
# They were written for an older pydantic, which warns them; others warn of what they cannot do.
WARNINGS = ("ignore::DeprecationWarning", "ignore:Granular retry options", "ignore:Async interactions client")


def test_the_oldest_releases_are_those_that_the_instrumentors_declare() -> None:
    declared = {sdk: instrumentor.requires for sdk, instrumentor in instrumentors().items()}
    assert declared == {
        "anthropic": "anthropic >= 0.51",
        "bedrock": "botocore >= 1.34.116",
        "cohere": "cohere >= 5.16",
        "google_genai": "google-genai >= 1.32",
        "litellm": "litellm >= 1.80",  # in an environment of its own
        "mistral": "mistralai >= 2",
        "openai": "openai >= 1.66",
    }


def passed(releases: Mapping[str, str], *tests: Path) -> int:
    """How many of these tests passed beside these releases; none may fail."""
    python = python_beside(*(f"{name}=={version}" for name, version in releases.items()), *TOOLS)
    command = [str(python), "-m", "pytest", "-q", "-rs", "-n", "2", "-p", "no:cacheprovider", "-m", "not end_to_end"]
    command += [part for warning in WARNINGS for part in ("-W", warning)]
    command += [str(test) for test in tests]
    done = subprocess.run(command, capture_output=True, text=True, timeout=900, cwd=HERE.parents[1], check=False)
    print(done.stdout)
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr
    found = re.search(r"(\d+) passed", done.stdout)
    return 0 if found is None else int(found[1])


def test_the_oldest_releases_keep_every_promise_that_they_can() -> None:
    assert passed(OLDEST, HERE) >= 600


def test_interactions_are_counted_where_another_client_makes_them() -> None:
    tests = ("test_google_genai.py", "test_google_genai_interactions.py", "test_openai.py", "test_openai_responses.py")
    assert passed(BETWEEN, *(HERE / test for test in tests)) >= 80
