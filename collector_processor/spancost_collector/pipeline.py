"""What happens to the requests of one group, as a chain of small stages; the effects are last and few.

The order is the promise: the ledger commits before anything is counted or acknowledged, the next hop takes the
spans before their sender is told OK, and whatever goes wrong in between is safe to send again.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final, Protocol

from spancost_collector.decode import Export, MalformedRequestError
from spancost_collector.errors import LedgerUnavailableError
from spancost_collector.normalise import UnreadableSpanError
from spancost_collector.outcome import Refusal
from spancost_pricing.reported import differs

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from spancost_collector.accounts import Accounts
    from spancost_collector.call import Charged, ModelCall
    from spancost_collector.decode import Place
    from spancost_collector.enrich import Enricher
    from spancost_collector.ledger import TakenBack, Total
    from spancost_collector.metrics import ReceiverMetrics
    from spancost_collector.normalise import Normaliser
    from spancost_collector.price import Price


_log: Final = logging.getLogger(__name__)


class Ledger(Protocol):
    """Where paid calls are kept; `ledger.Ledger` in production."""

    def record(self, calls: Sequence[Charged]) -> list[Charged]:
        """Commit durably; return the calls that were new.

        Raises:
            LedgerUnavailableError: nothing was kept.
        """
        ...

    def totals(self) -> Iterable[Total]:
        """What has been spent so far, series in order of first appearance."""
        ...

    def taken_back(self) -> Iterable[TakenBack]:
        """What repricing took out of that, and counters still carry."""
        ...

    def writable(self) -> bool:
        """Whether a commit would be accepted at this moment."""
        ...

    def close(self) -> None:
        """Close it for good."""
        ...


class Forward(Protocol):
    """The next hop; `forward.Forwarder` in production."""

    def __call__(self, bodies: Sequence[bytes]) -> list[Refusal | None]:
        """Hand requests on; one answer each."""
        ...

    def check(self) -> Refusal | None:
        """Why the next hop would not take a request at this moment; None when it would."""
        ...


class Pipeline:
    """Turns the requests of one group into one answer each: None is OK, a `Refusal` says why not."""

    def __init__(
        self,
        *,
        normaliser: Normaliser,
        price: Price,
        enricher: Enricher,
        ledger: Ledger,
        accounts: Accounts,
        metrics: ReceiverMetrics,
        forward: Forward | None,
    ) -> None:
        self._normaliser = normaliser
        self._price = price
        self._enricher = enricher
        self._ledger = ledger
        self._accounts = accounts
        self._metrics = metrics
        self._forward = forward

    def __call__(self, bodies: Sequence[bytes]) -> list[Refusal | None]:
        """Process requests together: one ledger transaction, as few forwards as possible."""
        answers: list[Refusal | None] = [None] * len(bodies)
        exports: dict[int, Export] = {}
        for index, body in enumerate(bodies):
            try:
                exports[index] = Export(body)
            except MalformedRequestError as error:
                answers[index] = Refusal("malformed", str(error))
        try:
            self._charge(list(exports.values()))
        except LedgerUnavailableError as error:
            self._metrics.ledger_failures.inc()
            _log.warning("%d requests not acknowledged: %s", len(exports), error)
            refusal = Refusal("unavailable", "the ledger did not commit, and its receiver has logged why; send again")
            return [refusal if index in exports else answer for index, answer in enumerate(answers)]
        if self._forward is not None:
            taken = self._forward([export.encode() for export in exports.values()])
            for index, answer in zip(exports, taken, strict=True):
                answers[index] = answer
        return answers

    def check(self) -> Refusal | None:
        """What would keep an export from being acknowledged at this moment; None when nothing would."""
        if not self._ledger.writable():
            return Refusal("unavailable", "ledger: it accepts no commit; see that its disk has room and is writable")
        return None if self._forward is None else self._forward.check()

    def _charge(self, exports: Sequence[Export]) -> None:
        places, found = self._find(exports)
        calls = self._price(found)
        for place, (_, charge) in zip(places, calls, strict=True):
            if place is not None:
                place.append(self._enricher(charge))
        fresh = self._ledger.record(calls) if calls else []
        self._accounts.observe(fresh)
        self._metrics.spans.inc(sum(export.spans for export in exports))
        self._metrics.model_calls.inc(len(calls))
        self._metrics.duplicates.inc(len(calls) - len(fresh))
        self._metrics.differences.inc(sum(differs(charge) for _, charge in fresh))
        self._metrics.mismatches.inc(sum(charge.status == "invalid_usage" for _, charge in fresh))

    def _find(self, exports: Sequence[Export]) -> tuple[list[Place | None], list[ModelCall]]:
        """The model calls of the group, and where each is to be enriched (None: another receiver already did)."""
        places: list[Place | None] = []
        calls: list[ModelCall] = []
        read, markers = self._normaliser.read, self._normaliser.markers
        for export in exports:
            for place, envelope, span in export.candidates(markers):
                try:
                    call, unreadable_attributes, enriched, unknown_operation = read(span, envelope)
                except UnreadableSpanError:
                    self._metrics.unreadable_spans.inc()
                    continue
                if unreadable_attributes:
                    self._metrics.unreadable_attributes.inc(unreadable_attributes)
                if unknown_operation:
                    self._metrics.unknown_operations.inc()
                if call is not None:
                    places.append(None if enriched else place)
                    calls.append(call)
        return places, calls
