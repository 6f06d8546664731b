"""What holds for every dialect: which attribute wins, what cannot be used, and who pays."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, ArrayValue, KeyValue

from spancost_collector.call import Attribution, Resource
from spancost_collector.dialects import DIALECTS
from spancost_collector.dialects.otel import OTEL
from spancost_collector.reading.decode import Envelope, Export
from spancost_collector.reading.dialect import Apart, numbers
from spancost_collector.reading.normalise import Normaliser, Reading, UnreadableSpanError
from spancost_collector.reading.origins import provider_of_model
from spancost_collector.reading.personal import Disguise
from spancost_collector.reading.wire import name_end, short_text, small_count
from spancost_pricing import ConfigError, Route, Usage

if TYPE_CHECKING:
    from collections.abc import Mapping

    from opentelemetry.proto.trace.v1.trace_pb2 import Span
    from tests.collector.conftest import Otlp, Scalar

    from spancost_collector.call import ModelCall

NOWHERE = Envelope(b"", b"")
INPUT = "gen_ai.usage.input_tokens"
LLMETRY = "opentelemetry.instrumentation."
OLDER_INPUT = "gen_ai.usage.prompt_tokens"


@pytest.fixture
def normaliser() -> Normaliser:
    return Normaliser(DIALECTS)


def read(normaliser: Normaliser, span: Span) -> Reading:
    return normaliser.read(span.SerializeToString(), NOWHERE)


def call_of(normaliser: Normaliser, span: Span) -> ModelCall:
    call = read(normaliser, span).call
    assert call is not None
    return call


def with_pairs(otlp: Otlp, *pairs: KeyValue) -> Span:
    span = otlp.span({"gen_ai.operation.name": "chat", "gen_ai.request.model": "gpt-x"})
    span.attributes.extend(pairs)
    return span


def pair(name: str, value: int | str) -> KeyValue:
    return KeyValue(
        key=name, value=AnyValue(int_value=value) if isinstance(value, int) else AnyValue(string_value=value)
    )


def field(tag: int, content: bytes) -> bytes:
    """A length-delimited field of protobuf's wire form."""
    length, encoded = len(content), bytearray([tag])
    while length > 0x7F:
        encoded.append(length & 0x7F | 0x80)
        length >>= 7
    return bytes(encoded) + bytes([length]) + content


@pytest.mark.parametrize(
    ("pairs", "expected"),
    [
        ([pair(INPUT, 1), pair(INPUT, 2)], 2),
        ([pair(INPUT, 1), pair(INPUT, "no number")], None),
        ([pair(OLDER_INPUT, 1), pair(OLDER_INPUT, 2)], 2),
        ([pair(INPUT, 0), pair(OLDER_INPUT, 2)], 0),
        ([pair(OLDER_INPUT, 2), pair(INPUT, "")], 2),
    ],
    ids=["last of a name", "even if it is unusable", "last of an older name", "newest name", "unless it is empty"],
)
def test_of_two_attributes_that_say_the_same_one_wins_every_time(
    otlp: Otlp, normaliser: Normaliser, pairs: list[KeyValue], expected: int | None
) -> None:
    span = with_pairs(otlp, *pairs, pair("gen_ai.usage.output_tokens", 1))

    for _ in range(3):  # from the second time on, most of it is remembered
        assert call_of(normaliser, span).usage == Usage(input_tokens=expected, output_tokens=1)


def test_an_unusable_attribute_is_counted_every_time(otlp: Otlp, normaliser: Normaliser) -> None:
    span = with_pairs(otlp, pair(INPUT, "12"), pair(OLDER_INPUT, "12"))

    assert [read(normaliser, span).unreadable_attributes for _ in range(3)] == [2, 2, 2]


def test_a_prompt_of_ten_megabytes_is_passed_over(otlp: Otlp, normaliser: Normaliser) -> None:
    span = with_pairs(otlp, pair("gen_ai.input.messages", "word " * 2_000_000), pair(INPUT, 3))

    assert call_of(normaliser, span).usage == Usage(input_tokens=3)


