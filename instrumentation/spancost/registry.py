"""Which SDKs there are to instrument: the entry points of this distribution, so that a new one is listed once."""

from __future__ import annotations

from functools import cache
from importlib.metadata import entry_points
from typing import TYPE_CHECKING, Any, Final, cast

from opentelemetry import trace

from spancost.faults import Faults
from spancost.startup import equip
from spancost_pricing import ConfigError, SpancostError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from opentelemetry.metrics import MeterProvider
    from opentelemetry.trace import TracerProvider

    from spancost.instrumentor import SdkInstrumentor

_GROUP: Final = "opentelemetry_instrumentor"
_PREFIX: Final = "spancost_"


class MissingSdkError(SpancostError, ImportError):
    """An SDK that was asked for by name is not installed."""


@cache
def instrumentors() -> Mapping[str, SdkInstrumentor]:
    """Name of the SDK -> its instrumentor."""
    found: dict[str, SdkInstrumentor] = {}
    for point in sorted(entry_points(group=_GROUP), key=lambda point: point.name):
        if point.name.startswith(_PREFIX):
            instrumentor: Any = point.load()
            found[point.name.removeprefix(_PREFIX)] = cast("type[SdkInstrumentor]", instrumentor)()
    return found


def instrument(
    *names: str, tracer_provider: TracerProvider | None = None, meter_provider: MeterProvider | None = None
) -> None:
    """Counts the calls of the named SDKs; without names, of all that are installed.

    Calling it again is harmless. `google-genai` and `google_genai` are the same name.

    Raises:
        ConfigError: There is no such name.
        MissingSdkError: The SDK was named and is not installed.
    """
    known = instrumentors()
    wanted = [name.replace("-", "_") for name in names]
    for name in wanted:
        if name not in known:
            raise ConfigError(f"spancost.instrument({name!r}): no such SDK; expected one of {', '.join(known)}")
        if not known[name].installed():
            package = known[name].requires.split()[0]
            raise MissingSdkError(f"spancost.instrument({name!r}): {package} is not installed; pip install {package}")
    provider = tracer_provider if tracer_provider is not None else trace.get_tracer_provider()
    equip(provider, Faults(meter_provider))
    for name in wanted or known:
        instrumentor = known[name]
        if instrumentor.installed() and not instrumentor.is_instrumented_by_opentelemetry:
            instrumentor.instrument(skip_dep_check=True, tracer_provider=tracer_provider, meter_provider=meter_provider)


def uninstrument(*names: str) -> None:
    """Restores the named SDKs; without names, all.

    Raises:
        ConfigError: There is no such name.
    """
    known = instrumentors()
    for name in [name.replace("-", "_") for name in names] or known:
        if name not in known:
            raise ConfigError(f"spancost.uninstrument({name!r}): no such SDK; expected one of {', '.join(known)}")
        if known[name].is_instrumented_by_opentelemetry:
            known[name].uninstrument()
