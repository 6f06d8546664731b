"""Notes from one answer for a later one: the newest are kept, and no more than fit."""

from __future__ import annotations

from spancost.newest import Newest


def test_the_oldest_note_makes_room_for_the_newest() -> None:
    notes: Newest[str] = Newest(remembered=2)
    notes.note("a", "1")
    notes.note("b", "2")
    notes.note("a", "3")  # now `b` is the oldest
    notes.note("c", "4")
    assert (notes.get("a"), notes.get("b"), notes.get("c")) == ("3", None, "4")
    assert "b" not in notes
