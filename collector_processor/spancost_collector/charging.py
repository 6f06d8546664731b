"""From descriptions of calls to charges: elect, price, record and count, all of a group or nothing.

The order is the promise: the ledger commits before anything is counted or remembered, so a group that failed can be
sent again and costs nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from spancost_collector.errors import LedgerUnavailableError
from spancost_collector.ledger.writer import Revision
from spancost_collector.outcome import Refusal
from spancost_pricing.reported import differs

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence, Set

    from spancost_collector.call import Charged, Key, ModelCall
    from spancost_collector.election import Decision, Election, Member
    from spancost_collector.enrich import Enricher
    from spancost_collector.ledger.kept import KeptCharge
    from spancost_collector.ledger.recall import Credit, Kept, Total
    from spancost_collector.ledger.writer import Recorded
    from spancost_collector.metrics.accounts import Accounts
    from spancost_collector.metrics.receiver import ReceiverMetrics
    from spancost_collector.price import Price


class Ledger(Protocol):
    """Where paid calls are kept; `ledger.writer.Ledger` in production."""

    def record(
        self, calls: Sequence[Charged], revisions: Sequence[Revision] = (), members: Sequence[Member] = ()
    ) -> Recorded:
        """Commit durably; return the calls that were new, and what that adds to the counters.

        Raises:
            LedgerUnavailableError: nothing was kept.
        """
        ...

    def known(self, keys: Sequence[Key]) -> Set[Key]:
        """Which of these descriptions are kept, charged or not.

        Raises:
            LedgerUnavailableError: that cannot be said now.
        """
        ...

    def recent(self, limit: int) -> Kept:
        """What was described last."""
        ...

    def totals(self) -> Iterable[Total]:
        """What has been spent so far, series in order of first appearance."""
        ...

    def credit(self) -> Iterable[Credit]:
        """By how much counters are above that, since they may never fall."""
        ...

    def writable(self) -> bool:
        """Whether a commit would be accepted at this moment."""
        ...

    def close(self) -> None:
        """Close it for good."""
        ...


class Observer(Protocol):
    """Shows something about calls that the counters do not; `metrics.measures.Measures` in production."""

    def correct(self, withdrawn: Sequence[KeptCharge], replaced: Sequence[Charged]) -> None:
        """Charges that no longer hold, and what took their place; `observe` is told of the same commit next."""
        ...

    def observe(self, calls: Sequence[Charged]) -> None:
        """Add calls that were charged for the first time."""
        ...


class Charging:
    """Turns the calls of one group into rows, counters, and attributes for their spans."""

    def __init__(
        self,
        *,
        election: Election,
        price: Price,
        enricher: Enricher,
        ledger: Ledger,
        accounts: Accounts,
        metrics: ReceiverMetrics,
        observers: Sequence[Observer] = (),
    ) -> None:
        """Connect the stages; `observers` are told of every call that is newly charged, once it is committed."""
        self.price = price
        """What later groups are charged by."""
        self._election = election
        self._enricher = enricher
        self._ledger = ledger
        self._accounts = accounts
        self._metrics = metrics
        self._observers = tuple(observers)

    def __call__(self, calls: Sequence[ModelCall]) -> list[bytes]:
        """Charge a group; what to append to each call's span, in order.

        Raises:
            LedgerUnavailableError: nothing was kept or counted.
        """
        try:
            return self._charge(calls)
        except LedgerUnavailableError:
            self._metrics.ledger_failures.inc()
            raise

    def check(self) -> Refusal | None:
        """What would keep a group from being charged at this moment; None when nothing would."""
        if self._ledger.writable():
            return None
        return Refusal(
            "unavailable",
            "ledger: it accepts no commit; see that its file is where it was and its disk has room and is writable,"
            " or check it with `spancost doctor --ledger`",
        )

    def _charge(self, calls: Sequence[ModelCall]) -> list[bytes]:
        decision = self._election.consider(calls, self._ledger.known)
        try:
            paid = self.price(decision.paid)
            encode = self._enricher
            if decision.shown is calls:
                attributes = [encode(charge) for _, charge, _ in paid]
                recorded = self._ledger.record(paid)
            else:
                revised, shown = self._resolve(decision, paid)
                attributes = [
                    b"" if one is None else encode.duplicate(one) if isinstance(one, bytes) else encode(one.charge)
                    for one in shown
                ]
                recorded = self._ledger.record(paid, revised, decision.members)
        except BaseException:
            self._election.undo(decision)
            raise
        self._election.accept(decision)
        self._count(decision, recorded)
        return attributes

    def _resolve(
        self, decision: Decision, paid: Sequence[Charged]
    ) -> tuple[list[Revision], list[Charged | bytes | None]]:
        """The charges of what is corrected, and of what every span is shown to stand for."""
        charged = {one.call.key: one for one in paid}
        wanted = [correction.call for correction in decision.corrections]
        wanted += [call for call in decision.shown if not isinstance(call, bytes)]
        others = {call.key: call for call in wanted if call is not None and call.key not in charged}
        charged.update((one.call.key, one) for one in self.price(list(others.values())))
        revised = [
            Revision(withdrawn, None if call is None else charged[call.key]) for withdrawn, call in decision.corrections
        ]
        shown = [one if one is None or isinstance(one, bytes) else charged[one.key] for one in decision.shown]
        return revised, shown

    def _count(self, decision: Decision, recorded: Recorded) -> None:
        fresh = recorded.fresh
        self._accounts.add(recorded.rises)
        for observer in self._observers:
            if recorded.withdrawn or recorded.replaced:
                observer.correct(recorded.withdrawn, recorded.replaced)
            observer.observe(fresh)
        for reason, count in decision.duplicates.items():
            self._metrics.duplicates[reason].inc(count)
        self._metrics.duplicates["redelivery"].inc(len(decision.paid) - len(fresh))
        self._metrics.corrections.inc(len(decision.corrections))
        self._metrics.cached_calls.inc([call.cached for call, _, _ in fresh].count(True))
        statuses = [charge.status for _, charge, _ in fresh]
        self._metrics.mismatches.inc(statuses.count("invalid_usage"))
        if "reported" in statuses:
            self._metrics.differences.inc(sum(differs(charge) for _, charge, _ in fresh))
