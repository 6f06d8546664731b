"""The demo from start to end: a provider, the receiver, the shop, the report.

Everything runs as it would in production, as processes of their own that speak HTTP and OTLP; only the provider is
ours. The demo counts as a success only if the ledger ends up with exactly the calls that the provider took.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
import sysconfig
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Final

from rich.console import Console

from spancost.demo.processes import Child, DemoError
from spancost.demo.provider import Provider
from spancost_pricing import ConfigError

if TYPE_CHECKING:
    from collections.abc import Sequence

_READY_SECONDS: Final = 60.0
_SHOP_SECONDS: Final = 120.0
_ANY: Final = "127.0.0.1:0"
"""Loopback, on a port that is free."""
_LISTEN: Final = ("--listen", _ANY, "--http-listen", "off", "--web-listen", _ANY)
_READY_LINE: Final = re.compile(r"OTLP/gRPC on (\S+:\d+), .*\n")
_SPANCOST: Final = (sys.executable, "-m", "spancost_collector")
_OTHERS: Final = ("OTEL_", "SPANCOST_", "OPENAI_", "ANTHROPIC_", "GOOGLE_", "GEMINI_")
"""Settings of the surrounding shell that would make the demo something else, or lend it a real key."""


def run(work_dir: Path) -> None:
    """Run the demo with its files in `work_dir` and print what it found.

    Raises:
        ConfigError: `work_dir` holds the ledger of an earlier demo, or cannot be written.
        DemoError: some part failed; the message says which and holds what it printed.
    """
    ledger = work_dir / "ledger.db"
    try:
        work_dir.mkdir(parents=True, exist_ok=True)
        is_used = ledger.exists()
        (work_dir / "receiver.log").touch()
    except OSError as error:
        raise ConfigError(
            f"{work_dir}: cannot be written: {error.strerror}. Name another folder with --work-dir"
        ) from error
    if is_used:
        raise ConfigError(f"{ledger}: an earlier demo's ledger is there. Name another folder with --work-dir")
    console = Console()
    with ExitStack() as stack, console.status("starting the receiver") as status:
        provider = stack.enter_context(Provider())
        receiver = stack.enter_context(
            Child(
                "receiver",
                [*_SPANCOST, "serve", *_LISTEN, "--ledger", str(ledger)],
                environment=_environment(),
                log=work_dir / "receiver.log",
            )
        )
        otlp = receiver.wait_to_print(_READY_LINE, _READY_SECONDS)[1]
        status.update("running the shop under opentelemetry-instrument")
        shop = stack.enter_context(
            Child("shop", _shop_command(), environment=_shop_environment(provider, otlp), log=work_dir / "shop.log")
        )
        shop.wait(_SHOP_SECONDS)
        status.update("shutting the receiver down")
        receiver.stop()
        status.update("reading the ledger")
        recorded = _calls_in(ledger)
        if recorded != provider.answered:
            raise shop.failure(f"made {provider.answered} calls and {recorded} are in the ledger")
    console.print(f"The shop made {recorded} calls; every one is in the ledger. What they cost:\n", soft_wrap=True)
    _print_report(ledger)
    console.print(_next_steps(ledger), highlight=False, soft_wrap=True)


def _environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith(_OTHERS)}


def _shop_command() -> Sequence[str]:
    script = Path(sysconfig.get_path("scripts"), "opentelemetry-instrument")
    return [str(script), "--service_name", "shop", sys.executable, "-m", "spancost.demo.shop"]


def _shop_environment(provider: Provider, otlp: str) -> dict[str, str]:
    """What points any app at a receiver, and these SDKs at a provider of our own."""
    return {
        **_environment(),
        "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://{otlp}",
        "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc",
        "OTEL_METRICS_EXPORTER": "none",
        "OTEL_LOGS_EXPORTER": "none",
        "OTEL_RESOURCE_ATTRIBUTES": "deployment.environment.name=demo,service.version=1.0.0",
        "OPENAI_BASE_URL": f"{provider.url}/v1",
        "ANTHROPIC_BASE_URL": provider.url,
        "GOOGLE_GEMINI_BASE_URL": provider.url,
        "OPENAI_API_KEY": "demo",
        "ANTHROPIC_API_KEY": "demo",
        "GEMINI_API_KEY": "demo",
        "NO_PROXY": "127.0.0.1",
        "no_proxy": "127.0.0.1",
        "PYTHONUNBUFFERED": "1",
    }


def _calls_in(ledger: Path) -> int:
    command = [*_SPANCOST, "report", "--json", "--ledger", str(ledger)]
    done = subprocess.run(command, env=_environment(), capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise DemoError(f"the report ended with status {done.returncode}:\n{done.stderr.strip()}")
    return int(json.loads(done.stdout)["total"]["calls"])


def _print_report(ledger: Path) -> None:
    """Let the report print itself: on a terminal it is as wide and as coloured as the terminal allows."""
    sys.stdout.flush()
    command = [*_SPANCOST, "report", "--by", "feature,model", "--ledger", str(ledger)]
    if (status := subprocess.run(command, env=_environment(), check=False).returncode) != 0:
        raise DemoError(f"the report ended with status {status}")


def _next_steps(ledger: Path) -> str:
    spancost = shlex.quote(str(Path(sysconfig.get_path("scripts"), "spancost")))
    file = shlex.quote(str(ledger))
    return f"""
What to open next:
  {spancost} report --by tenant,user --ledger {file}
  {spancost} report --by feature,task,model --json --ledger {file}
  {spancost} serve --ledger {file}    then, beside it: curl http://127.0.0.1:9464/metrics
  {file}    the ledger, a SQLite file"""
