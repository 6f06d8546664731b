"""Switching on and off: by name, again and again, without the SDK, under other instrumentations."""

from __future__ import annotations

import copy
import importlib
import inspect
import pickle
import sys
from importlib.metadata import entry_points
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, ClassVar

import openai
import pytest
import wrapt
from opentelemetry import context as otel
from opentelemetry.instrumentation.utils import suppress_instrumentation

import spancost
from spancost import startup
from spancost.instrumentor import Patch, SdkInstrumentor, awaits, calls
from spancost.registry import MissingSdkError, instrumentors
from spancost_pricing import ConfigError

from .drivers import DRIVERS
from .older import OLDER, has

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .conftest import Telemetry
    from .provider import Provider

SDKS = Path(startup.__file__).parent / "sdks"


@pytest.fixture(autouse=True)
def _switched_off() -> Iterator[None]:
    yield
    spancost.uninstrument()


def patched() -> dict[str, Any]:
    """Every patch point and the function that is there now."""
    found: dict[str, Any] = {}
    for instrumentor in instrumentors().values():
        for patch in instrumentor.patches if instrumentor.installed() else ():
            if not has(f"{patch.module}:{patch.name}"):
                assert OLDER or patch.optional, f"{patch.module}.{patch.name} is gone"
                continue
            owner: Any = importlib.import_module(patch.module)
            *path, name = patch.name.split(".")
            for part in path:
                owner = getattr(owner, part)
            found[f"{patch.module}.{patch.name}"] = vars(owner)[name]
    return found


def test_every_sdk_module_is_an_entry_point_and_nothing_else_is() -> None:
    modules = {path.stem for path in SDKS.iterdir() if not path.name.startswith("_")}
    points = {
        point.name: point.value
        for point in entry_points(group="opentelemetry_instrumentor")
        if point.value.startswith("spancost.")
    }
    assert set(points) == {f"spancost_{module}" for module in modules}
    assert all(value.startswith(f"spancost.sdks.{name.removeprefix('spancost_')}:") for name, value in points.items())


def test_switching_off_restores_every_patched_function(telemetry: Telemetry) -> None:
    before = patched()
    spancost.instrument(tracer_provider=telemetry.tracer_provider)
    during = patched()
    assert not any(during[name] is before[name] for name in before)
    spancost.uninstrument()
    after = patched()
    assert all(after[name] is before[name] for name in before)


@pytest.mark.parametrize("name", DRIVERS)
async def test_a_client_made_while_switched_on_makes_no_spans_afterwards(
    name: str, provider: Provider, telemetry: Telemetry
) -> None:
    spancost.instrument(tracer_provider=telemetry.tracer_provider)
    driver = DRIVERS[name](provider)
    spancost.uninstrument()
    await driver.plain()
    await driver.rest(await driver.stream())
    assert not any(span.name.startswith(("chat", "generate")) for span in telemetry.spans)


def test_a_wrapper_that_somebody_put_over_ours_keeps_working(provider: Provider, telemetry: Telemetry) -> None:
    base: Any = importlib.import_module("openai._base_client")
    spancost.instrument(tracer_provider=telemetry.tracer_provider)
    ours: Any = base.SyncAPIClient.__dict__["request"]
    seen: list[str] = []

    def theirs(self: Any, *args: Any, **kwargs: Any) -> Any:
        seen.append("request")
        return ours.__get__(self, type(self))(*args, **kwargs)

    base.SyncAPIClient.request = theirs
    try:
        spancost.uninstrument()
        assert DRIVERS["openai"](provider).ask().id == "chatcmpl-1"
    finally:
        base.SyncAPIClient.request = ours.__wrapped__
    assert seen == ["request"]
    assert telemetry.spans == []


def test_switching_on_twice_makes_one_span(provider: Provider, telemetry: Telemetry) -> None:
    for _ in range(2):
        spancost.instrument(tracer_provider=telemetry.tracer_provider)
    DRIVERS["openai"](provider).ask()
    assert len(telemetry.spans) == 1


def test_only_the_named_sdk_is_instrumented(provider: Provider, telemetry: Telemetry) -> None:
    spancost.instrument("google-genai", tracer_provider=telemetry.tracer_provider)
    DRIVERS["openai"](provider).ask()
    DRIVERS["google"](provider).ask()
    assert telemetry.span.name == "generate_content gemini-2.5-flash"


def test_an_unknown_name_is_refused_with_the_known_ones() -> None:
    with pytest.raises(ConfigError) as error:
        spancost.instrument("opanai")
    assert str(error.value) == (
        "spancost.instrument('opanai'): no such SDK; expected one of anthropic, bedrock, cohere, "
        "google_genai, litellm, mistral, openai"
    )


def test_a_missing_sdk_is_an_error_only_when_it_was_named(
    monkeypatch: pytest.MonkeyPatch, telemetry: Telemetry
) -> None:
    monkeypatch.setattr(instrumentors()["openai"], "package", "openai_that_is_not_there")
    spancost.instrument(tracer_provider=telemetry.tracer_provider)
    with pytest.raises(MissingSdkError) as error:
        spancost.instrument("openai")
    assert str(error.value) == "spancost.instrument('openai'): openai is not installed; pip install openai"


