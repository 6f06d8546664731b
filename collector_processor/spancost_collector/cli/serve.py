"""`spancost serve`: runs the receiver until it is told to stop."""

from __future__ import annotations

import json
import logging
import os
import signal
import sqlite3
from pathlib import Path
from queue import SimpleQueue
from typing import TYPE_CHECKING, Annotated

import typer

from spancost_collector.config import CONFIG_VARIABLE, json_schema, load, render
from spancost_collector.errors import LedgerError
from spancost_collector.garbage import look_for_cycles_rarely
from spancost_collector.ledger.faults import told
from spancost_collector.ledger.writer import Ledger
from spancost_collector.logs import configure_logs
from spancost_collector.open_files import raise_limit
from spancost_collector.price_data import load_current_book
from spancost_collector.server import Receiver

if TYPE_CHECKING:
    from spancost_collector.charging import Ledger as AnyLedger
    from spancost_collector.config import Address, Settings
    from spancost_collector.config.settings import Listener
    from spancost_pricing import Book

_log = logging.getLogger(__name__)


def serve(
    config: Annotated[
        Path | None, typer.Option(help="The configuration file (spancost.yaml).", envvar=CONFIG_VARIABLE)
    ] = None,
    listen: Annotated[
        str | None,
        typer.Option(help="OTLP/gRPC in, host:port or off; port 0 takes a free one. Default: 127.0.0.1:4317"),
    ] = None,
    http_listen: Annotated[
        str | None, typer.Option(help="OTLP/HTTP in, host:port or off. Default: 127.0.0.1:4318")
    ] = None,
    web_listen: Annotated[
        str | None, typer.Option(help="Metrics and health, host:port or off. Default: 127.0.0.1:9464")
    ] = None,
    workers: Annotated[
        int | None, typer.Option(help="Processes that take spans in, to use more than one core. Default: 1")
    ] = None,
    ledger: Annotated[Path | None, typer.Option(help="The ledger file; created where there is none.")] = None,
    forward: Annotated[
        list[str] | None,
        typer.Option(help="Next hop for the enriched spans, host:port of an OTLP/gRPC receiver; may be repeated."),
    ] = None,
    prices: Annotated[Path | None, typer.Option(help="Your own prices (prices.yaml).")] = None,
    tenant_label: Annotated[
        bool, typer.Option("--tenant-label", help="Make tenants a metric label; only where there are few.")
    ] = False,
    grace: Annotated[
        float | None, typer.Option(help="Seconds to finish what is under way when told to stop. Default: 10")
    ] = None,
    print_config: Annotated[
        bool, typer.Option("--print-config", help="Print the settings in force and who said so, and exit.")
    ] = False,
    print_schema: Annotated[
        bool, typer.Option("--print-schema", help="Print the JSON schema of the configuration file, and exit.")
    ] = False,
) -> None:
    """Take OpenTelemetry spans, price every model call, keep the ledger, serve metrics.

    Every option is also a key of the configuration file and an environment variable; see docs/configuration.md.
    """
    if print_schema:
        typer.echo(json.dumps(json_schema(), indent=2))
        return
    loaded = load(
        config,
        os.environ,
        {
            "--listen": (("grpc", "listen"), listen),
            "--http-listen": (("http", "listen"), http_listen),
            "--web-listen": (("web", "listen"), web_listen),
            "--workers": (("workers",), workers),
            "--ledger": (("ledger",), ledger),
            "--forward": (("forward",), forward or None),
            "--prices": (("prices",), prices),
            "--tenant-label": (("labels", "tenant"), tenant_label or None),
            "--grace": (("grace_seconds",), grace),
        },
    )
    if print_config:
        for warning in loaded.warnings:
            typer.echo(f"spancost: {warning}", err=True)
        typer.echo(render(loaded), nl=False)
        return
    settings = loaded.settings
    configure_logs(settings.log.format, settings.log.level)
    for warning in loaded.warnings:
        _log.warning(warning)
    raise_limit()
    book = load_current_book(settings.prices)
    # A queue, because its `put` may interrupt itself, which a handler of signals has to be able to do.
    signals: SimpleQueue[int] = SimpleQueue()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda received, _frame: signals.put(received))
    kept = Ledger(settings.ledger)
    receiver = _receiver(settings, book, kept)
    receiver.start()
    look_for_cycles_rarely()
    typer.echo(_announcement(settings, receiver, book))
    while signals.get() == signal.SIGHUP:
        receiver.reload_prices(lambda: _reread(settings.prices))
    receiver.stop(settings.grace_seconds)


def _reread(prices: Path | None) -> Book:
    book = load_current_book(prices)
    _log.info("read the prices again: price book %s", book.version)
    return book


def _receiver(settings: Settings, book: Book, kept: AnyLedger) -> Receiver:
    try:
        return Receiver(settings, book=book, ledger=kept)
    except sqlite3.Error as error:
        kept.close()
        raise LedgerError(told(settings.ledger, "cannot be read", error)) from error
    except BaseException:
        kept.close()
        raise


def _announcement(settings: Settings, receiver: Receiver, book: Book) -> str:
    """Where everything is, in one line."""
    said = [
        f"OTLP/gRPC on {receiver.grpc_address}" if receiver.grpc_address else "no OTLP/gRPC",
        f"OTLP/HTTP on {_url(settings.http, receiver.http_address)}" if receiver.http_address else "no OTLP/HTTP",
        f"web on {_url(settings.web, receiver.web_address)}" if receiver.web_address else "no web",
        *([f"{settings.workers} worker processes"] if settings.workers > 1 else []),
        f"ledger {settings.ledger}",
        "forwarding to " + " and ".join(hop.endpoint for hop in settings.forward)
        if settings.forward
        else "forwarding nothing",
        f"price book {book.version}",
    ]
    return "spancost: " + ", ".join(said)


def _url(listener: Listener, address: Address) -> str:
    return f"{'http' if listener.tls is None else 'https'}://{address}"
