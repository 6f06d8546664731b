"""What an app imports to count tokens stays small."""

from __future__ import annotations

import subprocess
import sys

import pytest

import spancost_pricing


def test_counting_tokens_does_not_load_the_price_data():
    program = (
        "import sys, spancost_pricing\n"
        "spancost_pricing.Usage(input_tokens=1), spancost_pricing.split\n"
        "sys.exit(', '.join({'genai_prices', 'pydantic', 'yaml'} & sys.modules.keys()) or None)"
    )

    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)

    assert (done.returncode, done.stderr.strip()) == (0, "")


def test_everything_that_is_promised_is_there():
    assert [name for name in spancost_pricing.__all__ if not hasattr(spancost_pricing, name)] == []


def test_what_is_not_promised_is_missing_by_name():
    with pytest.raises(AttributeError, match="'spancost_pricing' has no attribute 'prices'"):
        getattr(spancost_pricing, "prices")  # noqa: B009 - pyright would rather not see it
