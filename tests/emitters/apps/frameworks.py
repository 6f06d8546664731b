"""How the calls of the cases are made through frameworks, each of which has an SDK below it or none."""

from __future__ import annotations

import asyncio
import os
from importlib import import_module
from typing import TYPE_CHECKING, Any

from asked import ASKED, BEDROCK, CLAUDE, EMBEDDING, GEMINI, GPT, MESSAGES, aws

if TYPE_CHECKING:
    from asked import Calls


def langchain(base: str) -> Calls:
    openai: dict[str, Any] = {
        "model": GPT,
        "base_url": f"{base}/v1",
        "api_key": "key",
        "max_retries": 0,
        "service_tier": "flex",
    }
    offered = import_module("langchain_openai")
    chat: Any = offered.ChatOpenAI(**openai, stream_usage=True)
    responses: Any = offered.ChatOpenAI(**openai, use_responses_api=True)
    messages: Any = import_module("langchain_anthropic").ChatAnthropic(
        model=CLAUDE, base_url=base, api_key="key", max_retries=0
    )
    converse: Any = import_module("langchain_aws").ChatBedrockConverse(model=BEDROCK, client=aws(base))
    gemini: Any = import_module("langchain_google_genai").ChatGoogleGenerativeAI(
        model=GEMINI, api_key="key", base_url=base, max_retries=0
    )
    models = {"chat": chat, "responses": responses, "messages": messages, "converse": converse, "gemini": gemini}
    calls: Calls = {}
    for name, model in models.items():
        calls[name] = lambda model=model: model.invoke(ASKED)
        calls[f"{name} stream"] = lambda model=model: list(model.stream(ASKED))
    return calls


def litellm(base: str) -> Calls:
    library: Any = import_module("litellm")
    library.suppress_debug_info = True
    openai: dict[str, Any] = {"api_base": f"{base}/v1", "api_key": "key", "max_retries": 0}
    amazon: dict[str, Any] = {
        "aws_access_key_id": "id",
        "aws_secret_access_key": "key",
        "aws_region_name": "us-east-1",
        "aws_bedrock_runtime_endpoint": base,
    }
    asked: dict[str, dict[str, Any]] = {
        "chat": {"model": f"openai/{GPT}", "service_tier": "flex", **openai},
        "messages": {"model": f"anthropic/{CLAUDE}", "api_base": base, "api_key": "key"},
        "converse": {"model": f"bedrock/converse/{BEDROCK}", **amazon},
        "gemini": {"model": f"gemini/{GEMINI}", "api_base": f"{base}/v1beta/models/{GEMINI}", "api_key": "key"},
    }
    response: dict[str, Any] = {
        "input": ASKED,
        "model": f"openai/{GPT}",
        "service_tier": "flex",
        "api_base": f"{base}/v1",
        "api_key": "key",
    }
    usage = {"include_usage": True}
    calls: Calls = {
        "responses": lambda: library.responses(**response),
        "responses stream": lambda: list(library.responses(**response, stream=True)),
        "embeddings": lambda: library.embedding(model=f"openai/{EMBEDDING}", input=[ASKED], **openai),
    }
    for name, call in asked.items():
        calls[name] = lambda call=call: library.completion(messages=MESSAGES, **call)
        calls[f"{name} stream"] = lambda call=call: list(
            library.completion(messages=MESSAGES, stream=True, stream_options=usage, **call)
        )
    return calls


def pydantic_ai(base: str) -> Calls:
    agent: Any = import_module("pydantic_ai").Agent
    openai = import_module("pydantic_ai.models.openai")
    openai_provider = import_module("pydantic_ai.providers.openai").OpenAIProvider(base_url=f"{base}/v1", api_key="key")
    anthropic_client = import_module("anthropic").AsyncAnthropic(base_url=base, api_key="key", max_retries=0)
    anthropic_provider = import_module("pydantic_ai.providers.anthropic").AnthropicProvider(
        anthropic_client=anthropic_client
    )
    aws_provider = import_module("pydantic_ai.providers.bedrock").BedrockProvider(bedrock_client=aws(base))
    google_provider = import_module("pydantic_ai.providers.google").GoogleProvider(api_key="key", base_url=base)
    flex: dict[str, Any] = {"model_settings": {"openai_service_tier": "flex"}}
    agents = {
        "chat": agent(openai.OpenAIChatModel(GPT, provider=openai_provider), **flex),
        "responses": agent(openai.OpenAIResponsesModel(GPT, provider=openai_provider), **flex),
        "messages": agent(
            import_module("pydantic_ai.models.anthropic").AnthropicModel(CLAUDE, provider=anthropic_provider)
        ),
        "converse": agent(
            import_module("pydantic_ai.models.bedrock").BedrockConverseModel(BEDROCK, provider=aws_provider)
        ),
        "gemini": agent(import_module("pydantic_ai.models.google").GoogleModel(GEMINI, provider=google_provider)),
    }
    # Connections belong to the loop in which they were made.
    loop = asyncio.new_event_loop()

    async def stream(one: Any) -> None:
        async with one.run_stream(ASKED) as result:
            await result.get_output()

    calls: Calls = {}
    for name, one in agents.items():
        calls[name] = lambda one=one: loop.run_until_complete(one.run(ASKED))
        calls[f"{name} stream"] = lambda one=one: loop.run_until_complete(stream(one))
    return calls


