"""Real emitters, alone and in pairs: each paid call ends as one row of the ledger, with the one true charge.

By default the emitters that most teams have are measured; `SPANCOST_EMITTERS=all` measures every one of them, and
`SPANCOST_EMITTERS=OpenLLMetry` those with that in their name. What is left out is printed.
"""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import pytest
from tests.end_to_end.conftest import receivers

from .emitters import EMITTERS
from .measured import measure
from .provider import serving
from .shown import header, line
from .truth import TRUTH

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from .emitters import Emitter

pytestmark = pytest.mark.end_to_end

_WANTED: Final = os.environ.get("SPANCOST_EMITTERS", "")


def _wanted(emitter: Emitter) -> bool:
    if not _WANTED:
        return emitter.core
    return _WANTED == "all" or _WANTED.lower() in emitter.name.lower()


class Bench(NamedTuple):
    """What an emitter runs beside."""

    provider: str
    otlp: str
    ledger: Path
    show: Callable[[str], None]


@pytest.fixture(scope="module")
def show(pytestconfig: pytest.Config) -> Callable[[str], None]:
    """Prints a line past the capturing of output."""
    capture: Any = pytestconfig.pluginmanager.getplugin("capturemanager")

    def printed(text: str) -> None:
        with capture.global_and_fixture_disabled():
            print(text)

    return printed


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory, show: Callable[[str], None]) -> Iterator[Bench]:
    show(f"\n{header()}")
    with receivers(tmp_path_factory.mktemp("emitters")) as start, serving() as provider:
        serve = start()
        yield Bench(provider, f"http://{serve.http}", serve.ledger, show)
    left_out = [emitter.name for emitter in EMITTERS if not _wanted(emitter)]
    if left_out:
        show(f"left out, SPANCOST_EMITTERS=all measures them: {', '.join(left_out)}")


@pytest.mark.parametrize("emitter", [one for one in EMITTERS if _wanted(one)], ids=lambda one: one.name)
def test_each_call_is_charged_once_and_truly(bench: Bench, emitter: Emitter) -> None:
    missing = [program for program in emitter.environment.needs if shutil.which(program) is None]
    if missing:
        pytest.skip(f"{emitter.name}: {' and '.join(missing)} not installed")

    measured = measure(emitter, provider=bench.provider, otlp=bench.otlp, ledger=bench.ledger)

    expected = {
        case: list(emitter.lacks[case].charges) if case in emitter.lacks else [TRUTH[case]] for case in emitter.cases
    }
    bench.show(line(emitter, measured))
    assert measured.charges == expected
    assert measured.astray == 0
