"""The errors that people can meet; each message says where, what, which rule and what to do."""

from __future__ import annotations


class SpancostError(Exception):
    """Base of every error that spancost raises on purpose."""


class ConfigError(SpancostError, ValueError):
    """A setting that cannot be used."""


class PriceFileError(SpancostError, ValueError):
    """A price file that cannot be used."""


class UnknownModelError(SpancostError, LookupError):
    """Nobody knows a price for the model, and the caller asked for one."""


def unreadable(what: object, error: OSError | UnicodeDecodeError) -> str:
    """What is said of a file that cannot be read: `prices.yaml: cannot be read: Permission denied`."""
    return f"{what}: cannot be read: {error.strerror if isinstance(error, OSError) else error}"
