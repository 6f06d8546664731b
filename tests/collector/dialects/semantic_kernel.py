"""What emitters write that are read as `semantic_kernel`."""

from __future__ import annotations

from tests.collector.dialects.case import Case

from spancost_pricing import Route, Usage

CASES = {
    "semantic kernel": Case(
        "semantic_kernel",
        "semantic_kernel.utils.telemetry.model_diagnostics.decorators",
        {
            "gen_ai.operation.name": "chat.completions",
            "gen_ai.system": "openai",
            "gen_ai.request.model": "gpt-x",
            "gen_ai.usage.input_tokens": 10,
            "gen_ai.usage.output_tokens": 2,
        },
        Route("openai", "gpt-x"),
        Usage(input_tokens=10, output_tokens=2),
    ),
}
