"""A span's attributes, read by a table that is compiled once: which names mean what, and where each value goes.

The receiver spends most of its time here. Most attributes repeat exactly (model, provider, feature, …), so the bytes of
an attribute lead straight to its place and value; only what was not seen lately is decoded, and of what nobody asked
for (prompts) nothing but the name is looked at. Two attributes of one name: the last one wins.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from spancost_collector import otlp_pb2 as otlp
from spancost_collector.reading.columns import COLUMNS, KIND_OF, PLACE
from spancost_collector.reading.values import MAX_TAG, READ, READ_JSON, UNREADABLE, as_text
from spancost_collector.reading.wire import name_end, short_text, small_count
from spancost_pricing import Usage

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from spancost_collector.reading.columns import Kind
    from spancost_collector.reading.dialect import Names

    Entry = tuple[int, Any]
    """Where a value goes, and the value; an alternative goes to a place below zero."""

_LONGEST_REMEMBERED: Final = 256
_MOST_REMEMBERED: Final = 8192
_QUICKLY_HASHED: Final = 16_384
"""Bytes that are looked up in less time than it takes to find out which of them are too long to be remembered."""
_TAGS: Final = PLACE["tags"]
_SHORT: Final[Mapping[str, Callable[[bytes, int], Any]]] = {"text": short_text, "count": small_count}
_READ_EACH_TIME: Final = frozenset({PLACE["response_id"], PLACE["tags"]})
"""What is never the same twice, and what adds to what is there."""
_WHEN_ABSENT: Final[Mapping[str, object]] = {
    "tags": (),
    "units": Usage._field_defaults["units"],
    "estimated": False,
}
_NO_NOTES: Final[Mapping[str, tuple[Kind, Names]]] = MappingProxyType({})
_NO_DISGUISE: Final[Mapping[str, Callable[[str], str]]] = MappingProxyType({})


class _Name(NamedTuple):
    """One attribute name of a table."""

    rank: int
    """0 for the first of several that say the same."""
    place: int
    name: str
    column: str
    kind: Kind


class _Slot(NamedTuple):
    """Where the values of one attribute go, and how they are read."""

    place: int
    read: Callable[[otlp.Value], Any]
    short: Callable[[bytes, int], Any] | None
    """For the commonest shape; None of it leaves the value to `read`."""


class AttributeTable:
    """Attribute names compiled into one dictionary, so that a span's attributes are walked once."""

    def __init__(
        self,
        names: Mapping[str, Names],
        *,
        notes: Mapping[str, tuple[Kind, Names]] = _NO_NOTES,
        tag_prefixes: tuple[str, ...] = (),
        evidence: Sequence[Names] = (),
        json_values: bool = False,
        disguise: Mapping[str, Callable[[str], str]] = _NO_DISGUISE,
    ) -> None:
        """Compile.

        Args:
            names: column -> attribute names; the first that is present wins.
            notes: further columns with their kinds, which get places of their own after all others.
            tag_prefixes: an attribute that begins so is a tag, named by the rest of its name.
            evidence: groups of names, of which it is noted whether one is there; a star stands for whatever follows.
            json_values: texts stand in JSON's quotes.
            disguise: column -> what its texts are replaced by.
        """
        self._read = READ_JSON if json_values else READ
        self._slots: dict[bytes, _Slot] = {}
        self._tag_prefixes = tuple(prefix.encode() for prefix in tag_prefixes)
        self._disguise = disguise
        self.note_places: tuple[tuple[str, int], ...] = tuple(
            (note, place) for place, note in enumerate(notes, len(COLUMNS))
        )
        """Where the notes are."""
        self._first_evidence = len(COLUMNS) + len(notes)
        # Alternatives go to places of their own, below zero and the first rank on top, until the span has been read.
        self._alias_of: list[int] = []
        wanted = [
            _Name(rank, place, name, note, kind)
            for (note, place), (kind, alternatives) in zip(self.note_places, notes.values(), strict=True)
            for rank, name in enumerate(alternatives)
        ]
        for column, alternatives in names.items():
            for rank, name in enumerate(alternatives):
                # Tags add up, so none of their names stands for another.
                wanted.append(_Name(0 if column == "tags" else rank, PLACE[column], name, column, KIND_OF[column]))
        for one in sorted(wanted, key=_rank):
            if one.rank:
                self._alias_of.append(one.place)
            self._add(one, -len(self._alias_of) if one.rank else one.place)
        self._evidence: dict[bytes, int] = {}
        beginnings: list[tuple[bytes, int]] = []
        for place, group in enumerate(evidence, self._first_evidence):
            for name in group:
                if name.endswith("*"):
                    beginnings.append((name[:-1].encode(), place))
                else:
                    self._evidence.setdefault(name.encode(), place)
        self._evidence_beginnings = tuple(beginnings)
        self._template: list[Any] = [_WHEN_ABSENT.get(column) for column in COLUMNS]
        self._template += [None] * (len(self.note_places) + len(evidence))
        self._known: dict[bytes, Entry | tuple[()]] = {}
        self._known_aliases: dict[bytes, Entry] = {}

    def read(self, attributes: Sequence[bytes], size: int = 0) -> tuple[list[Any], int]:
        """What is there and usable, each in its place, and how many were there and are not usable.

        `size` is how many bytes they are part of: where that is much, no time goes into looking up the long ones.

        Raises:
            DecodeError: an attribute that is asked for is no attribute, or its text no text.
        """
        values = self._template.copy()
        aliases: dict[int, Any] = {}
        unreadable = 0
        raws = attributes[:]
        for number, entry in enumerate(map(self._known.get if size <= _QUICKLY_HASHED else self._find, raws)):
            if entry:
                place, value = entry
                values[place] = value
            elif entry is None and (found := self._known_aliases.get(raws[number]) or self._decode(raws[number])):
                place, value = found
                if value is UNREADABLE:
                    unreadable += 1
                    value = None if place < 0 else self._template[place]
                if place < 0:
                    aliases[place] = value
                else:
                    values[place] = values[place] + value if place == _TAGS else value
        for alias in sorted(aliases, reverse=True):
            place = self._alias_of[-1 - alias]
            if values[place] is None:
                values[place] = aliases[alias]
        return values, unreadable

    def evidence(self, values: list[Any]) -> int | None:
        """The first group of names of which one was there."""
        seen = values[self._first_evidence :]
        return seen.index(True) if True in seen else None

    def _find(self, raw: bytes) -> Entry | tuple[()] | None:
        return self._known.get(raw) if len(raw) <= _LONGEST_REMEMBERED else None

    def _decode(self, raw: bytes) -> Entry | tuple[()]:
        """An attribute that was not seen lately; nothing where nobody asks for it."""
        end = name_end(raw)
        name = otlp.Attribute.FromString(raw).key.encode() if end is None else raw[2:end]
        slot = self._slots.get(name)
        entry: Entry | tuple[()]
        if slot is not None:
            value = None if end is None or slot.short is None else slot.short(raw, end)
            if value is None:
                value = slot.read(otlp.Attribute.FromString(raw).value)
            entry = (slot.place, value)
        elif self._tag_prefixes and name.startswith(self._tag_prefixes):
            entry = self._tag(name, raw)
        else:
            place = self._evidence_of(name)
            entry = () if place is None else (place, True)
        if len(raw) <= _LONGEST_REMEMBERED and (
            not entry or (entry[1] is not UNREADABLE and entry[0] not in _READ_EACH_TIME)
        ):
            self._remember(raw, entry)
        return entry

    def _remember(self, raw: bytes, entry: Entry | tuple[()]) -> None:
        if len(self._known) + len(self._known_aliases) >= _MOST_REMEMBERED:
            self._known.clear()
            self._known_aliases.clear()
        if entry and entry[0] < 0:
            self._known_aliases[raw] = entry
        else:
            self._known[raw] = entry

    def _evidence_of(self, name: bytes) -> int | None:
        place = self._evidence.get(name)
        if place is None:
            for beginning, group in self._evidence_beginnings:
                if name.startswith(beginning):
                    return group
        return place

    def _tag(self, name: bytes, raw: bytes) -> Entry | tuple[()]:
        text = as_text(otlp.Attribute.FromString(raw).value)
        prefix = next(prefix for prefix in self._tag_prefixes if name.startswith(prefix))
        label = name[len(prefix) :].decode(errors="replace")
        return () if text is None or not label else (_TAGS, (f"{label}:{text}"[:MAX_TAG],))

    def _add(self, wanted: _Name, place: int) -> None:
        if wanted.name.encode() in self._slots:
            raise ValueError(f"attribute {wanted.name!r} cannot mean {wanted.column} and something else at once")
        read, short = self._read[wanted.kind], _SHORT.get(wanted.kind)
        if wanted.column in _WHEN_ABSENT:
            read = _or(read, _WHEN_ABSENT[wanted.column])
        if wanted.column in self._disguise:
            read, short = _disguised(read, self._disguise[wanted.column]), None
        self._slots[wanted.name.encode()] = _Slot(place, read, None if self._read is READ_JSON else short)


def _rank(name: _Name) -> int:
    return name.rank


def _or(read: Callable[[otlp.Value], Any], absent: object) -> Callable[[otlp.Value], Any]:
    def found(value: otlp.Value) -> Any:
        result = read(value)
        return absent if result is None else result

    return found


def _disguised(read: Callable[[otlp.Value], Any], disguise: Callable[[str], str]) -> Callable[[otlp.Value], Any]:
    def found(value: otlp.Value) -> Any:
        result = read(value)
        return disguise(result) if isinstance(result, str) else result

    return found