def test_values_that_nest_deeper_than_protobuf_follows_cost_nothing(otlp: Otlp, normaliser: Normaliser) -> None:
    value = b"\x0a\x06bottom"
    for _ in range(1000):
        value = field(0x2A, field(0x0A, value))  # AnyValue.array_value.values
    added = [field(0x4A, field(0x0A, name) + field(0x12, value)) for name in (b"gen_ai.prompt", b"spancost.feature")]

    reading = normaliser.read(b"".join([with_pairs(otlp, pair(INPUT, 3)).SerializeToString(), *added]), NOWHERE)

    assert reading.call is not None
    assert (reading.call.usage, reading.call.attribution.feature) == (Usage(input_tokens=3), None)
    assert reading.unreadable_attributes == 1


def test_text_that_is_no_utf8_matters_only_where_it_is_asked_for(otlp: Otlp, normaliser: Normaliser) -> None:
    def spoiled(name: str) -> bytes:
        return (
            with_pairs(otlp, pair(name, "spoiled"), pair(INPUT, 3))
            .SerializeToString()
            .replace(b"spoiled", b"sp\xffiled")
        )

    assert normaliser.read(spoiled("gen_ai.input.messages"), NOWHERE).call is not None
    with pytest.raises(UnreadableSpanError):
        normaliser.read(spoiled("spancost.feature"), NOWHERE)


def test_more_different_attributes_than_are_remembered_are_still_read_right(otlp: Otlp, normaliser: Normaliser) -> None:
    for n in range(9000):
        span = otlp.call(n + 1, gen_ai__usage__input_tokens=n, user__id=f"u{n}")
        if n % 1000 == 0 or n > 8990:
            call = call_of(normaliser, span)
            assert (call.attribution.user, call.usage) == (f"u{n}", Usage(input_tokens=n, output_tokens=10))
        else:
            read(normaliser, span)


def test_tags_are_bounded_in_number_and_length(otlp: Otlp, normaliser: Normaliser) -> None:
    span = otlp.span(
        {
            "langfuse.observation.type": "generation",
            **{f"langfuse.trace.metadata.key{n:02}": "v" * 200 for n in range(40)},
        }
    )
    tags = call_of(normaliser, span).attribution.tags

    assert len(tags) == 32
    assert tags[0] == "key00:" + "v" * 122


@pytest.mark.parametrize(
    ("value", "tags"),
    [
        (AnyValue(array_value=ArrayValue(values=[AnyValue(string_value="a"), AnyValue(int_value=1)])), ("a",)),
        (AnyValue(string_value='["a", "b", 3, "a"]'), ("a", "b")),
        (AnyValue(string_value="a, b,"), ("a", "b")),
        (AnyValue(string_value=""), ()),
    ],
    ids=["array", "json", "commas", "empty"],
)
def test_a_list_of_tags_is_read_however_it_is_written(
    otlp: Otlp, normaliser: Normaliser, value: AnyValue, tags: tuple[str, ...]
) -> None:
    span = with_pairs(otlp, KeyValue(key="tag.tags", value=value))

    assert call_of(normaliser, span).attribution.tags == tags


def test_configuration_says_which_attributes_name_who_pays(otlp: Otlp) -> None:
    normaliser = Normaliser(DIALECTS, attribution={"feature": ("app.screen",), "tenant": ("gen_ai.agent.name",)})
    values: dict[str, Scalar] = {"gen_ai.operation.name": "chat", "app.screen": "cart", "gen_ai.agent.name": "acme"}

    assert call_of(normaliser, otlp.span(values)).attribution == Attribution("cart", tenant="acme")
    own = call_of(normaliser, otlp.span({**values, "spancost.feature": "checkout"}))
    assert own.attribution == Attribution("checkout", tenant="acme")


