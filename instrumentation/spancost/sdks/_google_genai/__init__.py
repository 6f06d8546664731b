"""How the answers of Google's APIs are read; which calls there are is told in `spancost.sdks.google_genai`."""
