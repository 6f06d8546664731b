"""How what a call used becomes the attributes of its span."""

from __future__ import annotations

from decimal import Decimal

from spancost.wire import answered, in_order, summed, used


def test_every_figure_has_its_attribute() -> None:
    assert used(
        input_tokens=1,
        cache_read_tokens=2,
        cache_write_tokens=3,
        cache_write_1h_tokens=4,
        input_audio_tokens=5,
        input_image_tokens=6,
        cache_read_audio_tokens=7,
        cache_read_image_tokens=8,
        output_tokens=9,
        reasoning_tokens=10,
        output_audio_tokens=11,
        output_image_tokens=12,
        units={"web_search": 13, "second": Decimal("1.5")},
        estimated=True,
    ) == {
        "gen_ai.usage.input_tokens": 1,
        "gen_ai.usage.cache_read.input_tokens": 2,
        "gen_ai.usage.cache_write.input_tokens": 3,
        "spancost.usage.cache_write_1h.input_tokens": 4,
        "gen_ai.usage.audio.input_tokens": 5,
        "gen_ai.usage.image.input_tokens": 6,
        "gen_ai.usage.audio.cache_read.input_tokens": 7,
        "gen_ai.usage.image.cache_read.input_tokens": 8,
        "gen_ai.usage.output_tokens": 9,
        "gen_ai.usage.reasoning.output_tokens": 10,
        "gen_ai.usage.audio.output_tokens": 11,
        "gen_ai.usage.image.output_tokens": 12,
        "spancost.usage.web_searches": 13,
        "spancost.usage.seconds": 1.5,
        "spancost.usage.estimated": True,
    }


def test_a_reported_zero_is_written_and_what_nobody_reported_is_not() -> None:
    assert used(input_tokens=0, output_tokens=None, units={"image": 0}) == {
        "gen_ai.usage.input_tokens": 0,
        "spancost.usage.images": 0,
    }


def test_an_answer_has_what_was_said_and_nothing_else() -> None:
    said = answered(model="m", finish_reasons=("stop",), service_tier="flex", attributes={"spancost.speed": "fast"})
    assert said.attributes == {
        "gen_ai.response.model": "m",
        "gen_ai.response.finish_reasons": ("stop",),
        "spancost.service_tier": "flex",
        "spancost.speed": "fast",
    }
    assert answered().attributes == {}


def test_sums_keep_what_only_some_calls_reported() -> None:
    calls = [used(input_tokens=3), used(input_tokens=0, output_tokens=2), used(units={"web_search": 1})]
    assert summed(calls) == {
        "gen_ai.usage.input_tokens": 3,
        "gen_ai.usage.output_tokens": 2,
        "spancost.usage.web_searches": 1,
    }


def test_choices_that_end_out_of_order_are_told_in_theirs() -> None:
    assert in_order({2: "length", 0: "stop"}) == ("stop", "length")
    assert in_order({1: "stop"}) == ("stop",)
