"""How an SDK is patched: what is the same for all of them.

A file in `sdks/` declares patch points and describes calls; this module wraps, sends each call through the shells
below and puts everything back. A shell adds nothing to a call but its span: same result, same exception, same
laziness. Patches go in when the SDK is imported, so an SDK that the app never imports costs nothing.
"""

from __future__ import annotations

import importlib.util
from abc import abstractmethod
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, TypeAlias

import wrapt
from opentelemetry.instrumentation.instrumentor import BaseInstrumentor

from spancost.invocation import Invocation, Telemetry, current
from spancost.streams import Hides, observed

if TYPE_CHECKING:
    from types import ModuleType

    from spancost.wire import Reading, Request

Arguments: TypeAlias = tuple[tuple[Any, ...], Mapping[str, Any]]


def hides_nothing(_: object) -> bool:
    """Every chunk is the caller's."""
    return False


@dataclass(frozen=True, slots=True)
class Call:
    """A model call that is about to be made, as an SDK module describes it."""

    request: Request
    reading: Reading
    arguments: Arguments
    """With what to call the SDK, including anything we ask for on top."""
    plain: Arguments
    """The same without what we ask for on top."""
    hides: Hides = hides_nothing
    refused: Callable[[BaseException], bool] = hides_nothing
    """Whether the provider refused what we asked for on top; the call is then made again without it."""


Describe: TypeAlias = Callable[[Any, tuple[Any, ...], Mapping[str, Any]], Call | None]
"""(object the method was called on, args, kwargs) -> the model call, or None when it is not one."""

Shell: TypeAlias = Callable[["Recorder"], Callable[..., Any]]


@dataclass(frozen=True, slots=True)
class Patch:
    """A function of an SDK, and what to put around it."""

    module: str
    name: str
    shell: Shell
    overrides: bool = False
    """Whether to put it around what subclasses have in its place, too: another instrumentation's wrapper, say."""


class Running:
    """A call on its way through a shell."""

    def __init__(self, call: Call, invocation: Invocation | None, telemetry: Telemetry) -> None:
        self.arguments = call.plain if invocation is None else call.arguments
        self.invocation = invocation
        self._call = call
        self._hides: Hides = call.hides
        self._telemetry = telemetry

    def withdraws(self, error: BaseException) -> bool:
        """True when the call should be made again without what we added to it."""
        if self.arguments is self._call.plain:
            return False
        try:
            refused = self._call.refused(error)
        except Exception as fault:
            self._telemetry.faults.caught("judging an error", fault)
            return False
        if refused:
            self.arguments, self._hides = self._call.plain, hides_nothing
        return refused

    def settle(self, invocation: Invocation, result: Any) -> Any:
        """What the caller gets for `result`."""
        try:
            return observed(result, invocation, self._shielded)
        except Exception as fault:
            self._telemetry.faults.caught("observing a result", fault)
            invocation.end()
            return result

    def _shielded(self, chunk: object) -> bool:
        try:
            return self._hides(chunk)
        except Exception as fault:
            self._telemetry.faults.caught("judging a chunk", fault)
            return False


