"""Totals are taken apart so that every token is charged exactly once."""

from __future__ import annotations

import pytest

from spancost_pricing import Usage, UsageError, split
from spancost_pricing.split import shares


def test_cached_tokens_are_not_charged_twice():
    usage = Usage(input_tokens=3504, cache_read_tokens=2000, cache_write_tokens=1000, output_tokens=97)

    assert split(usage) == {"input": 504, "cache_read": 2000, "cache_write_5m": 1000, "output": 97}


def test_one_hour_writes_are_a_part_of_all_writes():
    usage = Usage(input_tokens=3504, cache_write_tokens=1000, cache_write_1h_tokens=400)

    assert split(usage) == {"input": 2504, "cache_write_5m": 600, "cache_write_1h": 400}


def test_reasoning_is_inside_the_output_total():
    assert split(Usage(output_tokens=5000, reasoning_tokens=4000)) == {"output": 1000, "reasoning": 4000}


def test_cached_audio_is_counted_as_cached_and_not_as_audio():
    usage = Usage(input_tokens=100, cache_read_tokens=60, input_audio_tokens=70, cache_read_audio_tokens=50)

    assert split(usage) == {"input": 20, "cache_read": 60, "input_audio": 20}
    assert dict(shares(usage)) == {"input": 20, "cache_read": 10, "cache_read_audio": 50, "input_audio": 20}


def test_an_unreported_overlap_of_cache_and_audio_is_the_least_that_fits():
    usage = Usage(input_tokens=100, cache_read_tokens=80, input_audio_tokens=60)

    assert dict(shares(usage)) == {"cache_read": 40, "cache_read_audio": 40, "input_audio": 20}


def test_a_reported_absence_of_overlap_is_believed_and_contradicts():
    usage = Usage(input_tokens=100, cache_read_tokens=80, input_audio_tokens=60, cache_read_audio_tokens=0)

    with pytest.raises(UsageError, match="together is 140, more than the 100 input_tokens"):
        split(usage)


def test_output_modalities_are_disjoint():
    usage = Usage(output_tokens=1300, reasoning_tokens=100, output_audio_tokens=80, output_image_tokens=1120)

    assert split(usage) == {"reasoning": 100, "output_audio": 80, "output_image": 1120}


def test_nothing_reported_and_zero_reported_both_have_no_classes():
    assert split(Usage()) == {}
    assert split(Usage(input_tokens=0, output_tokens=0, cache_read_tokens=0)) == {}


@pytest.mark.parametrize(
    ("usage", "message"),
    [
        (Usage(input_tokens=100, cache_read_tokens=5000), "cache_read_tokens is 5000, more than the 100 input_tokens"),
        (
            Usage(input_tokens=9, cache_read_tokens=6, cache_write_tokens=6),
            "together is 12, more than the 9 input_tokens",
        ),
        (Usage(output_tokens=5, reasoning_tokens=50), "reasoning_tokens is 50, more than the 5 output_tokens"),
        (
            Usage(output_tokens=5, reasoning_tokens=4, output_audio_tokens=4),
            "together is 8, more than the 5 output_tokens",
        ),
        (Usage(input_tokens=9, cache_write_1h_tokens=1), "cache_write_1h_tokens is 1, more than the 0 cache_write"),
        (Usage(cache_read_tokens=7), "cache_read_tokens is 7, more than the 0 input_tokens"),
    ],
)
def test_a_part_larger_than_its_whole_is_refused_and_never_clamped(usage: Usage, message: str):
    with pytest.raises(UsageError, match=message) as caught:
        split(usage)
    assert caught.value.reason == "part_exceeds_whole"


@pytest.mark.parametrize(
    "usage",
    [Usage(input_tokens=-1), Usage(output_tokens=-1), Usage(input_tokens=5, cache_read_tokens=-1)],
)
def test_negative_tokens_are_refused(usage: Usage):
    with pytest.raises(UsageError, match="cannot be negative") as caught:
        split(usage)
    assert caught.value.reason == "negative_quantity"
