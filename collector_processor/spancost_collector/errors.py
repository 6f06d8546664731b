"""The receiver's errors; one exception for each thing that a sender or an operator has to do something about."""

from __future__ import annotations

from spancost_pricing import SpancostError


class LedgerError(SpancostError):
    """The ledger cannot be used as it is; the message says what to do."""


class LedgerUnavailableError(LedgerError):
    """The ledger did not commit. Nothing was kept, so the sender must send again."""
