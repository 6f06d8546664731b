"""Trace requests from a file, in any of the forms in which tools write them.

OTLP/JSON as one request, one a line, or several after each other; protobuf as one request, several after each other
(which is one longer request), or each behind its length in four bytes, as the Collector's file exporter writes them.
A last line of JSON that is still being written is left out, and said. What coding agents say of their calls in logs and
metrics is read from OTLP/JSON as well. A byte order mark, which some systems begin every text with, says nothing.
"""

from __future__ import annotations

import json
from codecs import BOM_UTF8
from typing import TYPE_CHECKING, Final, cast

from spancost_collector.agents.events import calls_in_logs
from spancost_collector.agents.points import calls_in_metrics
from spancost_collector.intake.otlp_json import BadJsonError, Converted, convert
from spancost_collector.intake.otlp_json_records import convert_logs, convert_metrics
from spancost_collector.reading.decode import Export, MalformedRequestError
from spancost_pricing import ConfigError
from spancost_pricing.errors import unreadable

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_LENGTH: Final = 4
_JSON_BEGINS: Final = (b"{", b"[")
_PACKED: Final = ((b"\x1f\x8b", "gzip"), (b"\x28\xb5\x2f\xfd", "zstd"))


def read_requests(path: Path) -> tuple[list[bytes], list[str]]:
    """The requests of a file, as protobuf, and what is wrong with spans that are left out of them.

    Raises:
        ConfigError: the file cannot be read, or is none of these.
    """
    try:
        content = path.read_bytes().removeprefix(BOM_UTF8)
    except OSError as error:
        raise ConfigError(unreadable(path, error)) from None
    if not content.strip():
        raise ConfigError(f"{path}: is empty; expected OTLP traces, as JSON or protobuf")
    for begin, how in _PACKED:
        if content.startswith(begin):
            raise ConfigError(f"{path}: is compressed with {how}; unpack it first")
    if content.lstrip().startswith(_JSON_BEGINS):
        return _json(content, path)
    return _protobuf(content, path), []


def _json(content: bytes, path: Path) -> tuple[list[bytes], list[str]]:
    bodies: list[bytes] = []
    problems: list[str] = []
    text = content.decode(errors="replace")
    try:
        for document in _documents(text):
            converted = _as_traces(document)
            bodies.append(converted.body)
            if converted.rejected_spans:
                problems.append(converted.problem)
    except json.JSONDecodeError as error:
        if not bodies or text.find("\n", error.pos) >= 0:
            raise _no_json(path, error) from None
        problems.append(f"line {error.lineno}, the last one, which is not whole: {error.msg}")
    except (BadJsonError, ValueError, RecursionError) as error:
        raise _no_json(path, error) from None
    return bodies, problems


def _no_json(path: Path, error: Exception) -> ConfigError:
    return ConfigError(f"{path}: is no OTLP/JSON: {error}")


def _as_traces(document: object) -> Converted:
    body = json.dumps(document).encode()
    names = cast("dict[str, object]", document) if isinstance(document, dict) else {}
    if "resourceLogs" in names:
        return Converted(calls_in_logs(convert_logs(body).body).body, 0, "")
    if "resourceMetrics" in names:
        return Converted(calls_in_metrics(convert_metrics(body).body).body, 0, "")
    return convert(body)


def _documents(text: str) -> Iterator[object]:
    decoder = json.JSONDecoder()
    position = 0
    while (position := _next(text, position)) < len(text):
        document, position = decoder.raw_decode(text, position)
        if isinstance(document, list):
            yield from cast("list[object]", document)
        else:
            yield document


def _next(text: str, position: int) -> int:
    while position < len(text) and (text[position].isspace() or text[position] == ","):
        position += 1
    return position


def _protobuf(content: bytes, path: Path) -> list[bytes]:
    behind_lengths = _behind_lengths(content)
    for bodies in ([content], behind_lengths):
        try:
            if sum(Export(body).spans for body in bodies):
                return bodies
        except MalformedRequestError:
            continue
    raise ConfigError(f"{path}: holds no OTLP traces; expected requests with spans, as JSON or protobuf")


def _behind_lengths(content: bytes) -> list[bytes]:
    """The messages behind their lengths; none where the lengths do not add up to the content."""
    bodies: list[bytes] = []
    position = 0
    while position < len(content):
        end = position + _LENGTH + int.from_bytes(content[position : position + _LENGTH], "big")
        if end > len(content) or end == position + _LENGTH:
            return []
        bodies.append(content[position + _LENGTH : end])
        position = end
    return bodies
