"""What emitters write that are read as `spring_ai`."""

from __future__ import annotations

from tests.collector.dialects.case import Case

from spancost_pricing import Route, Usage

CASES = {
    "spring ai": Case(
        "spring_ai",
        "org.springframework.ai",
        {
            "gen_ai.operation.name": "chat",
            "gen_ai.system": "openai",
            "gen_ai.request.model": "gpt-x",
            "gen_ai.usage.input_tokens": "10",
            "gen_ai.usage.output_tokens": "2",
            "gen_ai.usage.total_tokens": "12",
        },
        Route("openai", "gpt-x"),
        Usage(input_tokens=10, output_tokens=2),
    ),
}
