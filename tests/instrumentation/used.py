"""What of an answer says how much a call used."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from spancost.wire import Answer, Attributes

_USAGE: Final = ("gen_ai.usage.", "spancost.usage.")


def usage_in(answer: Answer) -> Attributes:
    """The figures in an answer, by their attributes."""
    return {name: value for name, value in answer.attributes.items() if name.startswith(_USAGE)}
