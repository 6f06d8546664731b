"""OTLP/JSON to the protobuf bytes that the pipeline takes, span by span, so that one bad span costs no other.

Protobuf's own JSON reader does nearly all of it (camelCase names, 64-bit numbers as text, enumerations as numbers,
unknown fields ignored). What it cannot know is that OTLP writes ids in hexadecimal, where protobuf has base64.
https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding
"""

from __future__ import annotations

import json
import re
from base64 import b64encode
from typing import TYPE_CHECKING, Any, Final, NamedTuple, cast

from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, ScopeSpans, Span

from spancost_collector import otlp_pb2 as otlp
from spancost_collector.intake.protobuf_json import NotThisMessageError, read_message
from spancost_pricing import SpancostError

if TYPE_CHECKING:
    from google.protobuf.message import Message

    from spancost_collector.intake.protobuf_json import AnyMessage

_INTEGER: Final = re.compile(r"-?[0-9]{1,18}")
_HEX: Final = re.compile(r"(?:[0-9a-fA-F]{2})*")
_ALSO_CALLED: Final = {"resourceSpans": "resource_spans", "scopeSpans": "scope_spans"}
"""The names of protobuf's own, which its reader takes as well."""
_IDS: Final = ("traceId", "spanId", "parentSpanId", "trace_id", "span_id", "parent_span_id")


class BadJsonError(SpancostError):
    """The bytes are not an OTLP trace export request in JSON; sending them again cannot help."""


class _BadPartError(SpancostError):
    """A span, resource or scope that cannot be read."""


class Converted(NamedTuple):
    """A request, without the spans that could not be read."""

    body: bytes
    """Protobuf."""
    rejected_spans: int
    problem: str
    """What is wrong with the first of them; empty where there are none."""


def convert(body: bytes) -> Converted:
    """Read a request in JSON. Text that is not UTF-8 is read with replacement characters; a byte order mark is ignored.

    Raises:
        BadJsonError: it is not a JSON object with a list of resource spans.
    """
    try:
        document: object = json.loads(body.decode("utf-8-sig", errors="replace"))
    except (ValueError, RecursionError) as error:
        raise BadJsonError(f"ExportTraceServiceRequest of {len(body)} bytes: not valid JSON ({error})") from error
    request = otlp.ExportRequest()
    rejected: list[str] = []
    for resource_spans, where in _objects(document, "resourceSpans", "the request"):
        target = request.resource_spans.add()
        resource_problem = _put(target, resource_spans, ResourceSpans(), "scopeSpans", where)
        for scope_spans, here in _objects(resource_spans, "scopeSpans", where):
            scope = target.scope_spans.add()
            problem = resource_problem or _put(scope, scope_spans, ScopeSpans(), "spans", here)
            for span, place in _listed(scope_spans, "spans", here):
                try:
                    if problem:
                        raise _BadPartError(problem)
                    scope.spans.append(_span(span, place))
                except _BadPartError as error:
                    rejected.append(str(error))
    return Converted(request.SerializeToString(), len(rejected), rejected[0] if rejected else "")


def _objects(owner: object, name: str, where: str) -> list[tuple[dict[str, Any], str]]:
    """The objects of a list, each with where it stands."""
    found = _listed(owner, name, where)
    if not all(isinstance(one, dict) for one, _ in found):
        raise _not_listed(name, where)
    return cast("list[tuple[dict[str, Any], str]]", found)


def _listed(owner: object, name: str, where: str) -> list[tuple[object, str]]:
    """What stands in a list, each with where it stands."""
    if owner is None:
        return []
    if not isinstance(owner, dict):
        raise _not_listed(name, where)
    said = cast("dict[str, object]", owner)
    found = said.get(name, said.get(_ALSO_CALLED.get(name, name)))
    if found is None:
        return []
    if not isinstance(found, list):
        raise _not_listed(name, where)
    place = "" if where == "the request" else f"{where}."
    return [(one, f"{place}{name}[{index}]") for index, one in enumerate(cast("list[object]", found))]


