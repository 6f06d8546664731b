"""An estimate's money: three hypothetical calls priced by hand, and the cases that have no upper bound.

Token counts come from a tokenizer of one token to a character, so that the sums can be done in the head.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any, cast

import pytest

from spancost_pricing import ConfigError, Route, UnknownModelError
from spancost_pricing import estimate as estimating
from spancost_pricing.calibration import Calibration
from spancost_pricing.estimate import Estimator, Output

if TYPE_CHECKING:
    from collections.abc import Callable

    from spancost_pricing.estimate import Estimate

    from .conftest import BookOf

NOON = 1_795_176_000_000_000_000  # 2026-11-20T12:00:00Z
PRICES = """
version: 1
prices:
  - provider: openai
    model: gpt-5
    input_per_mtok: "1.25"
    cache_read_per_mtok: "0.125"
    output_per_mtok: "10"
    web_search_per_thousand: "10"
  - provider: openai
    model: gpt-tall
    input_per_mtok: "1"
    cache_read_per_mtok: "0.1"
    output_per_mtok: "2"
    steps:
      - {over: 1000, input_per_mtok: "2", cache_read_per_mtok: "0.2", output_per_mtok: "4"}
  - provider: anthropic
    model: claude-sonnet-4-5
    input_per_mtok: "3"
    cache_read_per_mtok: "0.3"
    cache_write_per_mtok: "3.75"
    cache_write_1h_per_mtok: "6"
    output_per_mtok: "15"
    web_search_per_thousand: "10"
  - {provider: x-ai, model: grok-4, input_per_mtok: "3", output_per_mtok: "15"}
  - {provider: acme, model: plain, input_per_mtok: "1", output_per_mtok: "2"}
  - {provider: acme, model: embed-1, input_per_mtok: "1"}
  - {provider: openai, model: gpt-5-audio, input_per_mtok: "1.25", output_per_mtok: "10", output_audio_per_mtok: "80"}
  - {provider: acme, model: painter, input_per_mtok: "1", output_per_mtok: "2", output_image_per_mtok: "30"}
multipliers:
  - {provider: openai, model: "*", service_tier: batch, factor: "0.5", applies_to: tokens}
  - {provider: openai, model: "*", service_tier: priority, factor: "2", applies_to: tokens}
  - {provider: anthropic, model: "*", region: us, factor: "1.1"}
