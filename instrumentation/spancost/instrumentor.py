"""How an SDK is patched: what is the same for all of them.

A file in `sdks/` declares patch points and describes calls; this module wraps, sends each call through the shells
below and puts everything back. A shell adds nothing to a call but its span: same result, same exception, same
laziness. Patches go in when the SDK is imported, so an SDK that the app never imports costs nothing.
"""

from __future__ import annotations

import functools
import importlib.util
import inspect
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from types import FunctionType
from typing import TYPE_CHECKING, Any, ClassVar, Final, Protocol, TypeAlias

import wrapt
from opentelemetry import context as otel
from opentelemetry.instrumentation.instrumentor import BaseInstrumentor

from spancost.described import Call, Delivery
from spancost.invocation import SUPPRESSIONS, Invocation, Telemetry, current, suppressed
from spancost.streams import observed, relayed

if TYPE_CHECKING:
    from types import ModuleType

    from spancost.described import Arguments
    from spancost.wire import Shows

Describe: TypeAlias = Callable[[Any, tuple[Any, ...], Mapping[str, Any]], Call | Delivery | None]
"""(object the method was called on, args, kwargs) -> the model call, or None when it is not one."""

Note: TypeAlias = Callable[[Invocation, tuple[Any, ...], Mapping[str, Any]], None]
"""(the model call that it is for, args, kwargs): told of a call of a function of the SDK before it is made."""

Shell: TypeAlias = Callable[["Recorder", Callable[..., Any]], Callable[..., Any]]
"""(who records, a function of the SDK) -> what to put in its place; both take the object that it was called on first.

What is put there is one plain function: the interpreter calls one in a third of the time that it takes for an object.
"""


@dataclass(frozen=True, slots=True)
class Patch:
    """A function of an SDK, and what to put around it."""

    module: str
    name: str
    shell: Shell
    overrides: bool = False
    """Whether to put it around what subclasses have in its place, too: another instrumentation's wrapper, say."""
    describe: Describe | str = "describe"
    """How its calls are described: by a function, or by the instrumentor's method of this name."""
    optional: bool = False
    """Whether releases that we support lack it, and with it the calls that go through it: then nothing is missed."""


class Running(Protocol):
    """What a shell has to do with the call that it is around."""

    arguments: Arguments
    """With what to call the SDK."""

    def enter(self) -> None:
        """The SDK begins to work."""
        ...

    def leave(self) -> None:
        """The SDK returns."""
        ...

    def withdraws(self, error: BaseException) -> bool:
        """True when the call should be made again, with `arguments` that have changed."""
        ...

    def fail(self, error: BaseException) -> None:
        """The SDK raised `error`."""
        ...

    def settle(self, result: Any) -> Any:
        """What the caller gets for `result`."""
        ...


class Silent:
    """A call that is not recorded; nothing is current while the SDK works."""

    unsent = False

    def __init__(self, arguments: Arguments) -> None:
        self.arguments = arguments

    def enter(self) -> None:
        """Nothing to do."""

    def leave(self) -> None:
        """Nothing to do."""

    def withdraws(self, error: BaseException) -> bool:
        """Nothing was asked for on top."""
        return False

    def read_chunk(self, chunk: object) -> bool:
        """Nothing is noted."""
        return True

    def following(self) -> Shows:
        """The same."""
        return self.read_chunk

    def end(self) -> None:
        """Nothing is open."""

    def drop(self) -> None:
        """The same."""

    def fail(self, error: BaseException) -> None:
        """An error costs nothing."""

    def settle(self, result: Any) -> Any:
        """The result as it is."""
        return result


class Delivering(Silent):
    """Answers on their way through a shell; what is paid for is recorded as it passes."""

    def __init__(self, delivery: Delivery, telemetry: Telemetry, arguments: Arguments) -> None:
        super().__init__(arguments)
        self._paid = delivery.paid
        self._telemetry = telemetry

    def settle(self, result: Any) -> Any:
        """What the caller gets for `result`."""
        try:
            return observed(result, self)
        except Exception as fault:
            self._telemetry.faults.caught("observing a result", fault)
            return result

    def read(self, part: object) -> None:
        """Records the calls that an answer, or one chunk of it, is about."""
        try:
            for paid in self._paid(part):
                self._telemetry.record(paid)
        except Exception as fault:
            self._telemetry.faults.caught("reading an answer", fault)

    def complete(self, answer: object) -> None:
        """The same."""
        self.read(answer)

    def read_chunk(self, chunk: object) -> bool:
        """The same."""
        self.read(chunk)
        return True


