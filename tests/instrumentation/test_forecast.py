"""`spancost.estimate()`: one question, one answer, one book for the process."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

import spancost
from spancost import forecast
from spancost_pricing import ConfigError, UnknownModelError, load_book
from spancost_pricing.estimate import Estimator

from .drivers import DRIVERS

if TYPE_CHECKING:
    from pathlib import Path

    from spancost_pricing import Book

    from .conftest import Telemetry
    from .provider import Provider

PRICES = """
version: 1
prices:
  - {provider: acme, model: one, input_per_mtok: "1", output_per_mtok: "5", valid_from: 2026-01-01}
  - {provider: acme, model: one, input_per_mtok: "1", output_per_mtok: "7", valid_from: 2026-06-01}
"""


@pytest.fixture
def own_prices(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "prices.yaml"
    file.write_text(PRICES)
    monkeypatch.setenv("SPANCOST_PRICES", str(file))


def output_cost(**arguments: Any) -> Decimal | None:
    found = forecast.estimate(provider="acme", model="one", max_tokens=1000, **arguments)
    assert found.upper is not None
    return next(Decimal(item.amount_pico).scaleb(-12) for item in found.upper.items if item.unit == "output")


@pytest.mark.usefixtures("own_prices")
@pytest.mark.parametrize(
    "arguments",
    [
        {"prompt": "Hello"},
        {"messages": [{"role": "user", "content": "Hello"}]},
        {"request": {"messages": [{"role": "user", "content": "Hello"}]}},
    ],
    ids=lambda arguments: next(iter(arguments)),
)
def test_an_app_asks_with_a_text_with_messages_or_with_its_request(arguments: dict[str, Any]) -> None:
    may = datetime(2026, 5, 1, tzinfo=UTC)

    assert output_cost(**arguments, at=may) == Decimal("0.005")  # 1000 x 5


@pytest.mark.usefixtures("own_prices")
def test_the_rate_is_that_of_the_time_of_the_call() -> None:
    assert output_cost(prompt="Hello", at=datetime(2026, 7, 1, tzinfo=UTC)) == Decimal("0.007")


@pytest.mark.usefixtures("own_prices")
def test_tools_count() -> None:
    messages = [{"role": "user", "content": "Hello"}]
    tool = {"type": "function", "function": {"name": "weather", "description": "The weather in a city. " * 20}}

    bare = forecast.estimate(provider="acme", model="one", messages=messages)
    armed = forecast.estimate(provider="acme", model="one", messages=messages, tools=[tool])

    assert armed.input.expected > bare.input.expected + 80  # 20 sentences of five words


@pytest.mark.usefixtures("own_prices")
def test_the_book_is_loaded_once_however_many_threads_ask(monkeypatch: pytest.MonkeyPatch) -> None:
    loaded: list[Path | None] = []

    def load(path: Path | None) -> Book:
        loaded.append(path)
        return load_book(path)

    def ask(_turn: int) -> Decimal | None:
        return output_cost(prompt="Hello")

    monkeypatch.setattr(forecast, "load_book", load)
    with ThreadPoolExecutor(8) as threads:
        costs = list(threads.map(ask, range(16)))

    assert set(costs) == {Decimal("0.007")}
    assert len(loaded) == 1


def test_an_estimator_of_one_s_own_is_used() -> None:
    mine = Estimator(load_book())

    with pytest.raises(UnknownModelError, match="acme"):
        forecast.estimate(provider="acme", model="one", prompt="Hello", estimator=mine)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "got 0 of prompt, messages and request"),
        ({"prompt": "a", "messages": []}, "got 2 of prompt, messages and request"),
        ({"prompt": "a", "tools": []}, "tools go with messages"),
        ({"prompt": "a", "at": datetime(2026, 1, 1)}, "has no time zone"),  # noqa: DTZ001
        ({"prompt": "a", "at": "2026-01-01"}, "at='2026-01-01' is no time; give a datetime"),
    ],
)
def test_a_question_that_is_none_is_refused(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        forecast.estimate(provider="acme", model="one", **arguments)


def test_estimates_learn_from_the_calls_that_follow_them(provider: Provider, telemetry: Telemetry) -> None:
    question = "Which of the kettles in our spring catalogue are quiet enough for an open office? " * 3

    def ask() -> int:
        found = spancost.estimate(provider="openai", model="gpt-5", prompt=question, max_tokens=50)
        DRIVERS["openai"](provider).ask()
        return found.input.expected

    spancost.instrument("openai", tracer_provider=telemetry.tracer_provider)
    try:
        expected = [ask() for _ in range(12)]
    finally:
        spancost.uninstrument()

    # The provider reports 100 tokens each time; the text alone looks like fewer.
    assert expected[0] < 80
    assert expected[-1] == 100


def test_a_call_of_another_model_teaches_nothing(provider: Provider, telemetry: Telemetry) -> None:
    question = "Which of the kettles in our spring catalogue are quiet enough for an open office? " * 3
    spancost.instrument("openai", tracer_provider=telemetry.tracer_provider)
    try:
        for _ in range(12):
            first = spancost.estimate(provider="openai", model="gpt-5-nano", prompt=question, max_tokens=50)
            DRIVERS["openai"](provider).ask()
    finally:
        spancost.uninstrument()

    again = spancost.estimate(provider="openai", model="gpt-5-nano", prompt=question, max_tokens=50)
    assert again.input == first.input  # pyright: ignore[reportPossiblyUnboundVariable]
