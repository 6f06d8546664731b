"""Headers and baggage that the operator listed say who pays; what is not listed says nothing."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry import baggage
from opentelemetry import context as otel

import spancost
from spancost.surroundings import configured, parse, plain

from .drivers import DRIVERS
from .paid import paid_by

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from .conftest import Telemetry
    from .provider import Provider


@pytest.fixture
def configure(telemetry: Telemetry, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Telemetry]]:
    """Instruments with these aliases and this baggage."""

    def configure(aliases: str = "", believed: str = "") -> Telemetry:
        monkeypatch.setenv("SPANCOST_ATTRIBUTION_ALIASES", aliases)
        monkeypatch.setenv("SPANCOST_ATTRIBUTION_BAGGAGE", believed)
        spancost.instrument(tracer_provider=telemetry.tracer_provider, meter_provider=telemetry.meter_provider)
        return telemetry

    yield configure
    spancost.uninstrument()


@pytest.fixture
def call(provider: Provider) -> Any:
    """Makes one model call."""
    return lambda: DRIVERS["openai"](provider).ask()


@pytest.fixture
def arrive() -> Iterator[Callable[..., None]]:
    """Makes this baggage current, as a propagator does with what a client sent."""
    tokens: list[Any] = []

    def arrive(**entries: object) -> None:
        for name, value in entries.items():
            tokens.append(otel.attach(baggage.set_baggage(name, value)))

    yield arrive
    for token in reversed(tokens):
        otel.detach(token)


def test_one_attribute_can_say_two_things(configure: Any, call: Any) -> None:
    telemetry = configure("tenant=org.id,session=org.id")
    with telemetry.tracer_provider.get_tracer("app").start_as_current_span("request", attributes={"org.id": "acme"}):
        call()
    assert paid_by(telemetry.spans[0]) == {"spancost.tenant": "acme", "session.id": "acme"}


@pytest.mark.parametrize("spelling", ["x-feature", "x_feature"])
@pytest.mark.parametrize("written", ["x-feature", "X-Feature", "x_feature"])
def test_a_captured_header_counts_in_the_conventions_spelling_and_in_that_of_the_instrumentations(
    configure: Any, call: Any, spelling: str, written: str
) -> None:
    telemetry = configure(f"feature=http.request.header.{written}")
    tracer = telemetry.tracer_provider.get_tracer("web")
    with (
        tracer.start_as_current_span("GET", attributes={f"http.request.header.{spelling}": ("search", "second")}),
        tracer.start_as_current_span("handler"),
    ):
        call()
    assert paid_by(telemetry.spans[0]) == {"spancost.feature": "search"}


def test_a_header_that_is_not_listed_is_not_believed(configure: Any, call: Any) -> None:
    telemetry = configure("feature=http.request.header.x-feature")
    tracer = telemetry.tracer_provider.get_tracer("web")
    forged = {"http.request.header.x_tenant": ("acme",), "http.request.header.x_user": ("u1",)}
    with tracer.start_as_current_span("GET", attributes=forged):
        call()
    assert paid_by(telemetry.spans[0]) == {}


def test_a_header_that_is_recorded_after_the_request_began_counts(configure: Any, call: Any) -> None:
    telemetry = configure("feature=http.request.header.x-feature")
    with telemetry.tracer_provider.get_tracer("web").start_as_current_span("GET") as request:
        request.set_attribute("http.request.header.x_feature", ["search"])
        call()
    assert paid_by(telemetry.spans[0]) == {"spancost.feature": "search"}


@pytest.mark.parametrize("value", ["", "  ", (), ("",)])
def test_an_empty_header_leaves_the_call_unattributed(configure: Any, call: Any, value: Any) -> None:
    telemetry = configure("feature=http.request.header.x-feature")
    tracer = telemetry.tracer_provider.get_tracer("web")
    with tracer.start_as_current_span("GET", attributes={"http.request.header.x_feature": value}):
        call()
    assert paid_by(telemetry.spans[0]) == {}


def test_our_own_names_come_before_aliases_and_aliases_in_the_order_in_which_they_are_listed(
    configure: Any, call: Any
) -> None:
    telemetry = configure("feature=app.feature,tenant=org.id,tenant=org.name,user=enduser.id")
    said = {
        "app.feature": "alias",
        "spancost.feature": "own",
        "org.name": "Acme",
        "org.id": 7,
        "enduser.id": "u1",
    }
    with telemetry.tracer_provider.get_tracer("app").start_as_current_span("request", attributes=said):
        call()
    assert paid_by(telemetry.spans[0]) == {"spancost.feature": "own", "spancost.tenant": "7", "user.id": "u1"}


def test_an_inner_spans_alias_comes_before_an_outer_spans_own_name(configure: Any, call: Any) -> None:
    telemetry = configure("feature=app.feature")
    tracer = telemetry.tracer_provider.get_tracer("app")
    with (
        tracer.start_as_current_span("request", attributes={"spancost.feature": "outer"}),
        tracer.start_as_current_span("step", attributes={"app.feature": "inner"}),
    ):
        call()
    assert paid_by(telemetry.spans[0]) == {"spancost.feature": "inner"}


def test_code_comes_before_spans_and_spans_before_baggage(configure: Any, call: Any, arrive: Any) -> None:
    telemetry = configure("task=app.task", "feature,task,user=enduser")
    arrive(feature="baggage", task="baggage", enduser="u1", tenant="forged")
    tracer = telemetry.tracer_provider.get_tracer("app")
    with (
        spancost.attribution(feature="code"),
        tracer.start_as_current_span("request", attributes={"spancost.feature": "span", "app.task": "span"}),
    ):
        call()
    assert paid_by(telemetry.spans[0]) == {"spancost.feature": "code", "spancost.task": "span", "user.id": "u1"}


def test_baggage_that_is_not_listed_is_not_believed(configure: Any, call: Any, arrive: Any) -> None:
    telemetry = configure()
    arrive(feature="forged", **{"spancost.feature": "forged", "user.id": "forged"})
    call()
    assert paid_by(telemetry.span) == {}


def test_model_calls_of_other_instrumentations_learn_it_too(configure: Any, arrive: Any) -> None:
    telemetry = configure("feature=http.request.header.x-feature", "session=session")
    arrive(session="s1")
    web = telemetry.tracer_provider.get_tracer("web")
    with (
        web.start_as_current_span("GET", attributes={"http.request.header.x_feature": ("search",)}),
        web.start_as_current_span("step"),
    ):
        telemetry.tracer_provider.get_tracer("openinference.instrumentation.openai").start_span("LLM").end()
    assert paid_by(telemetry.spans[0]) == {"spancost.feature": "search", "session.id": "s1"}


def test_what_a_call_says_itself_stands(configure: Any, arrive: Any) -> None:
    telemetry = configure(believed="user,feature")
    arrive(user="u1", feature="baggage")
    theirs = telemetry.tracer_provider.get_tracer("openinference.instrumentation.openai")
    with spancost.attribution(feature="code"):
        theirs.start_span("LLM", attributes={"spancost.feature": "its own"}).end()
    assert paid_by(telemetry.span) == {"spancost.feature": "its own", "user.id": "u1"}


def test_a_provider_that_takes_no_span_processor_still_asks_the_direct_parent_and_the_baggage(
    provider: Provider, telemetry: Telemetry, monkeypatch: pytest.MonkeyPatch, arrive: Any
) -> None:
    class Closed:
        """Like a vendor's tracer provider."""

        def get_tracer(self, *args: Any, **kwargs: Any) -> Any:
            return telemetry.tracer_provider.get_tracer(*args, **kwargs)

    closed: Any = Closed()
    monkeypatch.setenv("SPANCOST_ATTRIBUTION_ALIASES", "feature=http.request.header.x-feature")
    monkeypatch.setenv("SPANCOST_ATTRIBUTION_BAGGAGE", "user")
    arrive(user="u1")
    spancost.instrument("openai", tracer_provider=closed)
    said = {"http.request.header.x_feature": ("search",)}
    try:
        with telemetry.tracer_provider.get_tracer("web").start_as_current_span("GET", attributes=said):
            DRIVERS["openai"](provider).ask()
    finally:
        spancost.uninstrument()
    assert paid_by(telemetry.spans[0]) == {"spancost.feature": "search", "user.id": "u1"}


