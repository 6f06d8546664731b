"""Times another price library on the shapes of `bench_pricing`, in an environment of its own.

Run by `bench_pricing` through `uv run`; prints one JSON object a line: shape, USD as text (null where the library
cannot say), microseconds per call (median, min, max).
"""

from __future__ import annotations

import json
import os
import statistics
import sys
import time
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

ROUNDS = 9
CALLS = 300

SHAPES: dict[str, dict[str, Any]] = {
    "plain": {"provider": "openai", "model": "gpt-4o-2024-08-06", "input": 1234, "output": 567},
    "cached, written, reasoned": {
        "provider": "anthropic",
        "model": "claude-sonnet-4-5-20250929",
        "input": 3504,
        "read": 2000,
        "write": 1000,
        "output": 97,
    },
    "stepped": {"provider": "openai", "model": "gpt-6.1-sol", "input": 300_000, "read": 100_000, "output": 2000},
}


def litellm() -> Callable[[dict[str, Any]], float]:
    os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"
    # Its function has no argument for the lifetime of a cache write: all of them count as short.
    cost_per_token: Callable[..., tuple[float, float]] = import_module("litellm").cost_per_token

    def price(shape: dict[str, Any]) -> float:
        parts = cost_per_token(
            model=shape["model"],
            custom_llm_provider=shape["provider"],
            prompt_tokens=shape["input"],
            completion_tokens=shape["output"],
            cache_read_input_tokens=shape.get("read", 0),
            cache_creation_input_tokens=shape.get("write", 0),
        )
        return sum(parts)

    return price


def tokencost() -> Callable[[dict[str, Any]], float]:
    calculate_cost_by_tokens: Callable[..., Any] = import_module("tokencost").calculate_cost_by_tokens

    def price(shape: dict[str, Any]) -> float:
        cached = shape.get("read", 0)
        return float(
            calculate_cost_by_tokens(shape["input"] - cached, shape["model"], "input")
            + (calculate_cost_by_tokens(cached, shape["model"], "cached") if cached else 0)
            + calculate_cost_by_tokens(shape["output"], shape["model"], "output")
        )

    return price


def main() -> None:
    price = {"litellm": litellm, "tokencost": tokencost}[sys.argv[1]]()
    for name, shape in SHAPES.items():
        try:
            usd = price(shape)
        except Exception as error:  # whatever it raises for what it does not know
            print(json.dumps({"shape": name, "usd": None, "why": type(error).__name__}))
            continue
        rounds: list[float] = []
        for _ in range(ROUNDS):
            start = time.process_time()
            for _ in range(CALLS):
                price(shape)
            rounds.append((time.process_time() - start) / CALLS * 1e6)
        found = [statistics.median(rounds), min(rounds), max(rounds)]
        print(json.dumps({"shape": name, "usd": repr(usd), "us": found}))


if __name__ == "__main__":
    main()
