"""Logs and metrics in OTLP/JSON to protobuf. They are few and small, so protobuf's own reader does all of it.

What it cannot know is that OTLP writes ids in hexadecimal, where protobuf has base64.
"""

from __future__ import annotations

import json
from base64 import b64encode
from typing import TYPE_CHECKING, Any, Final, cast

from google.protobuf import json_format
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest

from spancost_collector.intake.otlp_json import BadJsonError, Converted

if TYPE_CHECKING:
    from google.protobuf.message import Message

_IDS: Final = frozenset({"traceId", "spanId", "trace_id", "span_id"})


def convert_logs(body: bytes) -> Converted:
    """Read a request of logs.

    Raises:
        BadJsonError: it is none.
    """
    return _convert(body, ExportLogsServiceRequest())


def convert_metrics(body: bytes) -> Converted:
    """Read a request of metrics.

    Raises:
        BadJsonError: it is none.
    """
    return _convert(body, ExportMetricsServiceRequest())


def _convert(body: bytes, message: Message) -> Converted:
    name = message.DESCRIPTOR.name
    try:
        document: object = json.loads(body.decode(errors="replace"), object_hook=_with_base64_ids)
        if not isinstance(document, dict):
            raise BadJsonError(f"{name} of {len(body)} bytes: expected a JSON object, as OTLP/JSON has it")
        json_format.ParseDict(cast("dict[str, Any]", document), message, ignore_unknown_fields=True)
    except (json_format.ParseError, ValueError, TypeError, AttributeError, RecursionError) as error:
        problem = " ".join(str(error).split())[:200]
        raise BadJsonError(f"{name} of {len(body)} bytes: not valid OTLP/JSON ({problem})") from error
    except SystemError as error:  # how protobuf takes a name that is no Unicode
        raise BadJsonError(f"{name}: a name in it is not Unicode text (an unpaired surrogate)") from error
    return Converted(message.SerializeToString(), 0, "")


def _with_base64_ids(owner: dict[str, Any]) -> dict[str, Any]:
    for name in _IDS & owner.keys():
        value: object = owner[name]
        if isinstance(value, str):
            owner[name] = b64encode(bytes.fromhex(value)).decode()
    return owner
