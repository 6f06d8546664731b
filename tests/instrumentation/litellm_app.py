"""An app on LiteLLM, whose newest version does not go with the newest OpenAI SDK."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from outside_app import APP


def main() -> None:
    base = APP.serve()
    APP.instrument("openai", "anthropic", "litellm")
    litellm: Any = import_module("litellm")
    litellm.suppress_debug_info = True
    asked: dict[str, Any] = {"messages": [{"role": "user", "content": "twenty characters ok"}]}
    openai: dict[str, Any] = {"api_base": f"{base}/v1", "api_key": "key", "max_retries": 0}
    usage: dict[str, Any] = {"stream": True, "stream_options": {"include_usage": True}}

    def stream(**more: Any) -> int:
        return len(list(litellm.completion(model="openai/gpt-5", **asked, **openai, **more)))

    async def stream_async(**more: Any) -> int:
        return len([chunk async for chunk in await litellm.acompletion("openai/gpt-5", **asked, **openai, **more)])

    def close_early() -> bool:
        chunks = litellm.completion(model="openai/gpt-5", **asked, **openai, stream=True)
        next(chunks)
        return isinstance(chunks, litellm.CustomStreamWrapper)

    make = APP.make
    make("plain", lambda: litellm.completion("openai/gpt-5", **asked, **openai))
    make("plain async", lambda: litellm.acompletion("openai/gpt-5", **asked, **openai))
    make("bare name", lambda: litellm.completion("gpt-5", **asked, **openai))
    make("stream", lambda: stream(**usage))
    make("stream async", lambda: stream_async(**usage))
    make("stream without usage", lambda: stream(stream=True))
    make("dropped stream", close_early)
    make("anthropic", lambda: litellm.completion("anthropic/claude-sonnet-5", api_base=base, api_key="key", **asked))
    make("embedding", lambda: litellm.embedding("openai/text-embedding-3-small", ["a"], **openai))
    make("embedding async", lambda: litellm.aembedding("openai/text-embedding-3-small", ["a"], **openai))
    make("responses", lambda: litellm.responses("hello", "openai/gpt-5", api_base=f"{base}/v1", api_key="key"))
    make("responses async", lambda: litellm.aresponses("hello", "openai/gpt-5", api_base=f"{base}/v1", api_key="key"))
    make("text", lambda: litellm.text_completion("hello", "openai/gpt-5", **openai))
    make("rerank", lambda: litellm.rerank("cohere/rerank-v3.5", "q", ["a"], api_base=base + "/rerank", api_key="key"))
    make("mock", lambda: litellm.completion("openai/gpt-5", **asked, mock_response="made up"))
    make("error", lambda: litellm.completion("openai/fails-400", **asked, **openai))
    make("error async", lambda: litellm.acompletion("openai/fails-400", **asked, **openai))
    make(
        "fallback",
        lambda: litellm.completion("openai/fails-400", fallbacks=["openai/gpt-5"], num_retries=0, **asked, **openai),
    )
    router = litellm.Router([{"model_name": "ours", "litellm_params": {"model": "openai/gpt-5", **openai}}])
    make("router", lambda: router.completion("ours", **asked))
    make("router async", lambda: router.acompletion("ours", **asked))
    litellm.cache = litellm.Cache()
    for turn in ("first", "second"):
        make(f"cached {turn}", lambda: litellm.completion("openai/gpt-5", caching=True, **asked, **openai))
    litellm.cache = None
    APP.uninstrument()
    make("switched off", lambda: litellm.completion("openai/gpt-5", **asked, **openai))
    APP.tell()


if __name__ == "__main__":
    main()