def test_auto_instrumentation_takes_a_missing_sdk_for_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    instrumentor = instrumentors()["openai"]
    monkeypatch.setattr(instrumentor, "package", "openai_that_is_not_there.inside")
    # `opentelemetry-instrument` skips exactly this error without a word; any other would stop the whole app's.
    with pytest.raises(ModuleNotFoundError):
        instrumentor.instrument(skip_dep_check=True)


def test_an_sdk_without_a_function_that_we_patch_loses_only_that(
    monkeypatch: pytest.MonkeyPatch, provider: Provider, telemetry: Telemetry
) -> None:
    base: Any = importlib.import_module("openai._base_client")
    monkeypatch.delattr(base.AsyncAPIClient, "_process_response")
    spancost.instrument("openai", tracer_provider=telemetry.tracer_provider, meter_provider=telemetry.meter_provider)
    DRIVERS["openai"](provider).ask()
    assert telemetry.attributes["gen_ai.usage.input_tokens"] == 100
    assert telemetry.internal_errors == {"patching openai._base_client.AsyncAPIClient._process_response": 1}


def test_a_function_that_not_every_supported_release_has_is_not_missed(
    monkeypatch: pytest.MonkeyPatch, telemetry: Telemetry
) -> None:
    responses: Any = importlib.import_module("openai.resources.responses.responses")
    monkeypatch.delattr(responses, "ResponsesConnection", raising=False)
    spancost.instrument("openai", tracer_provider=telemetry.tracer_provider, meter_provider=telemetry.meter_provider)
    assert telemetry.internal_errors == {}


@pytest.mark.parametrize("name", DRIVERS)
async def test_suppressed_code_makes_no_spans_and_works(name: str, provider: Provider, telemetry: Telemetry) -> None:
    spancost.instrument(tracer_provider=telemetry.tracer_provider)
    driver = DRIVERS[name](provider)
    with suppress_instrumentation():
        await driver.plain()
        assert len(await driver.rest(await driver.stream())) > 0
    assert telemetry.spans == []
    assert all("stream_options" not in body for body in provider.bodies)


def test_a_framework_whose_span_stands_for_the_call_keeps_it_to_itself(
    provider: Provider, telemetry: Telemetry
) -> None:
    spancost.instrument(tracer_provider=telemetry.tracer_provider)
    token = otel.attach(otel.set_value("suppress_language_model_instrumentation", True))
    try:
        DRIVERS["openai"](provider).ask()
    finally:
        otel.detach(token)
    assert telemetry.spans == []


@pytest.mark.parametrize("name", DRIVERS)
async def test_inside_an_official_instrumentation_the_call_keeps_that_ones_span(
    name: str, provider: Provider, telemetry: Telemetry
) -> None:
    class Official:
        """The part of `opentelemetry-util-genai`'s shared data that is its interface for others."""

        attributes: dict[str, Any]

    written = {"openai": 20, "anthropic": 25, "google": 17, "mistral": 18, "cohere": 22}
    official = Official()
    official.attributes = {}
    spancost.instrument(tracer_provider=telemetry.tracer_provider)
    driver = DRIVERS[name](provider)
    with telemetry.tracer_provider.get_tracer("official").start_as_current_span("chat"):
        token = otel.attach(otel.set_value("opentelemetry.genai.client.inference.context", official))
        with spancost.attribution(feature="search"):
            await driver.rest(await driver.stream())
        otel.detach(token)
    assert telemetry.span.name == "chat"
    for attributes in (telemetry.attributes, official.attributes):
        assert attributes["gen_ai.usage.output_tokens"] == written[name.removesuffix("-async")]
        assert attributes["spancost.feature"] == "search"


async def test_a_stream_that_an_official_instrumentation_drops_before_us_has_a_span_with_its_usage(
    provider: Provider, instrumented: Telemetry, caplog: pytest.LogCaptureFixture
) -> None:
    class Official:
        attributes: ClassVar[dict[str, Any]] = {}

    driver = DRIVERS["anthropic"](provider)
    with instrumented.tracer_provider.get_tracer("official").start_as_current_span("chat"):
        token = otel.attach(otel.set_value("opentelemetry.genai.client.inference.context", Official()))
        stream = await driver.stream()
        await driver.one(stream)
        otel.detach(token)
    del stream
    theirs, ours = instrumented.spans
    assert (theirs.name, ours.name) == ("chat", "chat claude-sonnet-5")
    assert ours.parent == theirs.context
    assert (ours.attributes or {})["gen_ai.usage.input_tokens"] == 240
    assert caplog.records == []


