"""Recorded provider traffic, read from a folder outside the project: what was asked, answered and reported.

The folder holds `index_interactions.csv`, one line per HTTP exchange with the usage as the provider reported it, and
the exchanges themselves: vcrpy cassettes, plain response bodies (`.json`) and stream events (`.chunks.txt`).
"""

from __future__ import annotations

import csv
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import yaml

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

ROOT = Path(__file__).parents[2]
FOLDER = Path(os.environ.get("SPANCOST_RECORDINGS", ROOT.parent / "shared" / "data"))
_MAX_FIELD = 2**31 - 1


@dataclass(frozen=True)
class Recording:
    """One exchange with a provider."""

    path: str
    index: int
    provider: str
    api: str
    streamed: bool
    model: str
    url: str
    """Empty where only the response was kept."""
    method: str
    """Empty where only the response was kept."""
    request: Mapping[str, Any]
    status: int
    content_type: str
    headers: Mapping[str, str]
    """Of the answer, their names in lower case."""
    body: bytes
    usage: Mapping[str, Any] | None
    """As the provider reported it."""
    superseded: bool
    """A later line of the index describes the same file: this one's answer was not kept."""

    @property
    def name(self) -> str:
        return f"{self.path}#{self.index}"


def recordings(folder: Path, apis: frozenset[str]) -> Iterator[Recording]:
    """Every exchange of the given APIs, in the order of the index."""
    csv.field_size_limit(_MAX_FIELD)
    with (folder / "index_interactions.csv").open(newline="", encoding="utf-8") as lines:
        rows = [row for row in csv.DictReader(lines) if row["api"] in apis]
    last = {(row["path"], row["i"]): row for row in rows}
    loaded: tuple[str, list[dict[str, Any]]] = ("", [])
    for row in rows:
        path, index = row["path"], int(row["i"])
        usage = json.loads(row["usage_json"]) if row["usage_json"] else None
        streamed = row["streaming"] == "1"
        url, request, status = "", cast("dict[str, Any]", {}), 200
        headers: dict[str, str] = {}
        if path.startswith("xai_sdk/"):
            body, content_type = b"", ""  # gRPC, shown as JSON: nothing that HTTP could answer with
        elif path.startswith("realtime/"):
            if loaded[0] != path:
                loaded = (path, _cassette(folder / path))
            body, content_type = json.dumps(_heard(loaded[1], index)).encode(), "application/json"
        elif path.endswith(".yaml"):
            if loaded[0] != path:
                loaded = (path, _cassette(folder / path))
            exchange = loaded[1][index]
            url, request = exchange["request"]["uri"], _json_object(exchange["request"].get("body"))
            status = int(exchange["response"]["status"]["code"])
            body = _bytes(exchange["response"]["body"].get("string", ""))
            headers = _headers(exchange["response"].get("headers") or {})
            content_type = _content_type(headers, body)
        else:
            body, content_type = _bare(folder / path)
        yield Recording(
            path=path,
            index=index,
            provider=row["provider"],
            api=row["api"],
            streamed=streamed,
            model=row["model_requested"] or row["model_reported"] or "unknown",
            url=url,
            method=row["method"],
            request=request,
            status=status,
            content_type=content_type,
            headers=headers,
            body=body,
            usage=usage,
            superseded=last[path, row["i"]] is not row,
        )


def _cassette(path: Path) -> list[dict[str, Any]]:
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    with path.open(encoding="utf-8") as text:
        return cast("list[dict[str, Any]]", yaml.load(text, Loader=loader)["interactions"])


def _heard(messages: list[dict[str, Any]], index: int) -> list[Any]:
    """Of a websocket, what was received after the usage before this one, up to and with this one."""
    heard: list[list[Any]] = [[]]
    for message in messages:
        if message["direction"] == "received":
            heard[-1].append(message["data"])
            if reports_usage(message["data"]):
                heard.append([])
    return heard[index]


def reports_usage(message: object) -> bool:
    """Whether a message of a websocket says what something used."""
    said = _json_object(message)
    usages = (said.get("usage"), _json_object(said.get("response")).get("usage"), said.get("usageMetadata"))
    return any(usage is not None for usage in usages)


def _json_object(body: object) -> dict[str, Any]:
    if isinstance(body, (str, bytes)):
        try:
            body = json.loads(body)
        except ValueError:
            return {}
    return cast("dict[str, Any]", body) if isinstance(body, dict) else {}


def _bytes(body: object) -> bytes:
    return body if isinstance(body, bytes) else str(body).encode()


def _headers(recorded: Mapping[str, list[str] | str]) -> dict[str, str]:
    """Each header's first value."""
    return {name.lower(): value if isinstance(value, str) else value[0] for name, value in recorded.items()}


def _content_type(headers: Mapping[str, str], body: bytes) -> str:
    if "content-type" in headers:
        return headers["content-type"]
    return "text/event-stream" if body.startswith((b"data:", b"event:")) else "application/json"


def _bare(path: Path) -> tuple[bytes, str]:
    if path.suffix == ".json":
        return path.read_bytes(), "application/json"
    events: list[str] = []
    for line in path.read_text(encoding="utf-8").splitlines():
        if not line.strip():
            continue
        event: object = json.loads(line) if line.startswith("{") else None
        kind = cast("dict[str, Any]", event).get("type") if isinstance(event, dict) else None
        events.append((f"event: {kind}\n" if kind else "") + f"data: {line}\n\n")
    return "".join(events).encode(), "text/event-stream"