def test_personal_identifiers_are_hashed_where_that_is_wanted(otlp: Otlp) -> None:
    # printf %s ada@example.com | openssl dgst -sha256 -hmac 0123456789abcdef
    hashed = "512383176ce1b4c279ee430548cf07ec"
    normaliser = Normaliser(DIALECTS, disguise=Disguise("0123456789abcdef"))

    by_name = call_of(normaliser, otlp.call(user__email="ada@example.com"))
    in_document = call_of(
        normaliser,
        otlp.span({"openinference.span.kind": "LLM", "metadata": '{"user_email": "ada@example.com", "feature": "x"}'}),
    )

    assert by_name.attribution == Attribution("search", user=hashed)
    assert in_document.attribution == Attribution("x", user=hashed)


def test_a_salt_that_keeps_nothing_secret_is_refused() -> None:
    with pytest.raises(ConfigError, match="got 5 characters; expected at least 16"):
        Disguise("short")


def test_a_span_says_where_it_ran_where_its_resource_does_not(otlp: Otlp, normaliser: Normaliser) -> None:
    span = otlp.span({"langfuse.observation.type": "generation", "langfuse.environment": "staging"})
    request = otlp.request(span, scope="langfuse-sdk", resource={"service.name": "shop", "service.version": "1"})
    ((_, envelope, raw),) = Export(request.SerializeToString()).candidates(normaliser.markers)
    call = normaliser.read(raw, envelope).call

    assert call is not None
    assert call.resource == Resource("shop", "staging", "1")


def test_an_emitter_is_known_by_its_resource_where_its_scope_is_not(otlp: Otlp, normaliser: Normaliser) -> None:
    span = otlp.span({"gen_ai.operation.name": "chat", INPUT: 3, "gen_ai.usage.cost": 0})
    request = otlp.request(span, scope="my.app", resource={"telemetry.sdk.name": "openlit"})
    ((_, envelope, raw),) = Export(request.SerializeToString()).candidates(normaliser.markers)
    call = normaliser.read(raw, envelope).call

    assert call is not None
    assert (call.dialect, call.quoted) == ("openlit", None)


def test_documents_of_the_users_own_never_stop_a_call(otlp: Otlp, normaliser: Normaliser) -> None:
    document: Mapping[str, object] = {"tenant": "acme", "nested": {"a": 1}, "none": None, "flag": True, "text": ""}
    span = otlp.span({"openinference.span.kind": "LLM", "metadata": json.dumps(document)})

    assert call_of(normaliser, span).attribution == Attribution(tenant="acme", tags=("flag:true",))
    broken = read(normaliser, otlp.span({"openinference.span.kind": "LLM", "metadata": "{"}))
    assert broken.call is not None
    assert broken.unreadable_attributes == 1


@pytest.mark.parametrize(
    ("written", "kept"),
    [(r"a\ud800", "a\ufffd"), (r"\udc00b", "\ufffdb"), (r"\ud83d\ude00", "😀"), (r"\ud800\ud800", "\ufffd\ufffd")],
    ids=["first half", "second half", "both halves", "two first halves"],
)
def test_half_a_character_of_json_never_gets_further(otlp: Otlp, written: str, kept: str) -> None:
    plain, hashing = Normaliser(DIALECTS), Normaliser(DIALECTS, disguise=Disguise("0123456789abcdef"))
    span = otlp.span({"openinference.span.kind": "LLM", "metadata": f'{{"user_id": "{written}", "x": "{written}"}}'})

    attribution = call_of(plain, span).attribution
    assert (attribution.user, attribution.tags) == (kept, (f"x:{kept}",))
    assert len(call_of(hashing, span).attribution.user or "") == 32


@pytest.mark.parametrize(
    ("model", "provider"),
    [
        ("us.anthropic.claude-x-v1:0", "aws.bedrock"),
        ("amazon.nova-x", "aws.bedrock"),
        ("claude-x", "anthropic"),
        ("publishers/google/models/gemini-x", "gcp.vertex_ai"),
        ("gpt-5-nano-2025-08-07", "openai"),
        ("o3-mini", "openai"),
        ("open-mixtral", None),
        ("anthropic/claude-x", "openrouter"),
        ("meta-llama/llama-x", None),
        ("", None),
    ],
)
def test_only_a_name_that_one_provider_gives_tells_who_serves_a_model(model: str, provider: str | None) -> None:
    assert provider_of_model(model) == provider


