"""OTLP over HTTP, in: one ASGI application that turns a POST into bytes for the worker, and its answer into a status.

Everything runs on one event loop; only what takes long (a large request that is packed, or JSON) goes to a thread.
What is being received counts against the same bound as what waits for the worker, so that many slow or large senders
cannot fill the memory.

Most refusals are decided before the request has arrived. They are told at once, but the connection stays until the rest
has come and is thrown away, within bounds: closed under a sender that still writes, it would be reset, and the sender
would send the same again instead of reading why it need not.
"""

from __future__ import annotations

import asyncio
import json
import logging
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from spancost_collector import otlp_pb2 as otlp
from spancost_collector.intake.access import REFUSED, Gate
from spancost_collector.intake.arrivals import ARRIVAL_SECONDS
from spancost_collector.intake.aside import Aside
from spancost_collector.intake.inflate import ENCODINGS, BadPackingError, TooLargeError, inflate
from spancost_collector.intake.otlp_json import BadJsonError, convert
from spancost_collector.intake.otlp_json_records import convert_logs, convert_metrics
from spancost_collector.intake.signals import LOGS, METRICS, SIGNALS, TRACES
from spancost_collector.outcome import FAULT, QUEUE_FULL, STOPPING, Refusal, http_status
from spancost_collector.own_requests import HEADER, LOOPED

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Mapping

    from spancost_collector.config import Intake
    from spancost_collector.intake.otlp_json import Converted
    from spancost_collector.intake.signals import Destinations, Submit
    from spancost_collector.metrics.receiver import ReceiverMetrics

    Scope = Mapping[str, Any]
    Receive = Callable[[], Awaitable[Mapping[str, Any]]]
    Send = Callable[[Mapping[str, Any]], Awaitable[None]]

_log: Final = logging.getLogger(__name__)

PROTOBUF: Final = "application/x-protobuf"
JSON: Final = "application/json"
_LONGEST_WAIT_SECONDS: Final = 300.0
"""More than all of the pipeline's own deadlines together."""
_DISCARDED_BYTES: Final = 64 * 1024 * 1024
"""How much of a request is read after it was refused; a sender of more may miss its answer."""
_DISCARDED_SECONDS: Final = 30.0
"""For how long, all in all."""
_SILENT_SECONDS: Final = 5.0
"""For how long while nothing comes."""
_SHORT_BYTES: Final = 16 * 1024
"""What is unpacked or read as JSON on the event loop itself."""
_LONG_AT_ONCE: Final = 4
"""How many requests beyond that are read at the same time."""
_READ_JSON: Final = {TRACES: convert, LOGS: convert_logs, METRICS: convert_metrics}
"""How the JSON of each signal becomes protobuf."""
_MORE_HEADERS: Final = {401: ((b"www-authenticate", b"Bearer"),), 405: ((b"allow", b"POST"),)}


class _Refused(Exception):
    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.reason)
        self.refusal = refusal


class _Taken(NamedTuple):
    """What a sender is told on success."""

    rejected_spans: int = 0
    problem: str = ""


class _Route(NamedTuple):
    """Where the requests of a signal go."""

    submit: Submit
    read_json: Callable[[bytes], Converted] | None
    """None takes protobuf only."""
    reads: bool
    """Whether it reads a request before it queues it, which takes long where that is large."""


