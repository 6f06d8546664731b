"""The demo's app: a small shop with three AI features, written as any app is, with no telemetry of its own.

`opentelemetry-instrument` finds the SDKs. What the shop adds is who pays, in each of the ways that spancost reads:
`search` says it with a context manager, `summaries` with a decorator, and `chat` does not import spancost for it but
sets attributes on its own request span. The calls are the same on every run.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

import openai
from anthropic import Anthropic
from google import genai
from google.genai import types
from openai import AsyncOpenAI, OpenAI
from opentelemetry import trace

import spancost

if TYPE_CHECKING:
    from anthropic.types import CacheControlEphemeralParam, TextBlockParam

SHOPPERS: Final = (
    ("u-1001", "north", "quiet kettle for office"),
    ("u-1002", "north", "red cast iron teapot"),
    ("u-2001", "south", "gift for coffee lover"),
)
"""User, tenant and what they look for."""

# 16 words each, repeated: prompts of a realistic length that can still be counted by hand.
_GUIDE = "Turn what a shopper types into the names of products, materials, colours and prices we sell. "
_STYLE = "Write for a busy reader: name what most buyers praise, what they return, and for whom. "
_REVIEW = "It arrived quickly, looks as pictured, heats evenly, and after three months still works very well. "

RANKING_GUIDE: Final = _GUIDE * 80
STYLE_GUIDE: Final = _STYLE * 300
REVIEWS: Final = _REVIEW * 50
PASTED_CATALOGUE: Final = _REVIEW * 600
"""More than a model can read: the call that fails."""


def search(client: OpenAI) -> None:
    """Rewrite each query, then rank the results with a model that no price list knows."""
    for user, tenant, query in SHOPPERS:
        with spancost.attribution(feature="search", user=user, tenant=tenant):
            with spancost.attribution(task="rewrite"):
                client.chat.completions.create(
                    model="gpt-4.1-mini",
                    messages=[{"role": "system", "content": RANKING_GUIDE}, {"role": "user", "content": query}],
                    max_completion_tokens=40,
                )
            with spancost.attribution(task="rank"):
                client.chat.completions.create(
                    model="shop-ranker-preview",
                    messages=[{"role": "user", "content": REVIEWS}],
                    max_completion_tokens=10,
                )


@spancost.attribution(feature="summaries", task="reviews", tenant="north")
def summarise_reviews(client: Anthropic) -> None:
    """Three products, one style guide: the first call writes it to the cache, the others read it."""
    for _ in range(3):
        client.messages.create(
            model="claude-sonnet-4-6",
            system=[_cached(STYLE_GUIDE, {"type": "ephemeral"})],
            messages=[{"role": "user", "content": REVIEWS}],
            max_tokens=200,
        )


@spancost.attribution(feature="summaries", task="digest", tenant="south")
def write_digests(client: Anthropic) -> None:
    """Two streamed digests, with the style guide cached for an hour."""
    for _ in range(2):
        with client.messages.stream(
            model="claude-haiku-4-5",
            system=[_cached(STYLE_GUIDE, {"type": "ephemeral", "ttl": "1h"})],
            messages=[{"role": "user", "content": REVIEWS}],
            max_tokens=320,
        ) as stream:
            stream.until_done()


@spancost.attribution(feature="summaries", task="translate", tenant="south")
def translate_summaries(client: genai.Client) -> None:
    """Two translations by a model that thinks before it writes."""
    for _ in range(2):
        # The SDK's signature names an optional image library's type, unknown where that is not installed.
        client.models.generate_content(  # pyright: ignore[reportUnknownMemberType]
            model="gemini-2.5-flash",
            contents=REVIEWS,
            config=types.GenerateContentConfig(
                max_output_tokens=600, thinking_config=types.ThinkingConfig(thinking_budget=256)
            ),
        )


async def chat(user: str, tenant: str, question: str) -> None:
    """One conversation: a streamed answer, a streamed follow-up from another provider, and one message too many."""
    attributes = {"spancost.feature": "chat", "user.id": user, "spancost.tenant": tenant, "session.id": f"s-{user}"}
    with trace.get_tracer("shop").start_as_current_span("POST /chat", attributes=attributes):
        async with AsyncOpenAI() as client:
            stream = await client.chat.completions.create(
                model="gpt-5-mini",
                messages=[{"role": "user", "content": f"{REVIEWS} {question}"}],
                reasoning_effort="low",
                max_completion_tokens=256,
                stream=True,
            )
            async for _ in stream:
                pass
            try:
                await client.chat.completions.create(
                    model="gpt-5-mini",
                    messages=[{"role": "user", "content": PASTED_CATALOGUE}],
                    max_completion_tokens=256,
                )
            except openai.BadRequestError as refusal:
                print(f"chat: {user} is told that the message is too long ({refusal.code})")
        async with genai.Client().aio as gemini:
            answer = await gemini.models.generate_content_stream(  # pyright: ignore[reportUnknownMemberType]
                model="gemini-2.5-flash-lite",
                contents=f"{REVIEWS} {question}",
                config=types.GenerateContentConfig(max_output_tokens=120),
            )
            async for _ in answer:
                pass


def _cached(text: str, control: CacheControlEphemeralParam) -> TextBlockParam:
    return {"type": "text", "text": text, "cache_control": control}


def main() -> None:
    """Open the shop for a moment: every feature once."""
    with OpenAI() as client:
        search(client)
        print("search: done")
    with Anthropic() as client:
        summarise_reviews(client)
        write_digests(client)
    with genai.Client() as client:
        translate_summaries(client)
    print("summaries: done")
    for shopper in SHOPPERS[:2]:
        asyncio.run(chat(*shopper))
    print("chat: done")


if __name__ == "__main__":
    main()
