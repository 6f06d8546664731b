"""What has to happen before any SDK is instrumented, however the app is started.

`opentelemetry-instrument` calls `pre_instrument` once the tracer provider exists. An exception here would abort the
instrumentation of the whole app, so none may leave.
"""

from __future__ import annotations

import logging
import os
from typing import TYPE_CHECKING, Final

from opentelemetry import trace

from spancost.faults import Faults

if TYPE_CHECKING:
    from opentelemetry.trace import TracerProvider

    from spancost.processor import AttributionProcessor

_LOG = logging.getLogger(__name__)
_MARK: Final = "_spancost_attribution"
"""Attribute of a tracer provider that holds our processor."""

_ENVIRONMENT: Final = {
    # The Anthropic SDK sends the trace context and all W3C baggage to the provider unless told otherwise.
    "ANTHROPIC_OPEN_TELEMETRY_PROPAGATION": "false",
}


def pre_instrument() -> None:
    """Prepares the process for attribution. Never raises."""
    try:
        for name, value in _ENVIRONMENT.items():
            os.environ.setdefault(name, value)
        equip(trace.get_tracer_provider(), Faults())
    except Exception:
        _LOG.debug("spancost: attribution could not be prepared; calls will be unattributed", exc_info=True)


def equip(provider: TracerProvider, faults: Faults) -> AttributionProcessor | None:
    """The attribution processor of `provider`, added if it has none; None where it takes no processors."""
    there = getattr(provider, _MARK, None)
    if there is not None:
        return there
    add = getattr(provider, "add_span_processor", None)
    if add is None:
        return None
    # Imported here because it needs the OpenTelemetry SDK, which an app without a provider of its kind may not have.
    from spancost.processor import AttributionProcessor

    processor = AttributionProcessor(faults)
    add(processor)
    setattr(provider, _MARK, processor)
    return processor
