"""Logs and metrics in OTLP/JSON to protobuf. They are few and small, so protobuf's own reader does all of it.

What it cannot know is that OTLP writes ids in hexadecimal, where protobuf has base64.
"""

from __future__ import annotations

import json
from base64 import b64encode
from typing import TYPE_CHECKING, Any, Final, cast

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest

from spancost_collector.intake.otlp_json import BadJsonError, Converted
from spancost_collector.intake.protobuf_json import NotThisMessageError, read_message

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
        document: object = json.loads(body.decode("utf-8-sig", errors="replace"), object_hook=_with_base64_ids)
        if not isinstance(document, dict):
            raise BadJsonError(f"{name} of {len(body)} bytes: expected a JSON object, as OTLP/JSON has it")
        read_message(cast("dict[str, Any]", document), message)
    except (NotThisMessageError, ValueError, RecursionError) as error:
        raise BadJsonError(f"{name} of {len(body)} bytes: not valid OTLP/JSON ({error})") from error
    return Converted(message.SerializeToString(), 0, "")


def _with_base64_ids(owner: dict[str, Any]) -> dict[str, Any]:
    for name in _IDS & owner.keys():
        value: object = owner[name]
        if isinstance(value, str):
            owner[name] = b64encode(bytes.fromhex(value)).decode()
    return owner
