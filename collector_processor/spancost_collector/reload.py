"""New prices without a restart: all of what was read, or nothing of it.

The files are read and checked as at the start. Where they cannot be used, the receiver goes on with what it has, says
why, and shows it as a metric until a reload succeeds: prices that silently stay old are wrong ones.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final, Protocol, TypeVar

from spancost_pricing import SpancostError

if TYPE_CHECKING:
    from collections.abc import Callable

_log: Final = logging.getLogger(__name__)
T = TypeVar("T")


class ReloadCounts(Protocol):
    """Where reloads are counted; `metrics.receiver.ReceiverMetrics` in production."""

    def reloaded(self, *, taken: bool) -> None:
        """A reload was asked for, and what was read is in use, or could not be."""
        ...


def reload(load: Callable[[], T], use: Callable[[T], None], counts: ReloadCounts) -> bool:
    """Read anew and hand over what was read; False where what was in use stays in use."""
    try:
        found = load()
    except (SpancostError, OSError) as error:
        _log.error("not reloaded, what was in use stays: %s", error)
    except Exception:
        _log.exception("not reloaded, what was in use stays")
    else:
        use(found)
        counts.reloaded(taken=True)
        return True
    counts.reloaded(taken=False)
    return False
