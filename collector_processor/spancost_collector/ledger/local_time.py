"""Hours, days and months by the clocks of a time zone, as functions that SQL can call.

The ledger keeps time in UTC; people ask for the days on their calendar. SQLite knows no zones, so a connection is given
functions that name the local hour, day and month of an instant, and a table is grouped by what they say. An instant is
a count of quarter-hours since 1970, because every zone is whole quarter-hours away from UTC: a quarter is never in two
hours, and there are few enough of them to remember the answers.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import sqlite3
    from datetime import tzinfo

QUARTERS_AN_HOUR: Final = 4
QUARTER_NS: Final = 900_000_000_000

_QUARTER_SECONDS: Final = 900
_HOUR: Final = timedelta(hours=1)
_REMEMBERED: Final = 65_536
"""Almost two years of quarter-hours."""


def register(connection: sqlite3.Connection, zone: tzinfo) -> None:
    """Give SQL on `connection` `local_hour`, `local_day` and `local_month` of a quarter-hour."""
    for name, label in (("local_hour", _hour), ("local_day", _day), ("local_month", _month)):
        remembering = lru_cache(_REMEMBERED)(partial(label, zone))
        connection.create_function(name, 1, remembering, deterministic=True)


def begins_with_utc_hours(zone: tzinfo, first: int, last: int) -> bool:
    """Whether the zone's hours begin when those of UTC do, from Unix hour `first` to `last`."""
    offsets = (datetime.fromtimestamp(hour * 3600, zone).utcoffset() for hour in (*range(first, last, 24), last))
    return all(offset is not None and not offset % _HOUR for offset in offsets)


def _hour(zone: tzinfo, quarter: int) -> str:
    """With its offset, which tells the two hours apart that have one name when clocks are set back."""
    hour = _at(zone, quarter).replace(minute=0)
    return hour.isoformat(timespec="minutes").replace("+00:00", "Z")


def _day(zone: tzinfo, quarter: int) -> str:
    return _at(zone, quarter).strftime("%Y-%m-%d")


def _month(zone: tzinfo, quarter: int) -> str:
    return _at(zone, quarter).strftime("%Y-%m")


def _at(zone: tzinfo, quarter: int) -> datetime:
    return datetime.fromtimestamp(quarter * _QUARTER_SECONDS, zone)