def _not_listed(name: str, where: str) -> BadJsonError:
    return BadJsonError(f"{where}: expected an object with {name}, a list of objects; send OTLP/JSON")


def _put(target: Message, owner: dict[str, Any], whole: Message, without: str, where: str) -> str:
    """Add what spans share, which is all that stands beside them; what is wrong with it, or nothing."""
    beside = {name: value for name, value in owner.items() if name not in (without, _ALSO_CALLED.get(without))}
    try:
        target.MergeFromString(_read(beside, whole, where).SerializeToString())
    except _BadPartError as error:
        return str(error)
    return ""


def _span(said: object, where: str) -> bytes:
    if not isinstance(said, dict):
        raise _BadPartError(f"{where}: expected an object")
    span = cast("dict[str, Any]", said)
    with_ids = _base64_ids(span, where)
    links: object = span.get("links")
    if isinstance(links, list):
        with_ids["links"] = [
            _base64_ids(cast("dict[str, Any]", link), f"{where}.links[{index}]") if isinstance(link, dict) else link
            for index, link in enumerate(cast("list[object]", links))
        ]
    attributes = _attributes(span.get("attributes"))
    if attributes is not None:
        del with_ids["attributes"]
    if named := _named(span):
        _read(named, Span(), where, ignore_unknown=False)
    message = _read(with_ids, Span(), where)
    if attributes is not None:
        message.attributes.extend(attributes)
    return message.SerializeToString()


def _named(span: dict[str, Any]) -> dict[str, Any]:
    """What is said by name of an enumeration; protobuf's reader ignores a name it does not know as it does a field."""
    named = {"kind": span["kind"]} if isinstance(span.get("kind"), str) else {}
    status: object = span.get("status")
    if isinstance(status, dict):
        code = cast("dict[str, object]", status).get("code")
        if isinstance(code, str):
            named["status"] = {"code": code}
    return named


def _attributes(attributes: object) -> list[KeyValue] | None:
    """Attributes, most of them at a tenth of the time; None where protobuf's reader has to say what is wrong."""
    if not isinstance(attributes, list):
        return None
    try:
        return [_attribute(cast("dict[str, Any]", one)) for one in cast("list[object]", attributes)]
    except (NotThisMessageError, TypeError, ValueError, KeyError, AttributeError):
        return None


def _attribute(attribute: dict[str, Any]) -> KeyValue:
    if len(attribute) == 2 and len(attribute["value"]) == 1:
        ((kind, value),) = attribute["value"].items()
        match kind, value:
            case "stringValue", str():
                return KeyValue(key=attribute["key"], value=AnyValue(string_value=value))
            case "intValue", str() if _INTEGER.fullmatch(value):
                return KeyValue(key=attribute["key"], value=AnyValue(int_value=int(value)))
            case "doubleValue", float():
                return KeyValue(key=attribute["key"], value=AnyValue(double_value=value))
            case "boolValue", bool():
                return KeyValue(key=attribute["key"], value=AnyValue(bool_value=value))
            case _:
                pass
    return read_message(attribute, KeyValue())


def _base64_ids(owner: dict[str, Any], where: str) -> dict[str, Any]:
    """A copy with its ids as protobuf's reader wants them; an id of the wrong length is not a matter of encoding."""
    copy = dict(owner)
    for name in _IDS:
        text: object = owner.get(name)
        if text is None:
            continue
        if not isinstance(text, str) or not _HEX.fullmatch(text):
            raise _BadPartError(f"{where}.{name}: expected an id in hexadecimal digits")
        copy[name] = b64encode(bytes.fromhex(text)).decode()
    return copy


def _read(value: object, message: AnyMessage, where: str, *, ignore_unknown: bool = True) -> AnyMessage:
    if not isinstance(value, dict):
        raise _BadPartError(f"{where}: expected an object")
    try:
        return read_message(cast("dict[str, Any]", value), message, ignore_unknown=ignore_unknown)
    except NotThisMessageError as error:
        raise _BadPartError(f"{where}: {error}") from error
