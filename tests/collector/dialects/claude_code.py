"""What emitters write that are read as `claude_code`."""

from __future__ import annotations

from tests.collector.dialects.case import Case

from spancost_collector.call import Attribution
from spancost_pricing import Route, Usage

CASES = {
    "claude code": Case(
        "claude_code",
        "com.anthropic.claude_code.tracing",
        {
            "span.type": "llm_request",
            "gen_ai.system": "anthropic",
            "gen_ai.request.model": "claude-x",
            "gen_ai.response.id": "req_1",
            "model": "claude-x",
            "session.id": "run-1",
            "user.id": "device-1",
            "user.email": "dev@example.com",
            "organization.id": "org-1",
            "speed": "fast",
            "query_source": "compact",
            "input_tokens": 504,
            "cache_read_tokens": 2000,
            "cache_creation_tokens": 1000,
            "output_tokens": 97,
        },
        Route("anthropic", "claude-x", speed="fast"),
        Usage(input_tokens=3504, cache_read_tokens=2000, cache_write_tokens=1000, output_tokens=97),
        attribution=Attribution(
            tenant="org-1", user="dev@example.com", session="run-1", tags=("query_source:compact",)
        ),
    ),
}
