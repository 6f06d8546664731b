"""What emitters write that are read as `logfire`."""

from __future__ import annotations

from tests.collector.dialects.case import Case

from spancost_collector.call import Reported
from spancost_pricing import Route, Usage

CASES = {
    "logfire": Case(
        "logfire",
        "logfire.anthropic",
        {
            "gen_ai.operation.name": "chat",
            "gen_ai.provider.name": "anthropic",
            "gen_ai.request.model": "claude-x",
            "gen_ai.response.id": "msg_1",
            "logfire.span_type": "span",
            "gen_ai.usage.input_tokens": 3504,
            "gen_ai.usage.output_tokens": 97,
            "operation.cost": 0.0058,
            "gen_ai.usage.raw": (
                '{"input_tokens": 504, "cache_read_input_tokens": 2000, "cache_creation_input_tokens": 1000,'
                ' "cache_creation": {"ephemeral_1h_input_tokens": 400, "ephemeral_5m_input_tokens": 600},'
                ' "output_tokens": 97, "service_tier": "standard", "server_tool_use": {"web_search_requests": 2}}'
            ),
        },
        Route("anthropic", "claude-x", "standard"),
        Usage(
            input_tokens=3504,
            cache_read_tokens=2000,
            cache_write_tokens=1000,
            cache_write_1h_tokens=400,
            output_tokens=97,
            units={"web_search": 2},
        ),
        quoted=Reported(5_800_000_000, "logfire"),
    ),
}
