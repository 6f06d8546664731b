"""How the answers of Mistral's APIs are read; which calls there are is told in `spancost.sdks.mistral`."""
