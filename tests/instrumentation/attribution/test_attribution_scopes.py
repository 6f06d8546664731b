"""Who pays follows the code: through nesting, awaits, tasks and threads."""

from __future__ import annotations

import asyncio
import contextvars
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry import baggage

import spancost
from spancost.attribution import _warn, scope_of  # pyright: ignore[reportPrivateUsage]

from ..drivers import DRIVERS
from ..paid import paid_by

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    from ..conftest import Telemetry
    from ..provider import Provider


def test_every_argument_becomes_its_attribute(call: Any, instrumented: Telemetry) -> None:
    with spancost.attribution(feature="search", task="rerank", tenant="acme", user="u42", session="s1"):
        call()
    assert paid_by(instrumented.span) == {
        "spancost.feature": "search",
        "spancost.task": "rerank",
        "spancost.tenant": "acme",
        "user.id": "u42",
        "session.id": "s1",
    }


class Unprintable:
    def __str__(self) -> str:
        raise RuntimeError("no text of it")


@pytest.mark.parametrize("value", [Unprintable(), ["search"], b"search", {"search": 1}])
def test_what_is_no_text_is_left_out_and_said_once(
    call: Any, instrumented: Telemetry, caplog: pytest.LogCaptureFixture, value: Any
) -> None:
    _warn.cache_clear()
    for _ in range(2):
        with spancost.attribution(feature=value, user="u42"):
            call()

    assert [paid_by(span) for span in instrumented.spans] == [{"user.id": "u42"}] * 2
    (warning,) = (record.getMessage() for record in caplog.records if record.name == "spancost.attribution")
    assert warning.startswith(f"spancost.attribution(feature=…): a {type(value).__name__} is left out: ")


def test_numbers_are_written_out_and_what_has_no_utf8_is_replaced(call: Any, instrumented: Telemetry) -> None:
    with spancost.attribution(tenant=7, user="u\ud800"):  # pyright: ignore[reportArgumentType]
        call()

    span = instrumented.span
    assert paid_by(span) == {"spancost.tenant": "7", "user.id": "u?"}


def test_a_call_outside_is_unattributed(call: Any, instrumented: Telemetry) -> None:
    with spancost.attribution(feature="search"):
        pass
    call()
    assert paid_by(instrumented.span) == {}


def test_nested_scopes_merge_and_the_inner_one_wins(call: Any, instrumented: Telemetry) -> None:
    with spancost.attribution(feature="outer", tenant="acme"):
        with spancost.attribution(feature="inner", task="rank"):
            call()
        call()
    inside, outside = instrumented.spans
    assert paid_by(inside) == {"spancost.feature": "inner", "spancost.tenant": "acme", "spancost.task": "rank"}
    assert paid_by(outside) == {"spancost.feature": "outer", "spancost.tenant": "acme"}


def test_a_scope_is_left_when_its_body_raises() -> None:
    with pytest.raises(LookupError), spancost.attribution(feature="search"):
        raise LookupError
    assert scope_of() is None


def test_attribution_is_not_in_baggage() -> None:
    with spancost.attribution(feature="search", user="u42"):
        assert baggage.get_all() == {}


def test_one_scope_object_serves_many_threads_at_once(call: Any, instrumented: Telemetry) -> None:
    scope = spancost.attribution(feature="shared")
    together = threading.Barrier(2, timeout=10)

    def work() -> None:
        with scope:
            together.wait()
            with scope:
                call()
        call()

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = sorted((paid_by(span).get("spancost.feature") for span in instrumented.spans), key=str)
    assert found == [None, None, "shared", "shared"]


async def test_concurrent_tasks_keep_their_own_attribution(provider: Provider, instrumented: Telemetry) -> None:
    driver = DRIVERS["openai-async"](provider)

    async def work(user: str) -> None:
        with spancost.attribution(user=user):
            await asyncio.sleep(0)
            await driver.plain()

    with spancost.attribution(feature="batch"):
        await asyncio.gather(*(work(f"u{number}") for number in range(5)))
    users = sorted(paid_by(span)["user.id"] for span in instrumented.spans)
    assert users == ["u0", "u1", "u2", "u3", "u4"]
    assert {paid_by(span)["spancost.feature"] for span in instrumented.spans} == {"batch"}


async def test_a_thread_that_takes_the_context_along_takes_the_attribution(call: Any, instrumented: Telemetry) -> None:
    with spancost.attribution(feature="search"):
        await asyncio.to_thread(call)
        with ThreadPoolExecutor(1) as pool:
            pool.submit(contextvars.copy_context().run, call).result()
    assert [paid_by(span) for span in instrumented.spans] == [{"spancost.feature": "search"}] * 2


def test_a_stream_is_paid_by_who_opened_it(provider: Provider, instrumented: Telemetry) -> None:
    with spancost.attribution(feature="opener"):
        stream = DRIVERS["openai"](provider).ask_stream()
    with spancost.attribution(feature="reader"):
        list(stream)
    assert paid_by(instrumented.span) == {"spancost.feature": "opener"}


def test_a_generator_that_is_closed_late_takes_only_its_own_scope_away(call: Any, instrumented: Telemetry) -> None:
    def searching() -> Generator[None]:
        with spancost.attribution(feature="search"):
            yield

    late, inner = searching(), searching()
    next(late)
    with spancost.attribution(tenant="acme"):
        late.close()
        call()
    with spancost.attribution(tenant="acme"):
        next(inner)
    call()
    inner.close()
    call()
    assert [paid_by(span) for span in instrumented.spans] == [
        {"spancost.tenant": "acme"},
        {"spancost.feature": "search"},
        {},
    ]


def test_leaving_a_scope_in_another_context_leaves_the_scope_there(call: Any, instrumented: Telemetry) -> None:
    def dependency() -> Iterator[None]:
        with spancost.attribution(feature="search"):
            yield
        call()

    with spancost.attribution(tenant="acme"):
        around = dependency()
        contextvars.copy_context().run(next, around)
        contextvars.copy_context().run(list, around)
    assert paid_by(instrumented.span) == {"spancost.tenant": "acme"}
