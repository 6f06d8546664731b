"""Where our own errors end up: counted, and told once in the log, never in the user's call.

Every telemetry step inside an app runs under `try … except Exception` and hands the error to a `Faults`. The counter
is worth an alert; the warning says which step and which kind of error, once for each step. What the error says, and
where it came from, is logged at debug level only: it may quote an answer.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from opentelemetry.metrics import get_meter

from spancost.version import SCOPE, VERSION

if TYPE_CHECKING:
    from opentelemetry.metrics import MeterProvider

_LOG = logging.getLogger(__name__)


class Faults:
    """Counts swallowed errors in the metric `spancost.internal_errors`."""

    def __init__(self, meter_provider: MeterProvider | None = None) -> None:
        meter = get_meter(SCOPE, VERSION, meter_provider=meter_provider)
        self._counter = meter.create_counter(
            "spancost.internal_errors",
            unit="{error}",
            description="Errors of the instrumentation itself, swallowed so that the application never sees them.",
        )
        self._told: set[str] = set()

    def caught(self, step: str, error: BaseException) -> None:
        """Records that `step` failed with `error`. Never raises."""
        try:
            self._counter.add(1, {"spancost.step": step, "error.type": type(error).__qualname__})
            if step not in self._told:
                self._told.add(step)
                _LOG.warning(
                    "spancost: %s failed with %s; the call itself is not affected, but what it cost may be missing."
                    " Said once, counted in spancost.internal_errors, and logged with its traceback at debug level",
                    step,
                    type(error).__qualname__,
                )
                _LOG.debug("spancost: %s failed", step, exc_info=error)
        except Exception:
            # A broken meter or log handler: there is nobody left to tell but the log.
            _LOG.debug("spancost: an error in %s could not be counted", step, exc_info=True)