class OtlpHttpApp:
    """`POST /v1/<signal>` as an ASGI application."""

    def __init__(
        self, destinations: Destinations, metrics: ReceiverMetrics, gate: Gate, intake: Intake, *, mark: str
    ) -> None:
        self._metrics = metrics
        self._gate = gate
        self._mark = mark
        self._max_message_bytes = int(intake.max_message_bytes)
        self._max_bytes = int(intake.max_queue_bytes)
        self._max_requests = intake.max_concurrent_requests + intake.max_waiting_requests
        self._signals = {signal.path: signal for signal in SIGNALS}
        self._routes = {
            signal: _Route(submit, _READ_JSON.get(signal), signal is not TRACES)
            for signal, submit in destinations.items()
        }
        self._aside = Aside(_LONG_AT_ONCE)
        self._requests = 0
        self._bytes = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            raise ValueError(f"got a {scope['type']} connection; expected HTTP")
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        kind = headers.get("content-type", "").partition(";")[0].strip().lower()
        as_json = kind != PROTOBUF
        arrived = time.perf_counter()
        self._requests += 1
        body = _Body(receive)
        try:
            taken = await self._export(scope, headers, kind, body)
        except _Refused as refused:
            self._metrics.rejected[refused.refusal.kind].inc()
            await _refuse(send, refused.refusal, as_json=as_json, unread=body.more)
        except asyncio.CancelledError:  # the time to stop has come
            self._metrics.rejected[STOPPING.kind].inc()
            await _refuse(send, STOPPING, as_json=as_json, unread=False)
            return
        except Exception:
            _log.exception("a request to %s could not be answered", scope["path"])
            self._metrics.rejected[FAULT.kind].inc()
            await _refuse(send, FAULT, as_json=as_json, unread=body.more)
        else:
            await _respond(send, 200, _success(taken, as_json=as_json), as_json=as_json)
        finally:
            self._requests -= 1
            self._metrics.request_seconds.observe(time.perf_counter() - arrived)
        if body.more:
            await body.discard()
            await send({"type": "http.response.body", "body": b""})

    async def _export(self, scope: Scope, headers: Mapping[str, str], kind: str, arriving: _Body) -> _Taken:
        route = self._route(scope, headers)
        encoding = _encoding(headers, kind, route)
        if self._requests > self._max_requests:
            raise _Refused(Refusal("overloaded", f"{self._max_requests} requests are under way already; send again"))
        held = _Held(self)
        try:
            body = await self._receive(headers, arriving, held)
            body = await self._unpacked(encoding, body, held)
            taken = _Taken()
            if kind == JSON and route.read_json is not None:
                body, *rejected = await self._off_the_loop(len(body), route.read_json, body)
                taken = _Taken(*rejected)
                self._metrics.rejected_spans.inc(taken.rejected_spans)
            await self._answer(route, body)
            return taken
        except BadJsonError as error:
            raise _Refused(Refusal("malformed", str(error))) from error
        finally:
            held.release()

    def _route(self, scope: Scope, headers: Mapping[str, str]) -> _Route:
        """Where a request goes; asked in the order in which a stranger may learn things."""
        if not self._gate.admits(headers.get("authorization")):
            raise _Refused(REFUSED)
        if headers.get(HEADER) == self._mark:
            raise _Refused(LOOPED)
        path: str = scope["path"]
        signal = self._signals.get(path.rstrip("/"))
        if signal is None:
            raise _Refused(Refusal("not_taken", f"{path}: nothing is here; POST OTLP traces to {TRACES.path}"))
        route = self._routes.get(signal)
        if route is None:
            raise _Refused(signal.not_taken)
        if scope["method"] != "POST":
            raise _Refused(Refusal("wrong_method", f"{path}: got {scope['method']}; expected POST"))
        return route

    async def _receive(self, headers: Mapping[str, str], arriving: _Body, held: _Held) -> bytes:
        announced = headers.get("content-length", "")
        if announced.isdecimal() and int(announced) > self._max_message_bytes:
            raise self._too_large(f"{announced} bytes")
        parts: list[bytes] = []
        size = 0
        try:
            async with asyncio.timeout(ARRIVAL_SECONDS):
                while arriving.more:
                    part = await arriving.part()
                    if part is None:
                        raise _Refused(Refusal("incomplete", "the sender hung up before the request was complete"))
                    size += len(part)
                    if size > self._max_message_bytes:
                        raise self._too_large(f"more than {self._max_message_bytes} bytes")
                    held.take(len(part))
                    parts.append(part)
        except TimeoutError:
            raise _Refused(Refusal("incomplete", f"the request did not arrive within {ARRIVAL_SECONDS:g} s")) from None
        return b"".join(parts)

    async def _unpacked(self, encoding: str, body: bytes, held: _Held) -> bytes:
        if encoding == "identity":
            return body
        try:
            unpacked = await self._off_the_loop(len(body), inflate, encoding, body, self._max_message_bytes)
        except TooLargeError as error:
            raise self._too_large(str(error)) from error
        except BadPackingError as error:
            raise _Refused(
                Refusal("malformed", f"content-encoding: {error}; send what the header says, or no header")
            ) from error
        held.take(len(unpacked))
        return unpacked

    async def _answer(self, route: _Route, body: bytes) -> None:
        promise = await self._off_the_loop(len(body), route.submit, body) if route.reads else route.submit(body)
        if promise is None:
            raise _Refused(QUEUE_FULL)
        try:
            async with asyncio.timeout(_LONGEST_WAIT_SECONDS):
                refusal = await asyncio.wrap_future(promise)
        except TimeoutError:
            raise _Refused(Refusal("unavailable", "no answer in time; send again")) from None
        if refusal is not None:
            raise _Refused(refusal)

    async def _off_the_loop(self, size: int, work: Callable[..., Any], *arguments: object) -> Any:
        """The result of `work`, computed where it does not keep other senders waiting."""
        return work(*arguments) if size <= _SHORT_BYTES else await self._aside(work, *arguments)

    def _too_large(self, found: str) -> _Refused:
        return _Refused(
            Refusal(
                "too_large",
                f"got {found}; expected at most {self._max_message_bytes} (intake.max_message_bytes),"
                " send fewer spans at a time",
            )
        )

    def hold(self, size: int) -> None:
        """Count bytes in memory; refuse where there are too many already."""
        if self._bytes and self._bytes + size > self._max_bytes:
            raise _Refused(Refusal("overloaded", "too much is being received; send again"))
        self._bytes += size

    def let_go(self, size: int) -> None:
        """Count bytes out of memory."""
        self._bytes -= size


