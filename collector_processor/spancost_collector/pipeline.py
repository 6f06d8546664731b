"""What happens to the requests of one group, as a chain of small stages; the effects are last and few.

The order is the promise: the ledger commits before anything is counted or acknowledged, the next hop takes the
spans before their sender is told OK, and whatever goes wrong in between is safe to send again.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final, Protocol

from spancost_collector.errors import LedgerUnavailableError
from spancost_collector.logs import Repeated
from spancost_collector.outcome import Refusal
from spancost_collector.own_traces import untraced
from spancost_collector.reading.decode import Export, MalformedRequestError
from spancost_collector.reading.normalise import UnreadableSpanError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from spancost_collector.call import ModelCall
    from spancost_collector.metrics.receiver import ReceiverMetrics
    from spancost_collector.own_traces import Stage
    from spancost_collector.reading.decode import Place
    from spancost_collector.reading.normalise import Normaliser


_log: Final = logging.getLogger(__name__)


class Forward(Protocol):
    """The next hop; `forward.Forwarder` in production."""

    def __call__(self, bodies: Sequence[bytes]) -> list[Refusal | None]:
        """Hand requests on; one answer each."""
        ...

    def check(self) -> Refusal | None:
        """Why the next hop would not take a request at this moment; None when it would."""
        ...


class Charges(Protocol):
    """What charges calls; `charging.Charging`, or the way to the process that has it."""

    def __call__(self, calls: Sequence[ModelCall]) -> list[bytes]:
        """Charge a group; what to append to each call's span, in order.

        Raises:
            LedgerUnavailableError: nothing was kept or counted.
        """
        ...

    def check(self) -> Refusal | None:
        """What would keep a group from being charged at this moment; None when nothing would."""
        ...


class Pipeline:
    """Turns the requests of one group into one answer each: None is OK, a `Refusal` says why not."""

    def __init__(
        self,
        *,
        normaliser: Normaliser,
        charging: Charges,
        metrics: ReceiverMetrics,
        forward: Forward | None,
        stage: Stage = untraced,
    ) -> None:
        """Connect the stages; `stage` opens a span of our own around each."""
        self._stage = stage
        self._normaliser = normaliser
        self._charging = charging
        self._metrics = metrics
        self._forward = forward
        self._refused = Repeated()

    def __call__(self, bodies: Sequence[bytes]) -> list[Refusal | None]:
        """Process requests together: one ledger transaction, as few forwards as possible."""
        return self._process(bodies, self._forward)

    def keep(self, bodies: Sequence[bytes]) -> list[Refusal | None]:
        """Charge requests whose senders wait no longer, without holding up the next hop."""
        return self._process(bodies, None)

    def _process(self, bodies: Sequence[bytes], forward: Forward | None) -> list[Refusal | None]:
        with self._stage("process requests", requests=len(bodies), bytes=sum(map(len, bodies))):
            return self._answer(bodies, forward)

    def _answer(self, bodies: Sequence[bytes], forward: Forward | None) -> list[Refusal | None]:
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
            if requests := self._refused.add(str(error), len(exports)):
                _log.warning("%d requests not acknowledged: %s", requests, error)
            refusal = Refusal("unavailable", "the ledger did not commit, and its receiver has logged why; send again")
            return [refusal if index in exports else answer for index, answer in enumerate(answers)]
        if forward is not None:
            with self._stage("forward"):
                taken = forward([export.encode() for export in exports.values()])
            for index, answer in zip(exports, taken, strict=True):
                answers[index] = answer
        return answers

    def check(self) -> Refusal | None:
        """What would keep an export from being acknowledged at this moment; None when nothing would."""
        problem = self._charging.check()
        return problem if problem is not None or self._forward is None else self._forward.check()

    def _charge(self, exports: Sequence[Export]) -> None:
        with self._stage("read"):
            places, calls = self._find(exports)
        if calls:
            with self._stage("charge", model_calls=len(calls)):
                charged = self._charging(calls)
            for place, attributes in zip(places, charged, strict=True):
                if place is not None and attributes:
                    place.append(attributes)
        self._metrics.spans.inc(sum(export.spans for export in exports))
        self._metrics.model_calls.inc(len(calls))

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
                    if call.assumed is not None:
                        self._metrics.assumed.inc()
                    places.append(None if enriched else place)
                    calls.append(call)
        return places, calls
