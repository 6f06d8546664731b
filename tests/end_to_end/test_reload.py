"""SIGHUP reads the prices again: all of them, or none."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

import pytest
from tests.end_to_end.load import batch, reported
from tests.end_to_end.neighbours import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable
    from decimal import Decimal
    from pathlib import Path

    from tests.end_to_end.conftest import Serve

pytestmark = pytest.mark.end_to_end

PRICES = """
version: 1
prices:
  - {{provider: openai, model: gpt-4o-2024-08-06, input_per_mtok: "{input}", output_per_mtok: "10"}}
"""


def reloads(receiver: Serve, outcome: str) -> float:
    return receiver.samples("spancost_receiver_reloads_total")[f'{{outcome="{outcome}"}}']


def spent(receiver: Serve) -> Decimal:
    return reported(receiver.ledger)[1]


@pytest.mark.parametrize("workers", ["1", "2"])
def test_new_prices_are_taken_at_once_and_a_bad_file_changes_nothing(
    serve: Callable[..., Serve], tmp_path: Path, workers: str
) -> None:
    prices = tmp_path / "prices.yaml"
    prices.write_text(PRICES.format(input="1"))
    receiver = serve("--prices", str(prices), "--workers", workers)
    receiver.send(batch(1, 1))
    assert str(spent(receiver)) == "0.002"  # 1000 x 1 + 100 x 10 micro-USD

    prices.write_text(PRICES.format(input="5"))
    receiver.process.send_signal(signal.SIGHUP)
    wait_until("the reload", lambda: reloads(receiver, "taken") == 1)
    receiver.send(batch(2, 1))
    assert str(spent(receiver)) == "0.008"  # and 1000 x 5 + 100 x 10

    prices.write_text(PRICES.format(input="a lot"))
    receiver.process.send_signal(signal.SIGHUP)
    wait_until("the refusal", lambda: reloads(receiver, "refused") == 1)
    receiver.send(batch(3, 1))
    assert str(spent(receiver)) == "0.014"
    assert receiver.samples("spancost_receiver_reload_failed") == {"": 1}
    assert receiver.get("/readyz") == "ready\n"

    prices.write_text(PRICES.format(input="1"))
    receiver.process.send_signal(signal.SIGHUP)
    wait_until("the second reload", lambda: reloads(receiver, "taken") == 2)
    assert receiver.samples("spancost_receiver_reload_failed") == {"": 0}
    assert receiver.stop() == 0
