"""The `openai` SDK, whoever it talks to: OpenAI, Azure, Groq, DeepSeek, OpenRouter and all that copy the API.

`instrumentor` has the table of operations; the other modules read the answers.
"""

from spancost.sdks.openai.chat import chat_usage
from spancost.sdks.openai.instrumentor import OpenAIInstrumentor

__all__ = ["OpenAIInstrumentor", "chat_usage"]
