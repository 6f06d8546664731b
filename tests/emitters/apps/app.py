"""An app in an environment of its own: switches emitters on, makes each call, and prints when each began and ended.

It imports nothing but what is installed there and the modules beside it, and ends when everything is exported.

    python app.py '{"setups": ["openinference"], "client": "sdks", "cases": ["chat"], "in_request": false}'
"""

from __future__ import annotations

import json
import os
import sys
import time
from contextlib import nullcontext
from typing import Any

from clients import CLIENTS
from opentelemetry import trace
from setups import OWN_PROVIDER, SETUPS, install_provider

_APART_SECONDS = 0.01
"""Between two calls, so that nothing of one falls into the time of the other."""


def request() -> Any:
    """What a server's own instrumentation does around a call."""
    return trace.get_tracer("server").start_as_current_span("request", kind=trace.SpanKind.SERVER)


def main(asked: dict[str, Any]) -> dict[str, tuple[int, int]]:
    """Case -> when its call began and ended, in nanoseconds."""
    if not OWN_PROVIDER.intersection(asked["setups"]):
        install_provider()
    flushes = [SETUPS[setup]() for setup in asked["setups"]]
    calls = CLIENTS[asked["client"]](os.environ["PROVIDER_URL"])
    times: dict[str, tuple[int, int]] = {}
    for case in asked["cases"]:
        time.sleep(_APART_SECONDS)
        began = time.time_ns()
        with request() if asked["in_request"] else nullcontext():
            calls[case]()
        time.sleep(_APART_SECONDS)
        times[case] = (began, time.time_ns())
    provider: Any = trace.get_tracer_provider()
    for flush in (*flushes, getattr(provider, "force_flush", None)):
        if flush is not None:
            flush()
    return times


if __name__ == "__main__":
    print(json.dumps(main(json.loads(sys.argv[1]))), flush=True)