def strands(base: str) -> Calls:
    agent: Any = import_module("strands").Agent
    models = "strands.models"
    openai = import_module(f"{models}.openai").OpenAIModel(
        client_args={"base_url": f"{base}/v1", "api_key": "key", "max_retries": 0},
        model_id=GPT,
        params={"service_tier": "flex"},
    )
    anthropic = import_module(f"{models}.anthropic").AnthropicModel(
        client_args={"base_url": base, "api_key": "key", "max_retries": 0}, model_id=CLAUDE, max_tokens=200
    )
    session = import_module("boto3").Session(
        aws_access_key_id="id", aws_secret_access_key="key", region_name="us-east-1"
    )
    bedrock = import_module(f"{models}.bedrock").BedrockModel(boto_session=session, endpoint_url=base, model_id=BEDROCK)
    gemini = import_module(f"{models}.gemini").GeminiModel(
        client_args={"api_key": "key", "http_options": {"base_url": base}}, model_id=GEMINI
    )
    # Every call of this framework is streamed.
    streamed = {"chat": openai, "messages": anthropic, "converse": bedrock, "gemini": gemini}
    return {
        f"{name} stream": lambda model=model: agent(model=model, callback_handler=None)(ASKED)
        for name, model in streamed.items()
    }


def google_adk(base: str) -> Calls:
    os.environ |= {"GOOGLE_API_KEY": "key", "GOOGLE_GEMINI_BASE_URL": base}
    agents = import_module("google.adk.agents")
    types = import_module("google.genai.types")
    runner = import_module("google.adk.runners").InMemoryRunner(
        agent=agents.LlmAgent(name="helper", model=GEMINI, instruction="Help."), app_name="app"
    )
    modes = import_module("google.adk.agents.run_config")
    content = types.Content(role="user", parts=[types.Part(text=ASKED)])

    async def run(mode: Any) -> None:
        session = await runner.session_service.create_session(app_name="app", user_id="u")
        config = modes.RunConfig(streaming_mode=mode)
        async for _ in runner.run_async(user_id="u", session_id=session.id, new_message=content, run_config=config):
            pass

    return {
        "gemini": lambda: asyncio.run(run(modes.StreamingMode.NONE)),
        "gemini stream": lambda: asyncio.run(run(modes.StreamingMode.SSE)),
    }


def semantic_kernel(base: str) -> Calls:
    client = import_module("openai").AsyncOpenAI(base_url=f"{base}/v1", api_key="key", max_retries=0)
    offered = import_module("semantic_kernel.connectors.ai.open_ai")
    chat: Any = offered.OpenAIChatCompletion(ai_model_id=GPT, async_client=client)
    settings = offered.OpenAIChatPromptExecutionSettings()
    history: Any = import_module("semantic_kernel.contents").ChatHistory()
    history.add_user_message(ASKED)

    async def stream() -> None:
        async for _ in chat.get_streaming_chat_message_contents(history, settings):
            pass

    loop = asyncio.new_event_loop()
    return {
        "chat": lambda: loop.run_until_complete(chat.get_chat_message_contents(history, settings)),
        "chat stream": lambda: loop.run_until_complete(stream()),
    }


def agent_framework(base: str) -> Calls:
    client = import_module("openai").AsyncOpenAI(base_url=f"{base}/v1", api_key="key", max_retries=0)
    offered = import_module("agent_framework.openai")
    agent: Any = import_module("agent_framework").Agent
    agents = {
        "chat": agent(client=offered.OpenAIChatCompletionClient(model=GPT, async_client=client), name="helper"),
        "responses": agent(client=offered.OpenAIChatClient(model=GPT, async_client=client), name="helper"),
    }
    loop = asyncio.new_event_loop()

    async def stream(one: Any) -> None:
        async for _ in one.run(ASKED, stream=True):
            pass

    calls: Calls = {}
    for name, one in agents.items():
        calls[name] = lambda one=one: loop.run_until_complete(one.run(ASKED))
        calls[f"{name} stream"] = lambda one=one: loop.run_until_complete(stream(one))
    return calls