class Recorder:
    """Turns what an SDK is asked to do into a running call."""

    def __init__(self, telemetry: Telemetry, describe: Describe) -> None:
        self._telemetry = telemetry
        self._describe = describe

    def begin(self, instance: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Running | None:
        """The call that starts now; None when it is not a model call or cannot be observed. Never raises."""
        try:
            around = current()
            if around is not None and around.unsent:
                return None  # the same call, on its way from a subclass's method to the one that we patched as well
            call = self._describe(instance, args, kwargs)
            if call is None:
                return None
            invocation = None if self._telemetry.suppressed() else self._telemetry.begin(call.request, call.reading)
            return Running(call, invocation, self._telemetry)
        except Exception as fault:
            self._telemetry.faults.caught("beginning a call", fault)
            return None


def calls(recorder: Recorder) -> Callable[..., Any]:
    """Around a function that makes a call."""

    def shell(wrapped: Callable[..., Any], instance: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        running = recorder.begin(instance, args, kwargs)
        if running is None:
            return wrapped(*args, **kwargs)
        while True:
            args_now, kwargs_now = running.arguments
            invocation = running.invocation
            if invocation is None:
                return wrapped(*args_now, **kwargs_now)
            try:
                with invocation.active():
                    result = wrapped(*args_now, **kwargs_now)
            except BaseException as error:
                if running.withdraws(error):
                    continue
                invocation.fail(error)
                raise
            return running.settle(invocation, result)

    return shell


def awaits(recorder: Recorder) -> Callable[..., Any]:
    """Around a coroutine function that makes a call."""

    async def shell(wrapped: Callable[..., Any], instance: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        running = recorder.begin(instance, args, kwargs)
        if running is None:
            return await wrapped(*args, **kwargs)
        while True:
            args_now, kwargs_now = running.arguments
            invocation = running.invocation
            if invocation is None:
                return await wrapped(*args_now, **kwargs_now)
            try:
                with invocation.active():
                    result = await wrapped(*args_now, **kwargs_now)
            except BaseException as error:
                if running.withdraws(error):
                    continue
                invocation.fail(error)
                raise
            return running.settle(invocation, result)

    return shell


def attempts(_: Recorder) -> Callable[..., Any]:
    """Around the function that an SDK calls once for every request it sends, retries included."""

    def shell(wrapped: Callable[..., Any], _: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        invocation = current()
        if invocation is not None:
            invocation.attempted()
        return wrapped(*args, **kwargs)

    return shell


class SdkInstrumentor(BaseInstrumentor):
    """Base of the instrumentors: patches what its class declares, and restores it."""

    package: ClassVar[str]
    """The package that has to be there, as it is imported."""
    requires: ClassVar[str]
    """The same as a requirement, with the versions that are known to work."""
    patches: ClassVar[tuple[Patch, ...]]
    """Where the SDK makes its calls."""

    @abstractmethod
    def describe(self, instance: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Call | None:
        """The model call behind a call of a patched function; None when it is something else."""

    def instrumentation_dependencies(self) -> Collection[str]:
        """What has to be installed."""
        return (self.requires,)

    def installed(self) -> bool:
        """Whether the SDK can be imported."""
        try:
            return importlib.util.find_spec(self.package) is not None
        except ModuleNotFoundError:
            return False

    def _instrument(self, **kwargs: Any) -> None:
        if not self.installed():
            # The one error that `opentelemetry-instrument` takes for "not installed" and skips without a word.
            raise ModuleNotFoundError(f"No module named {self.package!r}", name=self.package)
        telemetry = Telemetry(kwargs.get("tracer_provider"), kwargs.get("meter_provider"))
        self._installation = _Installation(telemetry, Recorder(telemetry, self.describe), self.patches)

    def _uninstrument(self, **kwargs: Any) -> None:
        self._installation.remove()


class _Installation:
    """The patches of one `instrument()`, from the import of the SDK until they are removed."""

    def __init__(self, telemetry: Telemetry, recorder: Recorder, patches: tuple[Patch, ...]) -> None:
        self._telemetry = telemetry
        self._recorder = recorder
        self._live = True
        self._applied: list[tuple[Any, str, Any, Any]] = []
        for module in dict.fromkeys(patch.module for patch in patches):
            here = [patch for patch in patches if patch.module == module]
            wrapt.register_post_import_hook(lambda imported, here=here: self._apply(imported, here), module)

    def _apply(self, module: ModuleType, patches: list[Patch]) -> None:
        for patch in patches:
            if not self._live:
                return
            try:
                owner, name, _ = wrapt.resolve_path(module, patch.name)
                for place in (owner, *(_overriding(owner, name) if patch.overrides else ())):
                    original = place.__dict__[name]
                    wrapper = wrapt.FunctionWrapper(original, patch.shell(self._recorder), enabled=lambda: self._live)
                    setattr(place, name, wrapper)
                    self._applied.append((place, name, original, wrapper))
            except Exception as fault:
                # An SDK without this function, older or newer than those we know: its calls go unseen, not wrong.
                self._telemetry.faults.caught(f"patching {patch.module}.{patch.name}", fault)

    def remove(self) -> None:
        """Restores the SDK. Under a wrapper that somebody put over ours, ours stays and does nothing."""
        self._live = False
        for owner, name, original, wrapper in reversed(self._applied):
            attributes: Mapping[str, object] = owner.__dict__
            if attributes.get(name) is wrapper:
                setattr(owner, name, original)
        self._applied.clear()


def _overriding(owner: Any, name: str) -> list[type[Any]]:
    """The subclasses of `owner`, at any depth, that have their own `name`."""
    found: list[type[Any]] = []
    subclasses: list[type[Any]] = owner.__subclasses__()
    for subclass in subclasses:
        if name in subclass.__dict__:
            found.append(subclass)
        found.extend(_overriding(subclass, name))
    return found
