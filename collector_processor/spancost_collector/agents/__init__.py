"""Coding agents: what they say of their model calls in OTLP logs and metrics, as the spans that the receiver reads.

Claude Code, Codex and Gemini CLI describe a call mainly in a log event, some of them in a span or in metrics as well.
Events and data points are rewritten as spans of the same attributes (`events`, `points`), one small table per agent
says which of them are calls, and from there on they are read, elected, priced and kept like any other. These spans are
never passed on: nobody sent them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from spancost_collector.agents.claude_code import CLAUDE_CODE
from spancost_collector.agents.codex import CODEX
from spancost_collector.agents.gemini_cli import GEMINI_CLI

if TYPE_CHECKING:
    from spancost_collector.agents.agent import Agent

AGENTS: Final[tuple[Agent, ...]] = (CLAUDE_CODE, CODEX, GEMINI_CLI)
"""Those that are known."""
