"""Protobuf's own JSON reader, with one error for all the ways in which it can say no.

It lets through whatever Python raises on the way: an infinite enumeration is an `OverflowError`, a text of the wrong
type a `TypeError`, a name with an unpaired surrogate a `SystemError`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypeVar

from google.protobuf import json_format

from spancost_pricing import SpancostError

if TYPE_CHECKING:
    from google.protobuf.message import Message

    AnyMessage = TypeVar("AnyMessage", bound=Message)

_LONGEST_PROBLEM: Final = 200


class NotThisMessageError(SpancostError):
    """The JSON is not what the message wants; says why in one line."""


def read_message(document: dict[str, Any], message: AnyMessage, *, ignore_unknown: bool = True) -> AnyMessage:
    """Fill `message` from an object of protobuf's JSON.

    Raises:
        NotThisMessageError: it cannot be read as one.
    """
    try:
        return json_format.ParseDict(document, message, ignore_unknown_fields=ignore_unknown)
    except (json_format.ParseError, ValueError, TypeError, AttributeError, ArithmeticError, RecursionError) as error:
        raise NotThisMessageError(" ".join(str(error).split())[:_LONGEST_PROBLEM]) from error
    except SystemError as error:
        raise NotThisMessageError("a name in it is not Unicode text (an unpaired surrogate)") from error