"""
GPT = Route("openai", "gpt-5")
CLAUDE = Route("anthropic", "claude-sonnet-4-5")


@pytest.fixture
def estimator(book_of: BookOf, monkeypatch: pytest.MonkeyPatch) -> Estimator:
    def one_to_a_character(_model: str) -> Callable[[str], int]:
        return len

    monkeypatch.setattr(estimating, "exact_counter", one_to_a_character)
    return Estimator(book_of(PRICES))


def money(found: Estimate) -> tuple[Decimal | None, Decimal | None, Decimal | None]:
    return (
        found.lower.usd,
        None if found.expected is None else found.expected.usd,
        None if found.upper is None else found.upper.usd,
    )


def test_the_bounds_are_a_cached_silent_call_and_a_full_one(estimator: Estimator) -> None:
    found = estimator.estimate(GPT, "x" * 1000, at_ns=NOON, max_output_tokens=200, expected_output_tokens=50)

    # OpenAI wraps a one-message request in 0 to 28 tokens, 7 most likely.
    assert found.input == (1000, 1007, 1028)
    assert money(found) == (
        Decimal("0.000125"),  # 1000 x 0.125
        Decimal("0.00175875"),  # 1007 x 1.25 + 50 x 10
        Decimal("0.003285"),  # 1028 x 1.25 + 200 x 10
    )
    assert found.exact
    assert not found.unbounded


def test_every_choice_may_reach_the_limit_and_the_input_is_paid_once(estimator: Estimator) -> None:
    found = estimator.estimate(GPT, "x" * 1000, at_ns=NOON, max_output_tokens=200, choices=3)

    assert money(found)[2] == Decimal("0.007285")  # 1028 x 1.25 + 600 x 10


def test_a_usual_answer_longer_than_the_limit_is_expected_to_reach_the_limit(estimator: Estimator) -> None:
    found = estimator.estimate(GPT, "Hi", at_ns=NOON, max_output_tokens=200, expected_output_tokens=900)

    assert found.output.expected == 200


def test_without_a_limit_there_is_no_upper_bound_and_no_expectation(estimator: Estimator) -> None:
    found = estimator.estimate(GPT, "x" * 1000, at_ns=NOON)

    assert money(found) == (Decimal("0.000125"), None, None)
    assert found.unbounded
    assert found.open_ended == ("nothing limits the answer; give max_output_tokens (--max-tokens)",)


def test_the_limit_and_the_choices_of_a_request_body_count(estimator: Estimator) -> None:
    body = {
        "model": "gpt-5",
        "messages": [{"role": "user", "content": "x" * 1000}],
        "max_completion_tokens": 100,
        "n": 2,
    }

    found = estimator.estimate(GPT, body, at_ns=NOON)

    assert money(found)[2] == Decimal("0.003285")  # 1028 x 1.25 + 200 x 10


@pytest.mark.parametrize(
    "body",
    [
        pytest.param({"contents": "hi", "generationConfig": {"maxOutputTokens": 77}}, id="gemini over http"),
        pytest.param({"contents": "hi", "config": {"max_output_tokens": 77}}, id="gemini sdk"),
        pytest.param({"contents": "hi", "config": {"maxOutputTokens": 77}}, id="gemini sdk, as sent"),
        pytest.param(
            {"contents": "hi", "generation_config": {"max_output_tokens": 77}}, id="gemini, in protobuf's words"
        ),
        pytest.param({"messages": [], "inferenceConfig": {"maxTokens": 77}}, id="bedrock converse"),
        pytest.param({"input": "hi", "max_output_tokens": 77}, id="openai responses"),
        pytest.param({"messages": [], "max_tokens": 77}, id="anthropic"),
    ],
)
def test_every_provider_s_way_to_limit_the_answer_is_known(estimator: Estimator, body: dict[str, Any]) -> None:
    assert estimator.estimate(Route("acme", "plain"), body, at_ns=NOON).output.upper == 77


@pytest.mark.parametrize(
    "body",
    [
        pytest.param({"prompt": "hi", "n": 1, "best_of": 3}, id="openai completions"),
        pytest.param({"prompt": ["hi", "ho", "ha"]}, id="several prompts"),
        pytest.param({"contents": "hi", "generationConfig": {"candidateCount": 3}}, id="gemini over http"),
        pytest.param({"contents": "hi", "generation_config": {"candidate_count": 3}}, id="gemini, in protobuf's words"),
        pytest.param({"contents": "hi", "config": {"candidateCount": 3}}, id="gemini sdk"),
    ],
)
def test_every_answer_that_is_billed_may_reach_the_limit(estimator: Estimator, body: dict[str, Any]) -> None:
    assert estimator.estimate(Route("acme", "plain"), body, at_ns=NOON, max_output_tokens=100).output.upper == 300


@pytest.mark.parametrize("modalities", [{"modalities": ["text", "audio"]}, {"modalities": ["AUDIO"]}])
def test_an_answer_that_may_be_spoken_may_cost_what_speech_does(
    estimator: Estimator, modalities: dict[str, Any]
) -> None:
    body = {"input": "x" * 1000, "max_output_tokens": 200, **modalities}

    found = estimator.estimate(Route("openai", "gpt-5-audio"), body, at_ns=NOON)
    silent = estimator.estimate(GPT, body, at_ns=NOON)

    assert money(found)[2] == Decimal("0.017285")  # 1028 x 1.25 + 200 x 80
    assert silent.open_ended == ("no rate for output_audio, so no total is an upper bound",)


@pytest.mark.parametrize(
    ("asked", "upper"),
    [
        ({}, "0.003023"),  # 23 x 1 + 100 x 30
        ({"generationConfig": {"responseModalities": ["TEXT", "IMAGE"]}}, "0.003023"),
        ({"config": {"response_modalities": ["TEXT"]}}, "0.000223"),  # 23 x 1 + 100 x 2
    ],
)
def test_a_model_that_draws_does_so_unless_only_text_is_asked_for(
    book_of: BookOf, asked: dict[str, Any], upper: str
) -> None:
    book = book_of(PRICES.replace("model: painter", "model: gemini-painter"))

    found = Estimator(book).estimate(
        Route("acme", "gemini-painter"), {"contents": "x", **asked}, at_ns=NOON, max_output_tokens=100, cache="off"
    )

    # Gemini wraps one letter in 0 to 22 tokens.
    assert found.input.upper == 23
    assert money(found)[2] == Decimal(upper)


def test_an_embedding_has_no_answer_and_so_an_upper_bound(estimator: Estimator) -> None:
    found = estimator.estimate(Route("acme", "embed-1"), {"input": ["x" * 100]}, at_ns=NOON, cache="off")

    assert found.output == (Output(0, 0))
    assert found.upper is not None
    assert found.upper.total_pico == found.input.upper * 1_000_000


def test_what_searches_bring_in_is_no_limit_of_other_tools(estimator: Estimator) -> None:
    tools = [{"type": "web_search"}, {"type": "image_generation"}]
    body = {"input": "Hi", "max_output_tokens": 10, "tools": tools}

    found = estimator.estimate(GPT, body, at_ns=NOON, max_searches=1, max_tool_input_tokens=0)

    assert found.open_ended == ("image_generation runs at the provider, and what it finds is read as input",)


def test_what_the_caller_says_goes_before_what_the_body_says(estimator: Estimator) -> None:
    found = estimator.estimate(GPT, {"input": "hi", "max_output_tokens": 77}, at_ns=NOON, max_output_tokens=5)

    assert found.output.upper == 5


def test_a_context_tier_switches_with_the_upper_input_bound(book_of: BookOf) -> None:
    words = {"input": "a " * 900, "max_output_tokens": 10}

    found = Estimator(book_of(PRICES)).estimate(Route("openai", "gpt-tall"), words, at_ns=NOON)

    assert found.input.lower <= 1000 < found.input.upper
    assert found.upper is not None
    assert {item.unit: item.rate.pico for item in found.upper.items} == {"input": 2_000_000, "output": 4_000_000}
    assert {item.unit: item.rate.pico for item in found.lower.items} == {"cache_read": 100_000}


def test_a_larger_request_on_a_cheaper_step_is_within_the_bounds(book_of: BookOf, estimator: Estimator) -> None:
    mine = """
