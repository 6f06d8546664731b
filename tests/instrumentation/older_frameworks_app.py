"""An app on frameworks that do not go with the newest OpenAI SDK; each makes its calls through an older one."""

from __future__ import annotations

import os
from importlib import import_module
from typing import Any, TypedDict

from outside_app import APP

ASKED = "twenty characters ok"
MESSAGES = [{"role": "user", "content": ASKED}]


def instructor(base: str) -> None:
    library: Any = import_module("instructor")
    pydantic: Any = import_module("pydantic")
    openai: Any = import_module("openai")
    answer = pydantic.create_model("Answer", greeting=(str, ...))
    asked: dict[str, Any] = {"model": "gpt-5", "messages": MESSAGES, "response_model": answer}
    options = {"base_url": f"{base}/v1", "api_key": "key"}
    client = library.from_openai(openai.OpenAI(**options), mode=library.Mode.JSON)
    client_async = library.from_openai(openai.AsyncOpenAI(**options), mode=library.Mode.JSON)

    async def ask() -> str:
        return (await client_async.chat.completions.create(**asked)).greeting

    APP.make("instructor plain", lambda: client.chat.completions.create(**asked).greeting)
    APP.make("instructor plain async", ask)


def llama_index(base: str) -> None:
    model: Any = import_module("llama_index.llms.openai").OpenAI(
        model="gpt-5", api_base=f"{base}/v1", api_key="key", max_retries=0
    )
    vectors: Any = import_module("llama_index.embeddings.openai").OpenAIEmbedding(
        model_name="text-embedding-3-small", api_base=f"{base}/v1", api_key="key"
    )
    message: Any = import_module("llama_index.core.llms").ChatMessage

    async def ask() -> str:
        return str((await model.achat([message(role="user", content=ASKED)])).message.content)

    def stream() -> str:
        return "".join(part.delta for part in model.stream_chat([message(role="user", content=ASKED)]))

    async def stream_async() -> str:
        return "".join([part.delta async for part in await model.astream_complete(ASKED)])

    APP.make("llama_index plain", lambda: str(model.complete(ASKED)))
    APP.make("llama_index plain async", ask)
    APP.make("llama_index stream", stream)
    APP.make("llama_index stream async", stream_async)
    APP.make("llama_index embeddings", lambda: len(vectors.get_text_embedding("a")))


def crewai(base: str) -> None:
    library: Any = import_module("crewai")
    model = library.LLM(model="openai/gpt-5", base_url=f"{base}/v1", api_key="key")
    agent = library.Agent(role="greeter", goal="greet", backstory="polite", llm=model, verbose=False)
    task = library.Task(description=ASKED, expected_output="a greeting", agent=agent)
    crew = library.Crew(agents=[agent], tasks=[task], verbose=False)

    APP.make("crewai plain", lambda: str(model.call(ASKED)))
    APP.make("crewai crew", lambda: crew.kickoff().raw)


class State(TypedDict):
    said: str


def langgraph(base: str) -> None:
    chat: Any = import_module("langchain_openai").ChatOpenAI(
        model="gpt-5", base_url=f"{base}/v1", api_key="key", max_retries=0
    )
    library: Any = import_module("langgraph.graph")

    def node(name: str) -> Any:
        graph = library.StateGraph(State)

        def answer(_: State) -> State:
            return {"said": chat.invoke(ASKED).content}

        graph.add_node(name, answer)
        graph.add_edge(library.START, name)
        graph.add_edge(name, library.END)
        return graph.compile()

    graph = node("answer")

    async def ask() -> str:
        return (await graph.ainvoke({"said": ""}))["said"]

    APP.make("langgraph plain", lambda: graph.invoke({"said": ""})["said"])
    APP.make("langgraph plain async", ask)


def main() -> None:
    os.environ.update(CREWAI_DISABLE_TELEMETRY="true", CREWAI_TRACING_ENABLED="false", OTEL_SDK_DISABLED="false")
    base = APP.serve()
    APP.instrument("openai")
    for framework in (instructor, llama_index, crewai, langgraph):
        framework(base)
    APP.tell()


if __name__ == "__main__":
    main()
