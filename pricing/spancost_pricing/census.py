"""What a text is made of, as far as tokenizers care: words, numbers, marks, scripts, encoded blobs.

A text's tokens are close to a weighted sum of such counts, with weights that differ by tokenizer (`tokens`). Counting
is a handful of regular expressions and one histogram of characters, about a millisecond for a page of text, so
that it can stand in front of every call. No weight and no model name in here.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections import Counter
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

_WORD: Final = re.compile(r"[A-Z]?[a-z]+|[A-Z]+")
"""A tokenizer's idea of a word: `getUserID` is three."""
_NUMBER: Final = re.compile(r"[0-9]+")
_PIECE: Final = re.compile(r"[A-Z]?[a-z]+|[A-Z]+|[0-9]+")
_UNBROKEN: Final = re.compile(r"[A-Za-z0-9+/=_-]{20,}")
_MIXED: Final = re.compile(r"(?<![A-Za-z0-9])(?=[A-Za-z]*[0-9])(?=[0-9]*[A-Za-z])[A-Za-z0-9]{5,}")
"""Letters and digits without a blank between them: an id, a key, a hash."""
_MARKS: Final = re.compile(r"[!-/:-@\[-`{-~]+")
_BLANKS: Final = re.compile(r"[ \t]{2,}|\t")
"""A single blank belongs to the word behind it and costs nothing of its own."""
_LINES: Final = re.compile(r"[\r\n]+")

_SHORTEST_WORDS: Final = 4
"""An unbroken run with fewer letters than this to a piece is no prose, whatever it is."""
_LONGEST_WORD: Final = 30
_VOUCHED: Final = 3
"""How many other words a common English word makes English."""

_SCRIPTS: Final = (
    (0x0000, ""),
    (0x0080, "latin"),
    (0x0250, "accent"),
    (0x0370, "greek"),
    (0x0400, "cyrillic"),
    (0x0530, "caucasian"),
    (0x0590, "hebrew"),
    (0x0600, "arabic"),
    (0x0700, "other"),
    (0x0750, "arabic"),
    (0x0780, "other"),
    (0x0900, "devanagari"),
    (0x0980, "indic"),
    (0x0D80, "southeast"),
    (0x0E00, "thai"),
    (0x0E80, "southeast"),
    (0x10A0, "caucasian"),
    (0x1100, "other"),
    (0x1200, "ethiopic"),
    (0x13A0, "other"),
    (0x1780, "southeast"),
    (0x1800, "other"),
    (0x1E00, "latin"),
    (0x1F00, "other"),
    (0x2000, "punctuation"),
    (0x2070, "symbol"),
    (0x2C00, "other"),
    (0x3000, "wide"),
    (0x3040, "kana"),
    (0x3100, "other"),
    (0x4E00, "han"),
    (0xA000, "other"),
    (0xAC00, "hangul"),
    (0xD7B0, "other"),
    (0xFB50, "arabic"),
    (0xFE00, "accent"),
    (0xFE10, "other"),
    (0xFE70, "arabic"),
    (0xFF00, "wide"),
    (0xFFF0, "other"),
    (0x10000, "astral"),
    (0x1F000, "emoji"),
    (0x1FB00, "astral"),
)
"""First code point of a stretch of Unicode -> the class its characters are counted in; up to the next one."""
_STARTS: Final = tuple(start for start, _ in _SCRIPTS)

CLASSES: Final = (
    "common_word",
    "word",
    "word_over_3",
    "word_over_8",
    "english_word",
    "english_over_3",
    "english_over_8",
    "capital",
    "digit",
    "digit_group",
    "number",
    "mark",
    "mark_run",
    "blank_run",
    "blank",
    "line_run",
    "line",
    "control",
    "dense",
    "mixed",
    *dict.fromkeys(name for _, name in _SCRIPTS if name),
)
"""Everything that is counted.

`word` counts words, `word_over_3` and `word_over_8` their letters beyond the third and the eighth, and the `english_`
ones the same for words that stand among common English ones, which tokenizers know best. `dense` and `mixed` count
characters of encoded blobs and of ids, `digit_group` digits in threes, the scripts their characters.
"""


def census(texts: Iterable[str], common_words: Collection[str]) -> dict[str, float]:
    """How much of each class the texts hold together; all `CLASSES`, zeros included."""
    found: dict[str, float] = dict.fromkeys(CLASSES, 0)
    for text in texts:
        _add(found, text, common_words)
    words = found["word"]
    if words:
        english = min(1.0, _VOUCHED * found["common_word"] / words)
        for part in ("word", "over_3", "over_8"):
            name = part if part == "word" else f"word_{part}"
            found[f"english_{part}"] = found[name] * english
            found[name] -= found[f"english_{part}"]
    return found


def _add(found: dict[str, float], text: str, common_words: Collection[str]) -> None:
    def without_blob(run: re.Match[str]) -> str:
        if _is_prose(run[0]):
            return run[0]
        found["dense"] += len(run[0])
        return " "

    def without_id(run: re.Match[str]) -> str:
        found["mixed"] += len(run[0])
        return " "

    text = _MIXED.sub(without_id, _UNBROKEN.sub(without_blob, text))
    for word, times in Counter(_WORD.findall(text)).items():
        if word.lower() in common_words:
            found["common_word"] += times
            continue
        length = len(word)
        found["word"] += times
        found["word_over_3"] += times * max(0, length - 3)
        found["word_over_8"] += times * max(0, length - 8)
        if length > 1 and word.isupper():
            found["capital"] += times * length
    numbers = _NUMBER.findall(text)
    found["number"] += len(numbers)
    found["digit"] += sum(map(len, numbers))
    found["digit_group"] += sum(-(-len(number) // 3) for number in numbers)
    for pattern, run_class, character_class in (
        (_MARKS, "mark_run", "mark"),
        (_BLANKS, "blank_run", "blank"),
        (_LINES, "line_run", "line"),
    ):
        runs = pattern.findall(text)
        found[run_class] += len(runs)
        found[character_class] += sum(map(len, runs))
    for character, times in Counter(text).items():
        point = ord(character)
        if point >= 0x80:
            found[_SCRIPTS[bisect_right(_STARTS, point) - 1][1]] += times
        elif point == 0x7F or (point < 0x20 and character not in "\t\r\n"):
            found["control"] += times


def _is_prose(run: str) -> bool:
    pieces = len(_PIECE.findall(run))
    return pieces * _SHORTEST_WORDS < len(run) and not (pieces == 1 and len(run) > _LONGEST_WORD)
