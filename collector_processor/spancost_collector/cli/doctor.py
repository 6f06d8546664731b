"""`spancost doctor`: what the receiver makes of spans, recorded or arriving, and why; or whether a ledger is whole."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Annotated

import typer

from spancost_collector.cli.findings import document, paragraph, summary
from spancost_collector.cli.ledger_check import doctor_ledger
from spancost_collector.cli.options import AsJson, Prices
from spancost_collector.cli.tap import doctor_tap
from spancost_collector.config import CONFIG_VARIABLE, load
from spancost_collector.diagnosis import Examination
from spancost_collector.election import Election
from spancost_collector.front import configured_normaliser
from spancost_collector.otlp_files import read_requests
from spancost_collector.price import Price
from spancost_collector.price_data import load_current_book
from spancost_pricing import ConfigError


def doctor(
    otlp: Annotated[
        Path | None, typer.Option(help="Spans to examine: OTLP as JSON, JSON lines or protobuf; nothing is kept.")
    ] = None,
    tap: Annotated[
        str | None,
        typer.Option(help="Examine spans as they arrive, for so long (30s, 5m); nothing is kept or passed on."),
    ] = None,
    listen: Annotated[
        str | None, typer.Option(help="With --tap: OTLP/gRPC in, host:port or off. Default: as `spancost serve`.")
    ] = None,
    http_listen: Annotated[
        str | None, typer.Option(help="With --tap: OTLP/HTTP in, host:port or off. Default: as `spancost serve`.")
    ] = None,
    config: Annotated[
        Path | None,
        typer.Option(help="The receiver's configuration, to read spans as it does.", envvar=CONFIG_VARIABLE),
    ] = None,
    ledger: Annotated[Path | None, typer.Option(help="A ledger to examine.")] = None,
    repair_into: Annotated[
        Path | None, typer.Option(help="With --ledger: write what can be read of it to a new file.")
    ] = None,
    prices: Prices = None,
    as_json: AsJson = False,
) -> None:
    """Which dialect each span speaks, what was read, what is charged or not, and why; or whether a ledger is whole."""
    if (otlp is not None) + (tap is not None) + (ledger is not None) != 1:
        raise ConfigError("doctor: expected one of --otlp FILE, --tap TIME and --ledger FILE")
    if repair_into is not None and ledger is None:
        raise ConfigError("--repair-into: only a ledger can be repaired; give --ledger FILE")
    if tap is None and (listen is not None or http_listen is not None):
        raise ConfigError("--listen, --http-listen: only a tap listens; give --tap TIME")
    if ledger is not None:
        doctor_ledger(ledger, repair_into=repair_into, as_json=as_json)
        return
    settings = load(
        config,
        os.environ,
        {
            "--listen": (("grpc", "listen"), listen),
            "--http-listen": (("http", "listen"), http_listen),
            "--prices": (("prices",), prices),
        },
    ).settings
    examine = Examination(configured_normaliser(settings), Election(), Price(load_current_book(settings.prices)))
    if tap is not None:
        doctor_tap(tap, settings, examine, as_json=as_json)
    elif otlp is not None:
        _examine(otlp, examine, as_json=as_json)


def _examine(path: Path, examine: Examination, *, as_json: bool) -> None:
    bodies, problems = read_requests(path)
    found = examine(bodies)
    if as_json:
        typer.echo(json.dumps(document(examine.sums(), found.findings, found.changes, problems), indent=2))
        return
    for finding in found.findings:
        typer.echo(paragraph(finding))
    for problem in problems:
        typer.echo(f"left out: {problem}\n")
    typer.echo(summary(examine.sums()))
