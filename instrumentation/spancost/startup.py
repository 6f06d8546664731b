"""What has to happen before any SDK is instrumented, however the app is started.

`opentelemetry-instrument` calls `pre_instrument` once the tracer provider exists. An exception here would abort the
instrumentation of the whole app, so none may leave.
"""

from __future__ import annotations

import asyncio
import functools
import logging
import os
import re
import weakref
from threading import Thread
from typing import TYPE_CHECKING, Any, Final, cast

import wrapt
from opentelemetry import trace

from spancost.faults import Faults
from spancost.payers import Payers
from spancost.surroundings import configured

if TYPE_CHECKING:
    from opentelemetry.trace import TracerProvider

_LOG = logging.getLogger(__name__)
_MARK: Final = "_spancost_attribution"
"""Attribute of a tracer provider that has our processor: who pays under it."""

_LAST: Final = -1000
"""After everything else that a worker process does at its end."""

_LONGEST_FLUSH_SECONDS: Final = 5.0
"""How long a server that has answered everybody waits for its last spans to be sent."""

_UNSENT: Final[list[weakref.ref[Any]]] = []
"""The providers that have our span processor, as long as they are there; a list, for some have no hash (Logfire's)."""

_DROPPING: Final = re.compile(r"(?:ParentBased\{root:)?(TraceIdRatioBased\{(?!1\.0\})[^}]*\}|AlwaysOffSampler)")
"""Descriptions of the SDK's samplers that leave spans out where nobody has decided before them."""

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
        _LOG.warning("spancost: attribution could not be prepared; calls will be unattributed", exc_info=True)


def equip(provider: TracerProvider, faults: Faults) -> Payers:
    """Who pays for calls under `provider`, which gets our span processor, once, if it takes any."""
    there: object = getattr(provider, _MARK, None)
    if isinstance(there, Payers):
        return there
    payers = Payers(configured(os.environ))
    add = getattr(provider, "add_span_processor", None)
    if add is not None:
        # Imported here: it needs the OpenTelemetry SDK, which an app without a provider of its kind may not have.
        from spancost.processor import AttributionProcessor

        add(AttributionProcessor(payers, faults))
        setattr(provider, _MARK, payers)
        _flush_at_ends(provider)
        _say_what_is_not_sampled(provider, faults)
    return payers


def _say_what_is_not_sampled(provider: TracerProvider, faults: Faults) -> None:
    sampler: Any = getattr(provider, "sampler", None)
    if sampler is None:
        return
    try:
        found = _DROPPING.match(sampler.get_description())
    except Exception as fault:
        faults.caught("looking at the sampler", fault)
        return
    if found is not None:
        _LOG.warning(
            "spancost: the sampler %s leaves spans out, and the cost of their calls with them;"
            " set OTEL_TRACES_SAMPLER=always_on, and sample behind the receiver",
            found[1],
        )


def _flush_at_ends(provider: TracerProvider) -> None:
    """Sends what a process has not sent yet when it ends in a way of which `atexit` is not told.

    So do forked workers, and uvicorn, which raises the signal that stopped it once more. Only where the app has them,
    and as long as `provider` is there.
    """
    here = weakref.ref(provider)

    def flush(**_: Any) -> None:
        if (there := cast("Any", here())) is not None:
            there.force_flush()

    def of_multiprocessing(util: Any) -> None:
        def forked(_: Any) -> None:
            util.Finalize(None, flush, exitpriority=_LAST)

        if (there := here()) is not None:
            util.register_after_fork(there, forked)

    def of_celery(signals: Any) -> None:
        signals.worker_process_shutdown.connect(flush, weak=False)

    wrapt.register_post_import_hook(of_multiprocessing, "multiprocessing.util")
    wrapt.register_post_import_hook(of_celery, "celery.signals")
    _UNSENT[:] = [other for other in _UNSENT if other() is not None] + [here]
    _flush_with_uvicorn()


@functools.cache
def _flush_with_uvicorn() -> None:
    """A server's last act, once for all providers: what waits is sent after everybody has been answered."""
    faults = Faults()

    def send() -> None:
        for here in list(_UNSENT):
            try:
                if (provider := here()) is not None:
                    provider.force_flush()
            except Exception as fault:
                faults.caught("sending at the end", fault)

    def of_uvicorn(server: Any) -> None:
        shut_down = server.Server.shutdown

        @functools.wraps(shut_down)
        async def shutdown(*args: Any, **kwargs: Any) -> None:
            await shut_down(*args, **kwargs)
            try:
                sending = Thread(target=send, name="spancost-last-spans", daemon=True)
                sending.start()
                await asyncio.to_thread(sending.join, _LONGEST_FLUSH_SECONDS)
            except Exception as fault:  # an interpreter that ends starts no thread any more
                faults.caught("sending at the end", fault)

        server.Server.shutdown = shutdown

    wrapt.register_post_import_hook(of_uvicorn, "uvicorn.server")