class Recorder:
    """Turns what an SDK is asked to do into a running call."""

    def __init__(self, telemetry: Telemetry, describe: Describe, live: list[bool]) -> None:
        self.faults = telemetry.faults
        self._telemetry = telemetry
        self._describe = describe
        self._live = live
        """Empty once the patches are removed: every call asks, and a list answers sooner than a function of ours."""

    def begin(
        self, instance: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]
    ) -> Invocation | Delivering | Silent | None:
        """What starts now; None when it is about no model call or cannot be observed. Never raises."""
        try:
            around = current()
            if around is not None and around.unsent and around.caller is instance:
                return None  # the same call, on its way from a subclass's method to the one that we patched as well
            if not self._live:
                return None
            call = self._describe(instance, args, kwargs)
            if call is None:
                return None
            here = otel.get_current()
            if not SUPPRESSIONS.isdisjoint(here) and suppressed(here):
                return Silent((args, kwargs) if isinstance(call, Delivery) else call.without)
            if isinstance(call, Delivery):
                return Delivering(call, self._telemetry, (args, kwargs))
            return Invocation(self._telemetry, call, here, instance)
        except Exception as fault:
            self.faults.caught("beginning a call", fault)
            return None


def calls(recorder: Recorder, original: Callable[..., Any]) -> Callable[..., Any]:
    """Around a function that makes a call."""
    begin: Callable[..., Running | None] = recorder.begin

    def shell(self: Any, /, *args: Any, **kwargs: Any) -> Any:
        running = begin(self, args, kwargs)
        if running is None:
            return original(self, *args, **kwargs)
        while True:
            args_now, kwargs_now = running.arguments
            try:
                running.enter()
                try:
                    result = original(self, *args_now, **kwargs_now)
                finally:
                    running.leave()
            except BaseException as error:
                if running.withdraws(error):
                    continue
                running.fail(error)
                raise
            return running.settle(result)

    return shell


def generates(recorder: Recorder, original: Callable[..., Any]) -> Callable[..., Any]:
    """Around a generator function that makes a call when its first element is asked for, and so is one itself."""
    begin = recorder.begin

    def shell(self: Any, /, *args: Any, **kwargs: Any) -> Iterator[Any]:
        running = begin(self, args, kwargs)
        if running is None:
            yield from original(self, *args, **kwargs)
        else:
            args_now, kwargs_now = running.arguments
            yield from relayed(functools.partial(original, self, *args_now, **kwargs_now), running)

    return shell


def awaits(recorder: Recorder, original: Callable[..., Any]) -> Callable[..., Any]:
    """Around a coroutine function that makes a call."""
    begin: Callable[..., Running | None] = recorder.begin

    async def shell(self: Any, /, *args: Any, **kwargs: Any) -> Any:
        running = begin(self, args, kwargs)
        if running is None:
            return await original(self, *args, **kwargs)
        while True:
            args_now, kwargs_now = running.arguments
            try:
                running.enter()
                try:
                    result = await original(self, *args_now, **kwargs_now)
                finally:
                    running.leave()
            except BaseException as error:
                if running.withdraws(error):
                    continue
                running.fail(error)
                raise
            return running.settle(result)

    return shell


def before(note: Note) -> Shell:
    """Around a function that the SDK calls for a model call; to be awaited where the original is, for SDKs look."""

    def around(recorder: Recorder, original: Callable[..., Any]) -> Callable[..., Any]:
        async def awaited(self: Any, /, *args: Any, **kwargs: Any) -> Any:
            if (invocation := current()) is not None:
                try:
                    note(invocation, args, kwargs)
                except Exception as fault:
                    recorder.faults.caught("noting a request", fault)
            return await original(self, *args, **kwargs)

        def called(self: Any, /, *args: Any, **kwargs: Any) -> Any:
            if (invocation := current()) is not None:
                try:
                    note(invocation, args, kwargs)
                except Exception as fault:
                    recorder.faults.caught("noting a request", fault)
            return original(self, *args, **kwargs)

        return awaited if inspect.iscoroutinefunction(original) else called

    return around


attempts: Final[Shell] = before(Invocation.attempted)
"""Around the function that an SDK calls once for every request it sends, retries included."""


