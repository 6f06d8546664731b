"""What emitters write that are read as `gemini_cli`."""

from __future__ import annotations

from tests.collector.dialects.case import Case

from spancost_collector.call import Attribution
from spancost_pricing import Route, Usage

CASES = {
    "gemini cli": Case(
        "gemini_cli",
        "gemini-cli",
        {
            "gen_ai.operation.name": "llm_call",
            "gen_ai.agent.name": "gemini-cli",
            "gen_ai.conversation.id": "run-1",
            "gen_ai.request.model": "gemini-x",
            "gen_ai.prompt.name": "run-1########3",
            "gen_ai.usage.input_tokens": 1000,
            "gen_ai.usage.output_tokens": 60,
        },
        Route("gcp.gemini", "gemini-x"),
        Usage(input_tokens=1000, output_tokens=60),
        "generate_content",
        Attribution(session="run-1"),
    ),
}
