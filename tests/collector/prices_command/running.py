"""Runs `spancost prices`, and writes what it reads."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from typer.testing import CliRunner, Result

from spancost_collector.cli import app

if TYPE_CHECKING:
    from pathlib import Path

NOON = 1_795_176_000_000_000_000  # 2026-11-20T12:00:00Z
AT = ("--at", "2026-11-20T12:00:00Z")


def data(**models: float | dict[str, float]) -> bytes:
    """Price data that knows Acme's models, by what they cost: all rates, or the input's."""
    listed: list[dict[str, object]] = []
    for name, prices in models.items():
        listed.append(
            {
                "id": name,
                "match": {"equals": name},
                "prices": {"input_mtok": prices} if isinstance(prices, float | int) else prices,
            }
        )
    return json.dumps([{"id": "acme", "name": "Acme", "api_pattern": "acme", "models": listed}]).encode()


def prices(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["prices", *arguments])


def output(*arguments: str) -> str:
    result = prices(*arguments)
    assert result.exit_code == 0, (result.output, result.exception)
    return result.stdout


def document(*arguments: str) -> Any:
    return json.loads(output(*arguments, "--json"))


def saved(folder: Path, content: bytes, name: str = "data.json") -> str:
    path = folder / name
    path.write_bytes(content)
    return str(path)