class SdkInstrumentor(BaseInstrumentor):
    """Base of the instrumentors: patches what its class declares, and restores it."""

    package: ClassVar[str]
    """The package that has to be there, as it is imported."""
    requires: ClassVar[str]
    """The same as a requirement, with the versions that are known to work."""
    patches: ClassVar[tuple[Patch, ...]]
    """Where the SDK makes its calls."""

    def describe(self, instance: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Call | Delivery | None:
        """The model call behind a call of a patched function; None when it is something else."""
        return None

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

        def recorder_of(patch: Patch, live: list[bool]) -> Recorder:
            describe = getattr(self, patch.describe) if isinstance(patch.describe, str) else patch.describe
            return Recorder(telemetry, describe, live)

        self._installation = _Installation(telemetry, recorder_of, self.patches)

    def _uninstrument(self, **kwargs: Any) -> None:
        self._installation.remove()


class _Installation:
    """The patches of one `instrument()`, from the import of the SDK until they are removed."""

    def __init__(
        self,
        telemetry: Telemetry,
        recorder_of: Callable[[Patch, list[bool]], Recorder],
        patches: tuple[Patch, ...],
    ) -> None:
        self._telemetry = telemetry
        self._recorder_of = recorder_of
        self._live = [True]
        self._applied: list[tuple[Any, str, Any, Any]] = []
        for module in dict.fromkeys(patch.module for patch in patches):
            here = [patch for patch in patches if patch.module == module]
            wrapt.register_post_import_hook(lambda imported, here=here: self._apply(imported, here), module)

    def _apply(self, module: ModuleType, patches: list[Patch]) -> None:
        for patch in patches:
            if not self._live:
                return
            try:
                recorder = self._recorder_of(patch, self._live)
                if patch.optional and not _has(module, patch.name):
                    continue
                owner, name, _ = wrapt.resolve_path(module, patch.name)
                for place in (owner, *(_overriding(owner, name) if patch.overrides else ())):
                    original = place.__dict__[name]
                    ours = next((entry for entry in self._applied if entry[3] is original), None)
                    if ours is not None:  # imported from another module after it was wrapped there
                        self._applied.append((place, name, ours[2], original))
                        continue
                    wrapper = _around(place, name, patch.shell, recorder)
                    setattr(place, name, wrapper)
                    self._applied.append((place, name, original, wrapper))
            except Exception as fault:
                # An SDK without this function, older or newer than those we know: its calls go unseen, not wrong.
                self._telemetry.faults.caught(f"patching {patch.module}.{patch.name}", fault)

    def remove(self) -> None:
        """Restores the SDK. Under a wrapper that somebody put over ours, ours stays and does nothing."""
        self._live.clear()
        for owner, name, original, wrapper in reversed(self._applied):
            attributes: Mapping[str, object] = owner.__dict__
            if attributes.get(name) is wrapper:
                setattr(owner, name, original)
        self._applied.clear()


def _around(place: Any, name: str, shell: Shell, recorder: Recorder) -> Callable[..., Any]:
    """What to put in the place of a function of a class or module: itself, with a shell around it."""
    original = place.__dict__[name]
    if not isinstance(place, type):

        def function(_: Any, /, *args: Any, **kwargs: Any) -> Any:
            return original(*args, **kwargs)

        made = shell(recorder, function)

        def called(*args: Any, **kwargs: Any) -> Any:
            return made(None, *args, **kwargs)

        async def awaited(*args: Any, **kwargs: Any) -> Any:
            return await made(None, *args, **kwargs)

        # A plain function again: apps copy it, and send it to other processes by the name that it is found under.
        wrapper = functools.wraps(original)(awaited if inspect.iscoroutinefunction(made) else called)
        wrapper.__module__, wrapper.__qualname__ = place.__name__, name
        return wrapper
    # Its very type: a wrapper of wrapt's passes for the function inside, and is told the object only when it is bound.
    method = shell(recorder, original if type(original) is FunctionType else _unbound(original))
    return functools.wraps(original)(method)


def _unbound(original: Any) -> Callable[..., Any]:
    """A method that is no plain function, somebody else's wrapper for one, as if it were."""
    bind: Callable[[Any], Callable[..., Any]] = original.__get__

    def method(self: Any, /, *args: Any, **kwargs: Any) -> Any:
        return bind(self)(*args, **kwargs)

    async def async_method(self: Any, /, *args: Any, **kwargs: Any) -> Any:
        return await bind(self)(*args, **kwargs)

    return async_method if inspect.iscoroutinefunction(original) else method


def _has(module: ModuleType, path: str) -> bool:
    found: Any = module
    for name in path.split("."):
        found = getattr(found, name, None)
    return found is not None


def _overriding(owner: Any, name: str) -> list[type[Any]]:
    """The subclasses of `owner`, at any depth, that have their own `name`."""
    found: list[type[Any]] = []
    subclasses: list[type[Any]] = owner.__subclasses__()
    for subclass in subclasses:
        if name in subclass.__dict__:
            found.append(subclass)
        found.extend(_overriding(subclass, name))
    return found
