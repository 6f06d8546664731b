"""Times on the command line: how far back, or an instant."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from spancost_pricing import ConfigError

if TYPE_CHECKING:
    from datetime import tzinfo

_DURATION: Final = re.compile(r"(\d+)([smhdw])")
_UNITS: Final = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def moment(option: str, text: str, now: datetime, zone: tzinfo = UTC) -> datetime:
    """`7d` before now, or an ISO 8601 time, in `zone` unless it says; in UTC.

    Raises:
        ConfigError: `text`, the value of `option`, is neither.
    """
    try:
        if match := _DURATION.fullmatch(text):
            return now - timedelta(**{_UNITS[match[2]]: int(match[1])})
        found = datetime.fromisoformat(text)
        return (found if found.tzinfo else found.replace(tzinfo=zone)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise ConfigError(
            f'{option}: got "{text}"; expected an age such as 30m, 24h or 7d, or an ISO 8601 time such as 2026-11-01'
        ) from None


def period(option: str, text: str, *, longest: timedelta) -> timedelta:
    """How long `30s` or `5m` is.

    Raises:
        ConfigError: `text`, the value of `option`, is no such thing, is nothing, or longer than is allowed.
    """
    match = _DURATION.fullmatch(text)
    try:
        found = timedelta(**{_UNITS[match[2]]: int(match[1])}) if match else timedelta()
    except OverflowError:
        found = timedelta.max
    if not timedelta() < found <= longest:
        raise ConfigError(
            f'{option}: got "{text}"; expected a time such as 30s or 5m, at most {longest.total_seconds() / 60:g}m'
        )
    return found


def nanoseconds(found: datetime) -> int:
    """Unix time in nanoseconds, exactly."""
    delta = found - _EPOCH
    return (delta.days * 86_400 + delta.seconds) * 1_000_000_000 + delta.microseconds * 1_000
