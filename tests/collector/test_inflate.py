"""Packed requests: what they say is read, and a bomb is refused before it goes off."""

from __future__ import annotations

import gzip
import sys
import tracemalloc
import zlib

import pytest

from spancost_collector.intake.inflate import ENCODINGS, BadPackingError, TooLargeError, inflate

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

MEBIBYTE = 1024 * 1024
TEXT = b"".join(n.to_bytes(4, "big") for n in range(500_000))  # two megabytes that pack badly
PACKED = {"gzip": gzip.compress(TEXT, 1), "deflate": zlib.compress(TEXT, 1), "zstd": zstd.compress(TEXT)}


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_what_was_packed_comes_out(encoding: str) -> None:
    assert inflate(encoding, PACKED[encoding], len(TEXT)) == TEXT


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_one_byte_more_than_allowed_is_too_much(encoding: str) -> None:
    with pytest.raises(TooLargeError, match="more than 1999999 bytes"):
        inflate(encoding, PACKED[encoding], 1_999_999)


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_frames_that_follow_one_another_are_one_body(encoding: str) -> None:
    assert inflate(encoding, PACKED[encoding] * 2, 2 * len(TEXT)) == TEXT * 2


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_frames_without_an_end_are_refused(encoding: str) -> None:
    empty = {"gzip": gzip.compress, "deflate": zlib.compress, "zstd": zstd.compress}[encoding](b"")

    assert inflate(encoding, empty * 10_000, 0) == b""
    with pytest.raises(BadPackingError, match=f"^{encoding}: more than 10000 frames$"):
        inflate(encoding, empty * 10_001, 0)


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_what_ends_in_the_middle_is_refused(encoding: str) -> None:
    with pytest.raises(BadPackingError, match="ends in the middle"):
        inflate(encoding, PACKED[encoding][:-5], 4 * MEBIBYTE)


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_what_is_not_packed_is_refused(encoding: str) -> None:
    with pytest.raises(BadPackingError, match=f"^{encoding}: "):
        inflate(encoding, b"\x0a\x00 plain protobuf", MEBIBYTE)


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_nothing_packed_is_nothing(encoding: str) -> None:
    assert inflate(encoding, b"", 1) == b""


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_a_bomb_does_not_go_off(encoding: str) -> None:
    zeros = b"\0" * (64 * MEBIBYTE)
    bomb = {"gzip": gzip.compress, "deflate": zlib.compress, "zstd": zstd.compress}[encoding](zeros)
    tracemalloc.start()
    try:
        with pytest.raises(TooLargeError):
            inflate(encoding, bomb, MEBIBYTE)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert peak < 8 * MEBIBYTE


def test_a_zstd_frame_that_asks_for_a_gigabyte_of_window_is_refused() -> None:
    options: dict[int, int] = {
        zstd.CompressionParameter.window_log: 30,
        zstd.CompressionParameter.enable_long_distance_matching: 1,
    }
    compressor = zstd.ZstdCompressor(options=options)
    frame = compressor.compress(b"x" * 1000) + compressor.flush()

    with pytest.raises(BadPackingError, match="zstd"):
        inflate("zstd", frame, MEBIBYTE)
