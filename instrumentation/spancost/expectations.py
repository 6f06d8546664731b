"""What was estimated for the call that comes next, so that the estimate can learn from what it turns out to use.

An estimate belongs to the next call of its model in the same Context of execution (task or thread); one that no call
follows is forgotten with it. Only a function to tell the usage to is kept, never a prompt.
"""

from __future__ import annotations

from contextvars import ContextVar
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

    from spancost.wire import Attributes

    Learn = Callable[[Attributes], None]
    """Takes what a call used, by the names that it has on the span."""

_next: Final[ContextVar[tuple[str, Learn] | None]] = ContextVar("spancost-expectation", default=None)


def expect(model: str, learn: Learn) -> None:
    """Tell `learn` what the next call of `model` uses."""
    _next.set((model, learn))


expected: Final[Callable[[], object]] = _next.get
"""What was said last; None where no call is expected."""


def claim(model: str | None) -> Learn | None:
    """Whom to tell the usage of the call of `model` that starts now; None where nobody asked."""
    said = _next.get()
    if said is None or said[0] != model:
        return None
    _next.set(None)
    return said[1]
