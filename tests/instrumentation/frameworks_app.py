"""An app on frameworks, each of which makes its calls through an SDK below it."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from outside_app import APP

ASKED = "twenty characters ok"


def langchain(base: str) -> None:
    chat: Any = import_module("langchain_openai").ChatOpenAI(
        model="gpt-5", base_url=f"{base}/v1", api_key="key", max_retries=0
    )
    message: Any = import_module("langchain_anthropic").ChatAnthropic(
        model="claude-sonnet-5", base_url=base, api_key="key", max_retries=0
    )
    vectors: Any = import_module("langchain_openai").OpenAIEmbeddings(
        model="text-embedding-3-small", base_url=f"{base}/v1", api_key="key", check_embedding_ctx_length=False
    )

    async def stream_async() -> str:
        return "".join([chunk.content async for chunk in chat.astream(ASKED)])

    async def ask() -> str:
        return (await chat.ainvoke(ASKED)).content

    APP.make("langchain plain", lambda: chat.invoke(ASKED).content)
    APP.make("langchain plain async", ask)
    APP.make("langchain stream", lambda: "".join(chunk.content for chunk in chat.stream(ASKED)))
    APP.make("langchain stream async", stream_async)
    APP.make("langchain batch", lambda: len(chat.batch([ASKED, ASKED, ASKED])))
    APP.make("langchain anthropic", lambda: message.invoke(ASKED).content)
    APP.make("langchain embeddings", lambda: len(vectors.embed_documents(["a"])))


def openai_agents(base: str) -> None:
    agents: Any = import_module("agents")
    agents.set_tracing_disabled(True)
    client = import_module("openai").AsyncOpenAI(base_url=f"{base}/v1", api_key="key", max_retries=0)
    model = agents.OpenAIChatCompletionsModel("gpt-5", client)
    agent = agents.Agent(name="helper", instructions="Help.", model=model)

    async def ask() -> str:
        return (await agents.Runner.run(agent, ASKED)).final_output

    async def stream() -> str:
        running = agents.Runner.run_streamed(agent, ASKED)
        async for _ in running.stream_events():
            pass
        return running.final_output

    APP.make("agents plain", lambda: agents.Runner.run_sync(agent, ASKED).final_output)
    APP.make("agents plain async", ask)
    APP.make("agents stream async", stream)


def pydantic_ai(base: str) -> None:
    provider = import_module("pydantic_ai.providers.openai").OpenAIProvider(base_url=f"{base}/v1", api_key="key")
    model = import_module("pydantic_ai.models.openai").OpenAIChatModel("gpt-5", provider=provider)
    agent: Any = import_module("pydantic_ai").Agent(model)

    async def ask() -> str:
        return (await agent.run(ASKED)).output

    async def stream() -> str:
        async with agent.run_stream(ASKED) as running:
            return await running.get_output()

    APP.make("pydantic_ai plain", lambda: agent.run_sync(ASKED).output)
    APP.make("pydantic_ai plain async", ask)
    APP.make("pydantic_ai stream async", stream)


def dspy(base: str) -> None:
    model: Any = import_module("dspy").LM(
        "openai/gpt-5",
        engine="litellm",
        api_base=f"{base}/v1",
        api_key="key",
        cache=False,
        temperature=1.0,
        max_tokens=16000,
    )

    async def ask() -> str:
        return str((await model.acall(ASKED))[0])

    APP.make("dspy plain", lambda: str(model(ASKED)[0]))
    APP.make("dspy plain async", ask)


def main() -> None:
    base = APP.serve()
    APP.instrument("openai", "anthropic", "litellm")
    for framework in (langchain, openai_agents, pydantic_ai, dspy):
        framework(base)
    APP.tell()


if __name__ == "__main__":
    main()