def test_what_is_wrong_is_named_and_the_rest_is_used() -> None:
    surroundings, problems = parse(
        "feture=http.request.header.x-feature, tenant = org.id ,user=,session",
        "user, feature=app.feature,cost=x,task=",
    )
    assert surroundings.attributes[5:] == (("org.id", "spancost.tenant"),)
    assert surroundings.baggage == (("user", "user.id"), ("app.feature", "spancost.feature"))
    assert problems == [
        "SPANCOST_ATTRIBUTION_ALIASES: 'feture=http.request.header.x-feature': no attribution is called 'feture', "
        "did you mean 'feature'? (expected one of feature, task, tenant, user, session)",
        "SPANCOST_ATTRIBUTION_ALIASES: 'user=': says nowhere to look; expected name=span attribute",
        "SPANCOST_ATTRIBUTION_ALIASES: 'session': says nowhere to look; expected name=span attribute",
        "SPANCOST_ATTRIBUTION_BAGGAGE: 'cost=x': no attribution is called 'cost' "
        "(expected one of feature, task, tenant, user, session)",
        "SPANCOST_ATTRIBUTION_BAGGAGE: 'task=': says nowhere to look; expected name=baggage key, or a name alone",
    ]


def test_a_mistake_is_logged_once_however_many_ask(caplog: pytest.LogCaptureFixture) -> None:
    environment = {"SPANCOST_ATTRIBUTION_BAGGAGE": "usr=app.user"}
    with caplog.at_level(logging.WARNING, logger="spancost"):
        assert configured(environment) is configured({**environment})
    assert caplog.messages == [
        "SPANCOST_ATTRIBUTION_BAGGAGE: 'usr=app.user': no attribution is called 'usr', did you mean 'user'? "
        "(expected one of feature, task, tenant, user, session); this entry is ignored"
    ]


@pytest.mark.parametrize(
    ("value", "expected"),
    [(None, None), ("", None), (" a ", "a"), (("a", "b"), "a"), ([], None), ([None], None), (0, "0"), (False, "False")],
)
def test_a_value_becomes_one_string_or_nothing(value: object, expected: str | None) -> None:
    assert plain(value) == expected
