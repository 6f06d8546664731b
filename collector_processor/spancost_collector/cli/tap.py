"""`spancost doctor --tap`: listens for a while, and says of each span that comes what the receiver would make of it."""

from __future__ import annotations

import json
import signal
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Final

import typer

from spancost_collector.cli.findings import document, paragraph, sentence, summary
from spancost_collector.cli.moments import period
from spancost_collector.tap import Tap
from spancost_pricing import ConfigError

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    from spancost_collector.config import Settings
    from spancost_collector.diagnosis import Change, Examination, Finding

_LONGEST: Final = timedelta(hours=1)
_LOOK_SECONDS: Final = 0.2


def doctor_tap(time: str, settings: Settings, examine: Examination, *, as_json: bool) -> None:
    """Listen, and say what arrives: each span at once to people, everything at the end to programs."""
    seconds = period("--tap", time, longest=_LONGEST).total_seconds()
    findings: list[Finding] = []
    changes: list[Change] = []

    def take(body: bytes) -> None:
        found = examine([body])
        if as_json:
            findings.extend(found.findings)
            changes.extend(found.changes)
            return
        for finding in found.findings:
            typer.echo(paragraph(finding))
        for change in found.changes:
            typer.echo(sentence(change))

    tap = _opened(settings)
    typer.echo(_announcement(tap, time), err=True)
    with _ended_by_signals(tap), ThreadPoolExecutor(1) as thread:
        ended = thread.submit(tap.run, seconds, take)
        while not ended.done():  # a signal that comes just before this thread waits is noticed when it looks again
            wait([ended], _LOOK_SECONDS)
        ended.result()
    sums = examine.sums()
    if as_json:
        typer.echo(json.dumps(document(sums, findings, changes, []), indent=2))
        return
    typer.echo(summary(sums))
    if not sums.spans:
        typer.echo(_nothing_came(tap), err=True)


def _opened(settings: Settings) -> Tap:
    try:
        return Tap(settings)
    except ConfigError as error:
        raise ConfigError(
            f"--tap: {error}. Where a receiver listens already, stop it for so long, or tap another address"
            " (--listen 127.0.0.1:0 --http-listen off takes a free one) and point the sender there"
        ) from error


@contextmanager
def _ended_by_signals(tap: Tap) -> Generator[None]:
    """What came until then is still said."""

    def close(_number: int, _frame: object) -> None:
        tap.close()

    before = {number: signal.signal(number, close) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _announcement(tap: Tap, time: str) -> str:
    return (
        f"spancost: tapping for {time}: {' and '.join(_addresses(tap))}; nothing is kept or passed on; Ctrl-C ends it"
    )


def _nothing_came(tap: Tap) -> str:
    return (
        "spancost: no span came; point the sender here (OTEL_EXPORTER_OTLP_ENDPOINT="
        f"{' or '.join(_endpoints(tap))}), and remember that senders collect spans for some seconds"
    )


def _addresses(tap: Tap) -> Iterator[str]:
    if tap.grpc_address is not None:
        yield f"OTLP/gRPC on {tap.grpc_address}"
    if tap.http_address is not None:
        yield f"OTLP/HTTP on http://{tap.http_address}"


def _endpoints(tap: Tap) -> Iterator[str]:
    if tap.http_address is not None:
        yield f"http://{tap.http_address} with OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf"
    if tap.grpc_address is not None:
        yield f"http://{tap.grpc_address} with OTEL_EXPORTER_OTLP_PROTOCOL=grpc"
