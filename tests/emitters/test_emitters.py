"""Real emitters, alone and in pairs: each paid call ends as one row of the ledger, with the one true charge.

By default the emitters that most teams have are measured; `SPANCOST_EMITTERS=all` measures every one of them, and
`SPANCOST_EMITTERS=OpenLLMetry` those with that in their name. What is left out is printed. An answer takes as long as
a quick model's, or `SPANCOST_EMITTERS_SECONDS`.
"""

from __future__ import annotations

import os
import shutil
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from queue import SimpleQueue
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
    from concurrent.futures import Future
    from pathlib import Path

    from .emitters import Emitter
    from .measured import Measured

pytestmark = pytest.mark.end_to_end

_WANTED: Final = os.environ.get("SPANCOST_EMITTERS", "")
_SECONDS: Final = float(os.environ.get("SPANCOST_EMITTERS_SECONDS", "0.3"))
_LANES: Final = 2
"""How many apps run at a time; most of their time goes into imports."""


def _wanted(emitter: Emitter) -> bool:
    if not _WANTED:
        return emitter.core
    return _WANTED == "all" or _WANTED.lower() in emitter.name.lower()


def _missing(emitter: Emitter) -> list[str]:
    return [program for program in emitter.environment.needs if shutil.which(program) is None]


class Lane(NamedTuple):
    """What one app at a time runs beside."""

    provider: str
    otlp: str
    ledger: Path


@pytest.fixture(scope="module")
def show(pytestconfig: pytest.Config) -> Callable[[str], None]:
    """Prints a line past the capturing of output."""
    capture: Any = pytestconfig.pluginmanager.getplugin("capturemanager")

    def printed(text: str) -> None:
        with capture.global_and_fixture_disabled():
            print(text)

    return printed


@pytest.fixture(scope="module")
def measured(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, show: Callable[[str], None]
) -> Iterator[Callable[[Emitter], Measured]]:
    """What comes of an emitter's run. All that the session asks for are begun here, in its order."""
    lanes: SimpleQueue[Lane] = SimpleQueue()

    def run(emitter: Emitter) -> Measured:
        lane = lanes.get()
        try:
            return measure(emitter, provider=lane.provider, otlp=lane.otlp, ledger=lane.ledger)
        finally:
            lanes.put(lane)

    show(f"\n{header()}")
    with ExitStack() as stack:
        for _ in range(_LANES):
            serve = stack.enter_context(receivers(tmp_path_factory.mktemp("emitters")))()
            lanes.put(Lane(stack.enter_context(serving(_SECONDS)), f"http://{serve.http}", serve.ledger))
        pool = ThreadPoolExecutor(_LANES)
        stack.callback(pool.shutdown, cancel_futures=True)
        begun: dict[str, Future[Measured]] = {}
        for emitter in _asked_for(request.session):
            begun[emitter.name] = pool.submit(run, emitter)
        yield lambda emitter: (begun.get(emitter.name) or pool.submit(run, emitter)).result()
    left_out = [emitter.name for emitter in EMITTERS if not _wanted(emitter)]
    if left_out:
        show(f"left out, SPANCOST_EMITTERS=all measures them: {', '.join(left_out)}")


def _asked_for(session: pytest.Session) -> Iterator[Emitter]:
    """The emitters that are measured here; none where this process shares its tests with others and cannot know."""
    if "PYTEST_XDIST_WORKER" not in os.environ:
        tested = {f"{test_each_call_is_charged_once_and_truly.__name__}[{one.name}]": one for one in EMITTERS}
        for item in session.items:
            emitter = tested.get(item.name)
            if emitter is not None and not _missing(emitter):
                yield emitter


@pytest.mark.parametrize("emitter", [one for one in EMITTERS if _wanted(one)], ids=lambda one: one.name)
def test_each_call_is_charged_once_and_truly(
    measured: Callable[[Emitter], Measured], show: Callable[[str], None], emitter: Emitter
) -> None:
    if missing := _missing(emitter):
        pytest.skip(f"{emitter.name}: {' and '.join(missing)} not installed")

    found = measured(emitter)

    expected = {
        case: list(emitter.lacks[case].charges) if case in emitter.lacks else [TRUTH[case]] for case in emitter.cases
    }
    show(line(emitter, found))
    assert found.charges == expected
    assert found.astray == 0
