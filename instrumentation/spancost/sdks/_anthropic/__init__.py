"""How the answers of Anthropic's APIs are read; which calls there are is told in `spancost.sdks.anthropic`."""