version: 1
prices:
  - provider: openai
    model: gpt-5
    input_per_mtok: "1"
    output_per_mtok: "2"
    steps: [{over: 1010, input_per_mtok: "0.1", output_per_mtok: "0.2"}]
"""
    cheap_above = Estimator(book_of(mine))

    found = cheap_above.estimate(GPT, "x" * 1000, at_ns=NOON, max_output_tokens=200)

    assert found.input == (1000, 1007, 1028)
    assert money(found) == (
        Decimal("0.0001011"),  # 1011 x 0.1
        Decimal("0.001407"),  # 1007 x 1 + 200 x 2
        Decimal("0.00141"),  # 1010 x 1 + 200 x 2
    )
    without_limit = cheap_above.estimate(GPT, "x" * 900, at_ns=NOON)
    assert without_limit.lower.usd == Decimal("0.0000900") + Decimal("0.0000111")  # nothing says 1011 are too many


def test_thinking_and_cached_input_that_cost_more_are_within_the_upper_bound(
    book_of: BookOf, estimator: Estimator
) -> None:
    mine = """
version: 1
prices:
  - {provider: openai, model: gpt-5, input_per_mtok: "1", output_per_mtok: "2", reasoning_per_mtok: "8"}
  - {provider: openai, model: gpt-5-odd, input_per_mtok: "1", cache_read_per_mtok: "3", cache_write_per_mtok: "0.5"}
  - {provider: openai, model: gpt-5-odd, output_per_mtok: "2", valid_from: 2026-01-01}
