"""Calls that a subscription covers, where nothing on the wire says so: told by the payers that the settings name.

Claude Code says the same of a Max plan's calls as of an API key's, so whoever runs it has to say which is which. A call
that is covered is marked before it is priced, and keeps the mark in the ledger: repricing knows it too.
"""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Final

from spancost_collector.call import Reported
from spancost_pricing.reported import SUBSCRIPTION

if TYPE_CHECKING:
    from collections.abc import Sequence

    from spancost_collector.call import ModelCall
    from spancost_collector.config import Subscription

_NOTHING_OWED: Final = Reported(0, SUBSCRIPTION)


class Subscriptions:
    """Marks the calls to which one of several rules applies."""

    def __init__(self, rules: Sequence[Subscription]) -> None:
        self._rules = tuple(rules)

    def __call__(self, calls: Sequence[ModelCall]) -> Sequence[ModelCall]:
        """The same calls, those that are covered marked as such; a biller's own figure stands."""
        return [
            call._replace(reported=_NOTHING_OWED) if call.reported is None and self._covers(call) else call
            for call in calls
        ]

    def _covers(self, call: ModelCall) -> bool:
        return any(_applies(rule, call) for rule in self._rules)


def _applies(rule: Subscription, call: ModelCall) -> bool:
    return (
        (rule.agent is None or rule.agent == call.dialect)
        and _matches(rule.service, call.resource.service)
        and _matches(rule.organization, call.attribution.tenant)
        and _matches(rule.user, call.attribution.user)
    )


def _matches(pattern: str | None, value: str | None) -> bool:
    return pattern is None or (value is not None and fnmatchcase(value, pattern))