@pytest.mark.parametrize("name", ["openai", "openai-async"])
async def test_a_wrapper_that_was_on_the_client_class_before_us_hides_no_call(
    name: str, provider: Provider, telemetry: Telemetry, monkeypatch: pytest.MonkeyPatch
) -> None:
    def theirs(wrapped: Any, _: Any, args: Any, kwargs: Any) -> Any:
        return wrapped(*args, **kwargs)

    clients: list[Any] = [openai.OpenAI, openai.AsyncOpenAI]
    for client in clients:
        monkeypatch.setattr(client, "request", wrapt.FunctionWrapper(client.request, theirs), raising=False)
    spancost.instrument(tracer_provider=telemetry.tracer_provider)
    driver = DRIVERS[name](provider)
    assert (await driver.plain()).id == "chatcmpl-1"
    assert len(await driver.rest(await driver.stream())) == 3
    assert [(span.attributes or {})["gen_ai.usage.input_tokens"] for span in telemetry.spans] == [100, 100]


@pytest.mark.parametrize("name", ["openai", "openai-async"])
async def test_a_wrapper_that_was_there_before_us_is_told_the_client_and_its_arguments(
    name: str, provider: Provider, telemetry: Telemetry, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[tuple[Any, int]] = []

    def theirs(wrapped: Any, instance: Any, args: Any, kwargs: Any) -> Any:
        told.append((instance, len(args)))
        return wrapped(*args, **kwargs)

    clients: list[Any] = [openai.OpenAI, openai.AsyncOpenAI]
    for client in clients:
        monkeypatch.setattr(client, "request", wrapt.FunctionWrapper(client.request, theirs), raising=False)
    driver: Any = DRIVERS[name](provider)
    await driver.plain()
    spancost.instrument(tracer_provider=telemetry.tracer_provider)
    await driver.plain()
    assert told == [(driver.client, 2), (driver.client, 2)]


async def test_a_generator_function_that_fails_when_it_is_called_ends_its_span(
    provider: Provider, telemetry: Telemetry, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any) -> Any:
        raise RuntimeError("somebody's wrapper")

    monkeypatch.setattr("google.genai._api_client.BaseApiClient.request_streamed", broken)
    spancost.instrument("google_genai", tracer_provider=telemetry.tracer_provider)
    driver = DRIVERS["google"](provider)
    with pytest.raises(RuntimeError):
        await driver.one(await driver.stream())
    assert telemetry.attributes["error.type"] == "RuntimeError"


async def test_a_client_class_with_a_request_method_of_its_own_makes_one_span(
    provider: Provider, telemetry: Telemetry
) -> None:
    class Client(openai.OpenAI):
        def request(self, *args: Any, **kwargs: Any) -> Any:
            above: Any = super()
            return above.request(*args, **kwargs)

    spancost.instrument(tracer_provider=telemetry.tracer_provider)
    sdk: Any = Client(api_key="key", http_client=provider.client())
    chunks = list(sdk.chat.completions.create(model="gpt-5", messages=[], stream=True))
    assert len(chunks) == 3
    assert telemetry.attributes["gen_ai.usage.input_tokens"] == 100


@pytest.mark.parametrize("name", DRIVERS)
async def test_without_any_tracer_provider_the_app_works(name: str, provider: Provider) -> None:
    spancost.instrument()
    driver = DRIVERS[name](provider)
    with spancost.attribution(feature="search"):
        assert await driver.plain() is not None
        assert len(await driver.rest(await driver.stream())) > 0


def test_a_patched_function_of_a_module_is_copied_and_sent_to_other_processes_as_without_us(
    telemetry: Telemetry, monkeypatch: pytest.MonkeyPatch
) -> None:
    home, sdk = ModuleType("sdk_of_functions.home"), ModuleType("sdk_of_functions")

    def ask(question: str) -> str:
        return question

    async def aask(question: str) -> str:
        return question

    for function in (ask, aask):
        function.__module__, function.__qualname__ = home.__name__, function.__name__
        for module in (home, sdk):
            setattr(module, function.__name__, function)
    for module in (home, sdk):
        monkeypatch.setitem(sys.modules, module.__name__, module)

    class Instrumentor(SdkInstrumentor):
        package = "json"
        requires = "json"
        patches = (Patch(sdk.__name__, "ask", calls), Patch(sdk.__name__, "aask", awaits))

    instrumentor = Instrumentor()
    instrumentor.instrument(skip_dep_check=True, tracer_provider=telemetry.tracer_provider)
    try:
        for name, original in (("ask", ask), ("aask", aask)):
            patched: Any = getattr(sdk, name)
            assert patched is not original
            assert patched.__wrapped__ is original
            assert pickle.loads(pickle.dumps(patched)) is patched
            assert copy.copy(patched) is patched
            assert copy.deepcopy([patched]) == [patched]
            assert str(inspect.signature(patched, eval_str=True)) == "(question: str) -> str"
        assert sdk.ask("why") == "why"
        assert inspect.iscoroutinefunction(sdk.aask)
        assert not inspect.iscoroutinefunction(sdk.ask)
    finally:
        instrumentor.uninstrument()
    assert sdk.ask is ask
