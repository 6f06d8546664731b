"""What emitters write that are read as `litellm`."""

from __future__ import annotations

from tests.collector.dialects.case import Case

from spancost_collector.call import Attribution, Reported
from spancost_pricing import Route, Usage

CASES = {
    "litellm, first callback": Case(
        "litellm",
        "litellm",
        {
            "gen_ai.operation.name": "chat",
            "llm.request.type": "completion",
            "gen_ai.system": "anthropic",
            "gen_ai.request.model": "claude-x",
            "gen_ai.usage.input_tokens": 3504,
            "gen_ai.usage.output_tokens": 97,
            "gen_ai.usage.total_tokens": 3601,
            "gen_ai.cost.total_cost": 0.5,
            "metadata.usage_object": (
                "{'completion_tokens': 97, 'prompt_tokens': 3504, 'total_tokens': 3601, 'prompt_tokens_details':"
                " {'audio_tokens': None, 'cache_write_tokens': 0, 'cached_tokens': 2000, 'cache_creation_tokens': 1000,"
                " 'cache_creation_token_details': {'ephemeral_1h_input_tokens': 400}},"
                " 'cache_creation_input_tokens': 1000, 'cache_read_input_tokens': 2000}"
            ),
            "metadata.user_api_key_team_alias": "acme",
            "metadata.user_api_key_end_user_id": "u1",
            "metadata.user_api_key_user_email": "",
        },
        Route("anthropic", "claude-x"),
        Usage(
            input_tokens=3504,
            cache_read_tokens=2000,
            cache_write_tokens=1000,
            cache_write_1h_tokens=400,
            output_tokens=97,
        ),
        attribution=Attribution(tenant="acme", user="u1"),
        quoted=Reported(500_000_000_000, "litellm"),
    ),
    "litellm over openrouter": Case(
        "litellm",
        "litellm",
        {
            "gen_ai.operation.name": "chat",
            "gen_ai.system": "openrouter",
            "gen_ai.request.model": "vendor/model",
            "gen_ai.usage.input_tokens": 74,
            "gen_ai.usage.output_tokens": 21,
            "gen_ai.cost.total_cost": 0.0,
            "metadata.usage_object": (
                "{'completion_tokens': 21, 'prompt_tokens': 74, 'cost': 5.37e-06, 'is_byok': True,"
                " 'cost_details': {'upstream_inference_cost': 1e-06}}"
            ),
        },
        Route("openrouter", "vendor/model"),
        Usage(input_tokens=74, output_tokens=21),
        reported=Reported(6_370_000, "openrouter"),
    ),
    "litellm, embeddings of a model without a provider": Case(
        "litellm",
        "litellm",
        {
            "llm.request.type": "embedding",
            "gen_ai.system": "",
            "litellm.provider.model": "openai/text-embedding-x",
            "gen_ai.request.model": "text-embedding-x",
            "gen_ai.usage.input_tokens": 7,
            "gen_ai.usage.output_tokens": 0,
        },
        Route("openai", "text-embedding-x"),
        Usage(input_tokens=7, output_tokens=0),
        operation="embeddings",
    ),
    "litellm, second callback": Case(
        "litellm",
        "litellm",
        {
            "gen_ai.operation.name": "chat",
            "gen_ai.provider.name": "openai",
            "gen_ai.request.model": "gpt-x",
            "litellm.call_id": "c1",
            "gen_ai.usage.input_tokens": 10,
            "gen_ai.usage.cache_read.input_tokens": 4,
            "gen_ai.usage.output_tokens": 2,
            "litellm.cost.total": 0.001,
            "litellm.team.id": "t1",
            "litellm.team.alias": "acme",
            "litellm.end_user.id": "u1",
            "litellm.metadata.feature": "search",
            "litellm.metadata.plan": "gold",
        },
        Route("openai", "gpt-x"),
        Usage(input_tokens=10, cache_read_tokens=4, output_tokens=2),
        attribution=Attribution("search", tenant="acme", user="u1", tags=("plan:gold",)),
        quoted=Reported(1_000_000_000, "litellm"),
    ),
    "litellm, responses": Case(
        "litellm",
        "litellm",
        {
            "gen_ai.operation.name": "responses",
            "gen_ai.request.model": "gpt-x",
            "gen_ai.system": "",
            "gen_ai.usage.input_tokens": 10,
            "gen_ai.usage.output_tokens": 2,
            "metadata.usage_object": "{'prompt_tokens': 10, 'completion_tokens': 2, "
            "'prompt_tokens_details': {'audio_tokens': None, 'cached_tokens': 5}}",
        },
        Route("openai", "gpt-x"),
        Usage(input_tokens=10, cache_read_tokens=5, output_tokens=2),
    ),
}
