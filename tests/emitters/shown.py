"""The table of emitters and cases: as the test prints it, and as the documentation has it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from .emitters import EMITTERS
from .truth import TRUTH

if TYPE_CHECKING:
    from decimal import Decimal

    from .emitters import Emitter
    from .measured import Measured

_NAME: Final = max(len(emitter.name) for emitter in EMITTERS)


def header() -> str:
    """The cases, above what `line` returns."""
    return " ".join([" " * _NAME, *TRUTH])


def line(emitter: Emitter, measured: Measured) -> str:
    """One emitter's cells, each as wide as its case."""
    cells = (_cell(emitter, case, measured.charges.get(case)).center(len(case)) for case in TRUTH)
    return " ".join([emitter.name.ljust(_NAME), *cells])


def _cell(emitter: Emitter, case: str, charges: list[Decimal | None] | None) -> str:
    if charges is None:
        return "·"
    if charges == [TRUTH[case]]:
        return "right"
    if case in emitter.lacks and charges == list(emitter.lacks[case].charges):
        return "lacks"
    return "WRONG"
