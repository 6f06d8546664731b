"""What emitters write that are read as `google_adk`."""

from __future__ import annotations

from tests.collector.dialects.case import Case

from spancost_collector.call import Attribution
from spancost_pricing import Route, Usage

CASES = {
    "google adk, first schema": Case(
        "google_adk",
        "gcp.vertex.agent",
        {
            "gen_ai.system": "gcp.vertex.agent",
            "gen_ai.request.model": "gemini-x",
            "gcp.vertex.agent.invocation_id": "i1",
            "gcp.vertex.agent.session_id": "s1",
            "gen_ai.usage.input_tokens": 1050,
            "gen_ai.usage.cache_read.input_tokens": 600,
            "gen_ai.usage.output_tokens": 400,
            "gen_ai.usage.reasoning.output_tokens": 300,
        },
        Route("gcp.gemini", "gemini-x"),
        Usage(input_tokens=1050, cache_read_tokens=600, output_tokens=400, reasoning_tokens=300),
        operation="generate_content",
        attribution=Attribution(session="s1"),
    ),
    "google adk, second schema": Case(
        "google_adk",
        "gcp.vertex.agent",
        {
            "gen_ai.operation.name": "generate_content",
            "gen_ai.provider.name": "gcp.vertex_ai",
            "gen_ai.request.model": "gemini-x",
            "gen_ai.usage.input_tokens": 1050,
            "gen_ai.usage.output_tokens": 400,
            "gen_ai.usage.reasoning.output_tokens": 300,
        },
        Route("gcp.vertex_ai", "gemini-x"),
        Usage(input_tokens=1050, output_tokens=400, reasoning_tokens=300),
        operation="generate_content",
    ),
}
