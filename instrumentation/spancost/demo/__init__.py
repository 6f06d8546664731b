"""`python -m spancost.demo`: from nothing to a printed cost report, on this machine alone.

A small shop (`shop`) calls the real OpenAI, Anthropic and Gemini SDKs under `opentelemetry-instrument`; a local
server (`provider`) answers them in the providers' wire shapes; the real receiver prices what the shop did. No key,
no network and no container is needed, and nothing here is imported by the rest of the package.
"""