class _Body:
    """What a sender sends after the headers, part by part."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self.more = True
        """Whether anything is yet to come, as far as is known."""

    async def part(self) -> bytes | None:
        """The next part; None where the sender hung up."""
        message = await self._receive()
        if message["type"] == "http.disconnect":
            self.more = False
            return None
        self.more = message.get("more_body", False)
        return message.get("body", b"")

    async def discard(self) -> None:
        """Let the rest come, within bounds and until the time to stop, and forget it."""
        size = 0
        with suppress(TimeoutError, asyncio.CancelledError):
            async with asyncio.timeout(_DISCARDED_SECONDS):
                while self.more and size <= _DISCARDED_BYTES:
                    async with asyncio.timeout(_SILENT_SECONDS):
                        size += len(await self.part() or b"")


class _Held:
    """What one request holds in memory."""

    def __init__(self, app: OtlpHttpApp) -> None:
        self._app = app
        self._size = 0

    def take(self, size: int) -> None:
        self._app.hold(size)
        self._size += size

    def release(self) -> None:
        self._app.let_go(self._size)


def _encoding(headers: Mapping[str, str], kind: str, route: _Route) -> str:
    """How a request is packed; refuses what nobody here can read."""
    kinds = (PROTOBUF,) if route.read_json is None else (PROTOBUF, JSON)
    if kind not in kinds:
        expected = " or ".join(kinds)
        raise _Refused(Refusal("not_understood", f'content-type: got "{kind}"; expected {expected}, as OTLP/HTTP says'))
    encoding = headers.get("content-encoding", "").strip().lower() or "identity"
    if encoding not in (*ENCODINGS, "identity"):
        expected = f"{', '.join(ENCODINGS)} or none"
        raise _Refused(Refusal("not_understood", f'content-encoding: got "{encoding}"; expected {expected}'))
    return encoding


def _success(taken: _Taken, *, as_json: bool) -> bytes:
    if not taken.rejected_spans:
        return b"{}" if as_json else b""
    if as_json:  # 64-bit numbers are text in protobuf's JSON
        partial = {"rejectedSpans": str(taken.rejected_spans), "errorMessage": taken.problem}
        return json.dumps({"partialSuccess": partial}).encode()
    response = otlp.ExportResponse()
    response.partial_success.rejected_spans = taken.rejected_spans
    response.partial_success.error_message = taken.problem
    return response.SerializeToString()


async def _refuse(send: Send, refusal: Refusal, *, as_json: bool, unread: bool) -> None:
    status = http_status(refusal, as_json=as_json)
    headers = list(_MORE_HEADERS.get(status.code, ()))
    if status.retry_after is not None:
        headers.append((b"retry-after", str(status.retry_after).encode()))
    await _respond(send, status.code, status.body, as_json=as_json, headers=headers, unread=unread)


async def _respond(
    send: Send,
    code: int,
    body: bytes,
    *,
    as_json: bool,
    headers: Iterable[tuple[bytes, bytes]] = (),
    unread: bool = False,
) -> None:
    """Answer, and end the exchange but where something of the request is `unread`."""
    kind = JSON if as_json else PROTOBUF
    fixed = [(b"content-type", kind.encode()), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": code, "headers": [*fixed, *headers]})
    await send({"type": "http.response.body", "body": body, "more_body": unread})
