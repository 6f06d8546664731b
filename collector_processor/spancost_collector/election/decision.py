"""What an election decides about one group of calls, for the ledger to keep and the spans to say."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal, NamedTuple, get_args

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from spancost_collector.call import Key, ModelCall

Reason = Literal["redelivery", "same_response", "same_call", "aggregate"]
"""Why a description is not charged."""

REASONS: Final[tuple[Reason, ...]] = get_args(Reason)


class Group(NamedTuple):
    """Descriptions of one call, or one that repeats other calls."""

    call: ModelCall | None
    """What is charged: the best of them with what the others know. None: what they add up is charged elsewhere."""
    members: tuple[ModelCall, ...]
    """Best first."""
    instead: bytes
    """Span id that stands for those that are not charged."""

    def reason(self, member: ModelCall) -> Reason | None:
        """Why a member is not charged; None for the one that is."""
        if self.call is None:
            return "aggregate"
        if member.key == self.call.key:
            return None
        same = member.response_id and member.response_id == self.members[0].response_id
        return "same_response" if same else "same_call"


class Member(NamedTuple):
    """A description that has to be kept beside the call that stands for it."""

    call: ModelCall
    row: Key | None
    """Key of the row that is charged; None where what it adds up is charged elsewhere."""
    instead: bytes
    """Span id that stands for it."""


class Correction(NamedTuple):
    """Charges that turned out to be something else."""

    withdrawn: tuple[Key, ...]
    """Rows that no longer hold; one of them may be the key of `call`."""
    call: ModelCall | None
    """What is charged instead; None where other rows say it all."""


class Decision(NamedTuple):
    """The outcome for one group, to be accepted once it is committed, or undone."""

    paid: list[ModelCall]
    """Calls that nobody has described before."""
    corrections: Sequence[Correction]
    members: Sequence[Member]
    shown: Sequence[ModelCall | bytes | None]
    """For each description that came, in order: the call that its span is to be charged as, or the id of the span that
    is charged instead, or None where there is nothing to say."""
    duplicates: Mapping[Reason, int]
    added: Sequence[ModelCall]
    groups: Mapping[Key, Group | None]
