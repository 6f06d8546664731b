"""Time as integers: nanoseconds since 1970 in UTC, days, and the weekly hours in which a rate holds.

Integers, because a span's time may be anything that fits in 64 bits and must never raise on its way to a price.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

SECOND_NS: Final = 1_000_000_000
MINUTE_NS: Final = 60 * SECOND_NS
DAY_NS: Final = 86_400 * SECOND_NS
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_EPOCH_WEEKDAY: Final = 3  # 1970-01-01 was a Thursday; Monday is 0


def nanoseconds(instant: datetime) -> int:
    """Nanoseconds since 1970 of an aware instant."""
    since = instant - _EPOCH
    return (since.days * 86_400 + since.seconds) * SECOND_NS + since.microseconds * 1_000


def instant(ns: int) -> datetime:
    """The aware UTC instant of nanoseconds since 1970, to the microsecond."""
    return _EPOCH + timedelta(microseconds=ns // 1_000)


def day_number(day: date) -> int:
    """Days since 1970-01-01."""
    return (day - _EPOCH.date()).days


def weekday(day: int) -> int:
    """Monday is 0, as in `datetime.date.weekday`."""
    return (day + _EPOCH_WEEKDAY) % 7


@dataclass(frozen=True, slots=True)
class Window:
    """The hours of a week in which a rate holds, in UTC."""

    minutes: tuple[tuple[int, int], ...] = ((0, 1440),)
    """Half-open ranges of minutes of the day; one that ends before it starts passes midnight."""
    weekdays: frozenset[int] = frozenset(range(7))
    except_days: frozenset[int] = frozenset()
    """Day numbers on which it does not hold at all (public holidays)."""

    def covers(self, ns: int) -> bool:
        """Whether the rate holds at that instant."""
        day, rest = divmod(ns, DAY_NS)
        if day in self.except_days or weekday(day) not in self.weekdays:
            return False
        minute = rest // MINUTE_NS
        return any(
            start <= minute < end if start <= end else minute >= start or minute < end for start, end in self.minutes
        )

    def edges(self) -> Iterator[int]:
        """Minutes of the day at which the answer may change."""
        for start, end in self.minutes:
            yield start
            yield end


@dataclass(frozen=True, slots=True)
class Validity:
    """When a rate holds: from and to an instant (half-open), and within a weekly window."""

    start_ns: int | None = None
    end_ns: int | None = None
    window: Window | None = None

    def covers(self, ns: int) -> bool:
        """Whether the rate holds at that instant."""
        return self.is_between(ns) and (self.window is None or self.window.covers(ns))

    def is_between(self, ns: int) -> bool:
        """Whether the instant is between those from and to which the rate holds, if only in some hours of the week."""
        return (self.start_ns is None or ns >= self.start_ns) and (self.end_ns is None or ns < self.end_ns)

    def includes(self, other: Validity) -> bool:
        """Whether it holds whenever the other does."""
        started = self.start_ns is None or (other.start_ns is not None and self.start_ns <= other.start_ns)
        goes_on = self.end_ns is None or (other.end_ns is not None and self.end_ns >= other.end_ns)
        return started and goes_on and (self.window is None or self.window == other.window)

    def edges(self, day: int) -> Iterator[int]:
        """Instants within a day at which the answer may change."""
        first = day * DAY_NS
        for ns in (self.start_ns, self.end_ns):
            if ns is not None and first < ns < first + DAY_NS:
                yield ns
        if self.window is not None:
            for minute in self.window.edges():
                if 0 < minute < 1440:
                    yield first + minute * MINUTE_NS


ALWAYS: Final = Validity()
