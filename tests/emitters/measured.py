"""One emitter's run: its app makes the calls beside a provider and a receiver, and the ledger says what was charged."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import time
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pathlib import Path

    from .emitters import Emitter

_SECONDS: Final = 180
_PICO: Final = Decimal(10) ** -12


@dataclass(frozen=True)
class Measured:
    """What the ledger holds of a run."""

    charges: dict[str, list[Decimal | None]]
    """Case -> the charge of each call that the ledger counts in its time; None where nothing is charged."""
    astray: int
    """Calls of the run that belong to no case's time."""


def measure(emitter: Emitter, *, provider: str, otlp: str, ledger: Path) -> Measured:
    """Runs the emitter's app to its end; what its calls were charged."""
    began = time.time_ns()
    asked = {
        "setups": emitter.setups,
        "client": emitter.client,
        "cases": emitter.cases,
        "in_request": emitter.in_request,
    }
    done = subprocess.run(
        [*emitter.environment.command(), json.dumps(asked)],
        cwd=ledger.parent,  # some write logs where they are
        env={**os.environ, **_variables(provider, otlp)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=_SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    times: dict[str, tuple[int, int]] = json.loads(done.stdout.splitlines()[-1])
    with sqlite3.connect(f"file:{ledger}?mode=ro", uri=True) as connection:
        rows: list[tuple[int, int | None]] = connection.execute(
            "SELECT start_ns, cost_pico FROM calls WHERE start_ns >= ? ORDER BY start_ns", (began,)
        ).fetchall()
    connection.close()
    charges = {
        case: [None if pico is None else pico * _PICO for start, pico in rows if first <= start <= last]
        for case, (first, last) in times.items()
    }
    return Measured(charges, len(rows) - sum(map(len, charges.values())))


def _variables(provider: str, otlp: str) -> dict[str, str]:
    return {
        "PROVIDER_URL": provider,
        "OTEL_EXPORTER_OTLP_ENDPOINT": otlp,
        "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
        "OTEL_SERVICE_NAME": "emitters",
        # Anthropic's SDK traces itself unless it is told not to.
        "ANTHROPIC_OPEN_TELEMETRY": "false",
        # LiteLLM looks for prices on the network unless it is told not to.
        "LITELLM_LOCAL_MODEL_COST_MAP": "True",
        "PYTHONWARNINGS": "ignore",
    }
