"""Speech and documents: not billed by the token."""

from __future__ import annotations

from typing import TYPE_CHECKING

from spancost.fields import count, text
from spancost.wire import Answer, answered, used

if TYPE_CHECKING:
    from collections.abc import Mapping

    from opentelemetry.util.types import AttributeValue

    from spancost.sdks._mistral.parts import Asked


class SpeechReading:
    """Speech: billed by the characters that were to be spoken, which the answer does not repeat."""

    def __init__(self, asked: Asked) -> None:
        self._characters = len(asked["input"])
        self._spoken = False

    def add(self, part: object) -> None:
        """Takes in audio."""
        self._spoken = True

    def answer(self) -> Answer:
        """What has been said so far."""
        return answered(usage=used(units={"character": self._characters}) if self._spoken else None)


class DocumentReading:
    """A document that was read: billed by the page, for which there is no rate, so the call shows as unpriced."""

    def __init__(self, asked: Asked) -> None:
        self._document: object = None

    def add(self, part: object) -> None:
        """Takes in a response, or its JSON."""
        self._document = part

    def answer(self) -> Answer:
        """What has been said."""
        pages = count(self._document, "usage_info", "pages_processed")
        attributes: Mapping[str, AttributeValue] = {} if pages is None else {"spancost.usage.pages": pages}
        return answered(model=text(self._document, "model"), attributes=attributes)