@pytest.mark.parametrize(
    ("scope", "provider", "model", "route"),
    [
        ("logfire.openai", "openai", "deepseek-x", Route("deepseek", "deepseek-x")),
        ("logfire.openai", "openai", "gpt-x", Route("openai", "gpt-x")),
        ("logfire.openai", "groq", "deepseek-x", Route("groq", "deepseek-x")),
        (LLMETRY + "openai.v1", "openrouter", "claude-x", Route("openrouter", "anthropic/claude-x")),
        (LLMETRY + "openai.v1", "openrouter", "vendor/x", Route("openrouter", "vendor/x")),
        (LLMETRY + "bedrock", "aws.bedrock", "nova-x-v1:0", Route("aws.bedrock", "amazon.nova-x-v1:0")),
    ],
)
def test_who_serves_a_model_is_told_by_its_name_only_where_a_library_was_named(
    otlp: Otlp, normaliser: Normaliser, scope: str, provider: str, model: str, route: Route
) -> None:
    values: dict[str, Scalar] = {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": provider,
        "gen_ai.request.model": model,
        INPUT: 3,
    }
    ((_, envelope, raw),) = Export(otlp.request(otlp.span(values), scope=scope).SerializeToString()).candidates(
        normaliser.markers
    )
    call = normaliser.read(raw, envelope).call

    assert call is not None
    assert call.route == route
    assert (call.assumed is None) == (route.provider == provider)


@pytest.mark.parametrize(
    ("version", "concerned"),
    [("0.9", True), ("1.2.9b1", True), ("1.3", False), ("2", False), ("", False), ("dev", False)],
)
def test_an_exception_holds_before_the_version_that_ended_it(version: str, concerned: bool) -> None:
    assert Apart("cache", "some.scope", before=(1, 3, 0)).concerns("some.scope.of.it", version) is concerned
    assert not Apart("cache", "some.scope", before=(1, 3, 0)).concerns("other", "0.1")


def test_a_version_is_its_leading_numbers() -> None:
    assert (numbers("1.3b0"), numbers("12"), numbers("v1")) == ((1, 3, 0), (12, 0, 0), None)


def test_a_dialect_with_a_column_that_does_not_exist_is_refused() -> None:
    with pytest.raises(ValueError, match="no such column: imput_tokens"):
        OTEL.derive("typo", names={"imput_tokens": ("x",)})


def test_an_attribute_that_would_mean_two_things_is_refused() -> None:
    with pytest.raises(ValueError, match="cannot mean"):
        Normaliser([OTEL.derive("twice", names={"prompt": ("gen_ai.request.model",)}), OTEL])


@settings(max_examples=150)
@given(
    st.one_of(
        st.text(min_size=118, max_size=132), st.text(alphabet="aé漢😀", max_size=50), st.just("x" * 127), st.just("")
    ),
    st.one_of(st.integers(-3, 2**22), st.sampled_from([127, 128, 16_383, 16_384, 2_097_151, 2_097_152])),
)
def test_what_is_read_from_bytes_is_what_protobuf_reads(text: str, number: int) -> None:
    attributes = [pair("gen_ai.response.id", text), pair(INPUT, number)]

    for attribute, quick in zip(attributes, (short_text, small_count), strict=True):
        raw = attribute.SerializeToString()
        end = name_end(raw)
        assert end is not None
        assert raw[2:end].decode() == attribute.key
        assert quick(raw, end) in {None, text if quick is short_text else number}
    long = number >= 2**21 or number < 0
    raw = attributes[1].SerializeToString()
    assert (small_count(raw, len(INPUT) + 2) is None) == long


@settings(max_examples=200)
@given(st.binary(max_size=40))
def test_any_bytes_are_either_read_as_protobuf_reads_them_or_left_to_it(raw: bytes) -> None:
    end = name_end(raw)
    if end is None:
        return
    for quick in (short_text, small_count):
        value = quick(raw, end)
        if value is not None:
            read_by_protobuf = KeyValue.FromString(raw).value
            assert value in {read_by_protobuf.string_value, read_by_protobuf.int_value}
