"""Packed requests, unpacked no further than a request may be: what would be larger is refused on the way."""

from __future__ import annotations

import sys
import zlib
from typing import TYPE_CHECKING, Final, Protocol

from spancost_pricing import SpancostError

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_PIECE_BYTES: Final = 64 * 1024
_STEP_BYTES: Final = 1024 * 1024
_GZIP: Final = 16 + zlib.MAX_WBITS
_LARGEST_WINDOW_LOG: Final = 27
"""A zstd frame may ask for a window of gigabytes; 128 MiB is what `zstd` itself allows without being told."""
_MOST_FRAMES: Final = 10_000
"""An empty frame has nine bytes, and a request of nothing else would keep a core busy for minutes."""


class TooLargeError(SpancostError):
    """More than is accepted."""


class BadPackingError(SpancostError):
    """The bytes are not what the content encoding says."""


class _Decompressor(Protocol):
    """Unpacks one frame, no more of it at a time than is asked for."""

    @property
    def eof(self) -> bool: ...
    @property
    def needs_input(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: bytes, max_length: int) -> bytes: ...


class _Zlib:
    """zlib's object in the manner of the others: it keeps what it has not got to yet."""

    def __init__(self, wbits: int) -> None:
        self._inner = zlib.decompressobj(wbits)

    @property
    def eof(self) -> bool:
        return self._inner.eof

    @property
    def needs_input(self) -> bool:
        return not self._inner.unconsumed_tail

    @property
    def unused_data(self) -> bytes:
        return self._inner.unused_data

    def decompress(self, data: bytes, max_length: int) -> bytes:
        return self._inner.decompress(self._inner.unconsumed_tail + data, max_length)


def _zstd() -> _Decompressor:
    return zstd.ZstdDecompressor(options={zstd.DecompressionParameter.window_log_max: _LARGEST_WINDOW_LOG})


_PACKINGS: Final[Mapping[str, Callable[[], _Decompressor]]] = {
    "gzip": lambda: _Zlib(_GZIP),
    "deflate": lambda: _Zlib(zlib.MAX_WBITS),
    "zstd": _zstd,
}
ENCODINGS: Final = tuple(_PACKINGS)
"""The content encodings that are understood, beside none."""


def inflate(encoding: str, body: bytes, max_bytes: int) -> bytes:
    """Unpack `body`, which may consist of several frames.

    Raises:
        TooLargeError: it would be more than `max_bytes`; that much was unpacked at most.
        BadPackingError: it is not `encoding`, ends in the middle, or is of too many frames.
    """
    found = bytearray()
    frame: _Decompressor | None = None
    frames = 0
    offset = 0
    try:
        while frame is not None or offset < len(body):
            frame = frame or _PACKINGS[encoding]()
            piece = body[offset : offset + _PIECE_BYTES] if frame.needs_input else b""
            if frame.needs_input and not piece:
                raise BadPackingError(f"{encoding}: ends in the middle")
            offset += len(piece)
            found += frame.decompress(piece, min(_STEP_BYTES, max_bytes + 1 - len(found)))
            if len(found) > max_bytes:
                raise TooLargeError(f"more than {max_bytes} bytes when unpacked")
            if frame.eof:
                offset -= len(frame.unused_data)
                frame = None
                frames += 1
                if frames > _MOST_FRAMES:
                    raise BadPackingError(f"{encoding}: more than {_MOST_FRAMES} frames")
    except (zlib.error, zstd.ZstdError) as error:
        raise BadPackingError(f"{encoding}: {error}") from error
    return bytes(found)