"""
    book = Estimator(book_of(mine))

    thinking = book.estimate(GPT, "x" * 1000, at_ns=NOON, max_output_tokens=200)
    cached = book.estimate(Route("openai", "gpt-5-odd"), "x" * 1000, at_ns=NOON, max_output_tokens=200)

    assert money(thinking)[2] == Decimal("0.002628")  # 1028 x 1 + 200 x 8
    assert money(cached)[::2] == (Decimal("0.0005"), Decimal("0.003484"))  # 1000 x 0.5; 1028 x 3 + 200 x 2


def test_the_tier_of_the_route_prices_all_three(estimator: Estimator) -> None:
    batch = Route("openai", "gpt-5", service_tier="batch")

    found = estimator.estimate(batch, "x" * 1000, at_ns=NOON, max_output_tokens=200, expected_output_tokens=50)

    assert money(found) == (Decimal("0.0000625"), Decimal("0.000879375"), Decimal("0.0016425"))


def test_the_tier_that_a_request_asks_for_is_within_the_bounds(estimator: Estimator) -> None:
    body = {"input": "x" * 1000, "max_output_tokens": 200, "service_tier": "priority"}

    found = estimator.estimate(GPT, body, at_ns=NOON, expected_output_tokens=50)

    # Twice the price where it is served as asked; the price where it is not.
    assert money(found) == (Decimal("0.000125"), Decimal("0.0035175"), Decimal("0.00657"))
    assert "the provider may serve other terms than the request asks for: bounds are for both" in found.assumptions


@pytest.mark.parametrize(
    ("tier", "upper"), [("auto", "0.003285"), ("default", "0.003285"), ("batch", "0.003285"), ("priority", "0.00657")]
)
def test_a_cheaper_tier_that_a_request_asks_for_is_no_upper_bound(estimator: Estimator, tier: str, upper: str) -> None:
    body = {"input": "x" * 1000, "max_output_tokens": 200, "service_tier": tier}

    assert money(estimator.estimate(GPT, body, at_ns=NOON))[2] == Decimal(upper)


def test_a_tier_that_the_caller_says_goes_before_that_of_the_request(estimator: Estimator) -> None:
    body = {"input": "x" * 1000, "max_output_tokens": 200, "service_tier": "priority"}

    found = estimator.estimate(GPT._replace(service_tier="standard"), body, at_ns=NOON)

    assert money(found)[2] == Decimal("0.003285")


def test_the_geography_that_a_request_asks_for_is_within_the_bounds(estimator: Estimator) -> None:
    body = {"messages": [{"role": "user", "content": "hi"}], "max_tokens": 1000, "inference_geo": "us"}

    found = estimator.estimate(CLAUDE, body, at_ns=NOON)

    assert found.upper is not None
    assert {item.unit: item.rate.pico for item in found.upper.items} == {"input": 3_300_000, "output": 16_500_000}


@pytest.mark.parametrize(
    ("mark", "rate"),
    [
        pytest.param(None, 3_000_000, id="not asked for"),
        pytest.param({"type": "ephemeral"}, 3_750_000, id="five minutes"),
        pytest.param({"type": "ephemeral", "ttl": "1h"}, 6_000_000, id="an hour"),
    ],
)
def test_a_cache_write_counts_where_the_request_asks_for_it(
    estimator: Estimator, mark: dict[str, str] | None, rate: int
) -> None:
    part = {"type": "text", "text": "Hello there.", "cache_control": mark}
    body = {"messages": [{"role": "user", "content": [part]}], "max_tokens": 10}

    found = estimator.estimate(CLAUDE, body, at_ns=NOON)

    assert found.upper is not None
    assert found.upper.items[0].rate.pico == rate


def test_a_plain_text_may_be_written_to_the_cache_unless_it_is_said_not_to(estimator: Estimator) -> None:
    either = estimator.estimate(CLAUDE, "Hello there.", at_ns=NOON, max_output_tokens=10)
    never = estimator.estimate(CLAUDE, "Hello there.", at_ns=NOON, max_output_tokens=10, cache="off")

    assert either.upper is not None
    assert never.upper is not None
    assert either.upper.items[0].unit == "cache_write_5m"
    assert "at most: the whole input is written to the prompt cache, which is dearer" in either.assumptions
    assert never.upper.items[0].unit == "input"


def test_the_lower_bound_does_not_invent_a_cache_discount(estimator: Estimator) -> None:
    found = estimator.estimate(Route("acme", "plain"), "Hello there, my friend.", at_ns=NOON, max_output_tokens=10)

    assert found.lower.total_pico == found.input.lower * 1_000_000


SEARCH = {"type": "web_search_20250305", "name": "web_search"}


def test_a_search_makes_the_call_unbounded_until_its_uses_and_its_findings_are_limited(estimator: Estimator) -> None:
    body: dict[str, Any] = {"messages": [{"role": "user", "content": "Hi"}], "max_tokens": 10, "tools": [SEARCH]}
    limited = {**body, "tools": [{**SEARCH, "max_uses": 3}]}

    assert len(estimator.estimate(CLAUDE, body, at_ns=NOON).open_ended) == 2
    assert len(estimator.estimate(CLAUDE, limited, at_ns=NOON).open_ended) == 1
    found = estimator.estimate(CLAUDE, limited, at_ns=NOON, max_tool_input_tokens=5000)
    bare = estimator.estimate(CLAUDE, limited, at_ns=NOON, max_tool_input_tokens=0)

    assert found.upper is not None
    assert bare.upper is not None
    assert found.upper.items[-1].unit == "web_search"
    assert found.upper.items[-1].amount_pico == 30_000_000_000  # 3 x $0.01
    assert found.upper.usd == (bare.upper.usd or 0) + Decimal("0.015")  # 5000 x 3


def test_less_than_no_searches_is_no_limit(estimator: Estimator) -> None:
    body = {"messages": [], "max_tokens": 10, "tools": [{**SEARCH, "max_uses": -3}]}

    found = estimator.estimate(CLAUDE, body, at_ns=NOON, max_tool_input_tokens=0)

    assert found.open_ended == ("nothing limits how often web_search runs; give max_searches (--max-searches)",)


def test_a_fee_without_a_rate_leaves_no_upper_bound(estimator: Estimator) -> None:
    body = {"input": "Hi", "max_output_tokens": 10, "tools": [{"type": "web_search"}]}

    found = estimator.estimate(Route("acme", "plain"), body, at_ns=NOON, max_searches=1, max_tool_input_tokens=0)

    assert found.unbounded
    assert found.open_ended == ("no rate for web_search, so no total is an upper bound",)


def test_reasoning_outside_the_limit_is_unbounded(estimator: Estimator) -> None:
    grok = Route("x-ai", "grok-4")

    chat = estimator.estimate(grok, {"messages": [], "max_tokens": 10}, at_ns=NOON)
    responses = estimator.estimate(grok, {"input": "Hi", "max_output_tokens": 10}, at_ns=NOON)

    assert chat.open_ended == ("x-ai bills reasoning on top of the tokens that the limit is for",)
    assert not responses.unbounded


@pytest.mark.parametrize(
    "route", [Route("xAI", "grok-4"), Route("xai.chat", "grok-4"), Route("litellm", "xai/grok-4")], ids=lambda r: r[0]
)
def test_reasoning_outside_the_limit_is_unbounded_however_the_provider_is_spelt(
    estimator: Estimator, route: Route
) -> None:
    chat = estimator.estimate(route, {"messages": [], "max_tokens": 10}, at_ns=NOON)

    assert chat.unbounded


def test_nobody_s_model_is_an_error_that_says_what_to_do(estimator: Estimator) -> None:
    with pytest.raises(UnknownModelError, match=r"openai gpt-99: .*add it to your prices\.yaml"):
        estimator.estimate(Route("openai", "gpt-99"), "Hi", at_ns=NOON)


@pytest.mark.parametrize("name", ["expected_output_tokens", "max_searches", "max_tool_input_tokens", "choices"])
def test_a_negative_figure_is_refused_by_name(estimator: Estimator, name: str) -> None:
    figures: dict[str, Any] = {name: -1}

    with pytest.raises(ConfigError, match=f"{name}: got -1"):
        estimator.estimate(GPT, "Hi", at_ns=NOON, **figures)


@pytest.mark.parametrize(
    ("route", "said"),
    [
        (Route("openai", cast("Any", 5)), "model: got 5; expected text"),
        (Route(cast("Any", None), "gpt-5"), "provider: got None; expected text"),
        (Route("openai", "gpt-5", service_tier=cast("Any", 5)), "service_tier: got 5; expected text"),
    ],
)
def test_a_route_that_is_no_text_is_refused_by_name(estimator: Estimator, route: Route, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        estimator.estimate(route, "Hi", at_ns=NOON)


def test_a_lifetime_that_no_cache_has_is_refused(estimator: Estimator) -> None:
    with pytest.raises(ConfigError, match="cache: got '2h'; expected one of auto, off, 5m, 1h"):
        estimator.estimate(GPT, "Hi", at_ns=NOON, cache=cast("Any", "2h"))


def test_a_limit_beyond_any_amount_is_no_matter_of_prices(estimator: Estimator) -> None:
    with pytest.raises(ConfigError, match="do not fit in 64 bits; expected limits that a call can reach"):
        estimator.estimate(GPT, "Hi", at_ns=NOON, max_output_tokens=10**24)


@pytest.mark.parametrize("limit", [0, -1, True])
def test_a_limit_that_is_none_is_refused(estimator: Estimator, limit: int) -> None:
    with pytest.raises(ConfigError, match="max_output_tokens: got"):
        estimator.estimate(GPT, "Hi", at_ns=NOON, max_output_tokens=limit)


def test_past_calls_sharpen_the_next_estimate(book_of: BookOf) -> None:
    calibration = Calibration()
    for _ in range(20):
        calibration.observe("openai", "gpt-5", expected_input=1000, input_tokens=800, output_tokens=40)
    plain = Estimator(book_of(PRICES)).estimate(GPT, "word " * 1000, at_ns=NOON, max_output_tokens=500)

    sharp = Estimator(book_of(PRICES), calibration=calibration).estimate(
        GPT, "word " * 1000, at_ns=NOON, max_output_tokens=500
    )

    assert sharp.uncalibrated == plain.input.expected
    assert sharp.input.expected == round(plain.input.expected * 0.8)
    assert sharp.input.upper < plain.input.upper
    assert (sharp.output.expected, sharp.output.upper) == (40, 500)
