"""What a charge costs, as a multiple of asking the price library for the same number.

The baseline is `genai_prices` on a snapshot of its own with warm caches. Against it: a charge from a compiled plan, and
one whose plan has to be compiled first (a route's first call of a day). The results are checked before anything is
timed: both must name the same price, and ours must name every part of it.

Other price libraries follow in environments of their own (`uv run --with`), with the price that they give: they may
differ from the published one, which is printed and not asserted.
"""

from __future__ import annotations

import json
import shutil
import statistics
import subprocess
import sys
import time
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import genai_prices
from genai_prices.data import providers
from genai_prices.data_snapshot import DataSnapshot

from spancost_pricing import Route, Usage, load_book

if TYPE_CHECKING:
    from collections.abc import Callable

WHEN = datetime(2026, 11, 20, 12, tzinfo=UTC)
WHEN_NS = 1_795_176_000_000_000_000
DAY_NS = 86_400 * 10**9
ROUNDS = 9
CALLS = 2_000

SHAPES = {
    "plain": (
        Route("openai", "gpt-4o-2024-08-06"),
        Usage(input_tokens=1234, output_tokens=567),
        {"input_tokens": 1234, "output_tokens": 567},
        Decimal("0.008755"),
    ),
    "cached, written, reasoned": (
        Route("anthropic", "claude-sonnet-4-5-20250929"),
        Usage(
            input_tokens=3504,
            cache_read_tokens=2000,
            cache_write_tokens=1000,
            cache_write_1h_tokens=400,
            output_tokens=97,
            reasoning_tokens=40,
        ),
        {
            "input_tokens": 3504,
            "cache_read_tokens": 2000,
            "cache_write_tokens": 1000,
            "cache_write_1h_tokens": 400,
            "output_tokens": 97,
            "output_reasoning_tokens": 40,
        },
        Decimal("0.008217"),
    ),
    "stepped": (
        Route("openai", "gpt-6.1-sol"),
        Usage(input_tokens=300_000, cache_read_tokens=100_000, output_tokens=2000),
        {"input_tokens": 300_000, "cache_read_tokens": 100_000, "output_tokens": 2000},
        Decimal("0.85"),
    ),
}


def microseconds(call: Callable[[int], object], calls: int) -> tuple[float, float, float]:
    """Median, least and most of the mean time of a call over several rounds."""
    rounds: list[float] = []
    for _ in range(ROUNDS):
        start = time.process_time()
        for number in range(calls):
            call(number)
        rounds.append((time.process_time() - start) / calls * 1e6)
    return statistics.median(rounds), min(rounds), max(rounds)


def peers() -> dict[str, list[dict[str, Any]]]:
    """Library and version -> what `price_peer` measured; a library that cannot be had is said and left out."""
    uv = shutil.which("uv") or str(Path(sys.executable).with_name("uv"))
    found: dict[str, list[dict[str, Any]]] = {}
    for library in ("litellm", "tokencost"):
        command = [uv, "run", "--quiet", "--no-project", "--isolated", "--python", sys.executable, "--with", library]
        command += ["python", str(Path(__file__).with_name("price_peer.py")), library]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=True)
        except (OSError, subprocess.SubprocessError) as error:
            print(f"{library}: not measured, it cannot be run here ({type(error).__name__})")
            continue
        found[library] = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    return found


def main() -> None:
    others = peers()
    oracle = DataSnapshot(providers=providers, from_auto_update=False)
    for name, (route, usage, theirs, expected) in SHAPES.items():
        book = load_book()
        asked = genai_prices.Usage(**theirs)

        charge = book.charge(route, usage, WHEN_NS)
        assert charge.status == "priced", charge
        assert charge.usd == expected, charge
        assert charge.total_pico == sum(item.amount_pico for item in charge.items)
        assert oracle.calc(asked, route.model, route.provider, None, WHEN).total_price == expected

        def library(_: int, asked: object = asked, route: Route = route) -> object:
            return oracle.calc(asked, route.model, route.provider, None, WHEN)

        def compiled(_: int, route: Route = route, usage: Usage = usage) -> object:
            return book.charge(route, usage, WHEN_NS)  # noqa: B023 - called in this very round

        days = iter(range(1, 10**6))

        def first_of_a_day(_: int, route: Route = route, usage: Usage = usage) -> object:
            return book.charge(route, usage, WHEN_NS + next(days) * DAY_NS)  # noqa: B023 - called in this very round

        base = microseconds(library, CALLS // 4)
        print(f"{name}: the library takes {base[0]:.1f} us (min {base[1]:.1f}, max {base[2]:.1f})")
        for label, call, calls in (
            ("compiled plan", compiled, CALLS),
            ("first call of a day", first_of_a_day, CALLS // 10),
        ):
            median, least, most = microseconds(call, calls)
            print(f"  {label:<20} {median / base[0]:6.3f} x  {median:7.1f} us (min {least:.1f}, max {most:.1f})")
        for peer, results in others.items():
            for result in results:
                if result["shape"] == name:
                    print(f"  {peer:<20} {_shown(result, base[0], expected)}")


def _shown(result: dict[str, Any], base: float, expected: Decimal) -> str:
    if result["usd"] is None:
        return f"has no price: {result['why']}"
    median, least, most = result["us"]
    apart = abs(Decimal(result["usd"]) - expected)
    verdict = "the same price" if apart < Decimal("1e-12") else f"says {result['usd']} for {expected} USD"
    return f"{median / base:6.3f} x  {median:7.1f} us (min {least:.1f}, max {most:.1f}), {verdict}"


if __name__ == "__main__":
    main()
