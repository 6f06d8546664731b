"""`spancost serve`: runs the receiver until it is told to stop."""

from __future__ import annotations

import logging
import signal
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from spancost_collector.config import Settings, parse_address
from spancost_collector.ledger import Ledger
from spancost_collector.locations import default_ledger
from spancost_collector.price_data import load_current_book
from spancost_collector.server import Receiver

if TYPE_CHECKING:
    from types import FrameType


def serve(
    listen: Annotated[
        str, typer.Option(help="OTLP/gRPC in, host:port; port 0 takes a free one.", envvar="SPANCOST_LISTEN")
    ] = "127.0.0.1:4317",
    web_listen: Annotated[
        str, typer.Option(help="Metrics and health, host:port.", envvar="SPANCOST_WEB_LISTEN")
    ] = "127.0.0.1:9464",
    ledger: Annotated[
        Path | None, typer.Option(help="The ledger file; created where there is none.", envvar="SPANCOST_LEDGER")
    ] = None,
    forward: Annotated[
        str | None,
        typer.Option(
            help="Next hop for the enriched spans, host:port of an OTLP/gRPC receiver.", envvar="SPANCOST_FORWARD"
        ),
    ] = None,
    prices: Annotated[
        Path | None, typer.Option(help="Your own prices (prices.yaml).", envvar="SPANCOST_PRICES")
    ] = None,
    tenant_label: Annotated[
        bool, typer.Option("--tenant-label", help="Make tenants a metric label; only where there are few.")
    ] = False,
    grace: Annotated[float, typer.Option(help="Seconds to finish what is under way when told to stop.")] = 10.0,
) -> None:
    """Take OpenTelemetry spans, price every model call, keep the ledger, serve metrics."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    logging.getLogger("uvicorn").setLevel(logging.WARNING)
    settings = Settings(
        listen=parse_address("--listen", listen),
        web_listen=parse_address("--web-listen", web_listen),
        ledger=ledger or default_ledger(),
        forward=None if forward is None else parse_address("--forward", forward),
        prices=prices,
        tenant_label=tenant_label,
    )
    book = load_current_book(settings.prices)
    stopped = threading.Event()

    def stop(_number: int, _frame: FrameType | None) -> None:
        stopped.set()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    kept = Ledger(settings.ledger)
    try:
        receiver = Receiver(settings, book=book, ledger=kept)
    except BaseException:
        kept.close()
        raise
    receiver.start()
    typer.echo(
        f"spancost: OTLP/gRPC on {settings.listen._replace(port=receiver.port)}, "
        f"web on http://{settings.web_listen._replace(port=receiver.web_port)}, "
        f"ledger {settings.ledger}, "
        + ("forwarding nothing" if settings.forward is None else f"forwarding to {settings.forward}")
        + f", price book {book.version}"
    )
    stopped.wait()
    receiver.stop(grace)
