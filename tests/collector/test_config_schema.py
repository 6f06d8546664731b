"""The JSON schema of the settings takes what the receiver takes, and nothing else."""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator, ValidationError

from spancost_collector.config import json_schema


@pytest.fixture(scope="module")
def validator() -> Any:
    """Of the schema as it is printed, which is a valid one itself."""
    schema = json.loads(json.dumps(json_schema()))
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema)


def test_the_json_schema_takes_what_the_receiver_takes(validator: Any) -> None:
    document = yaml.safe_load(
        """
grpc: {listen: 0.0.0.0:4317, tls: {cert: a, key: b, client_ca: c}, tokens: ["${env:TOKEN}"]}
http: {listen: off}
intake: {max_message_bytes: 8MiB, max_concurrent_requests: "${env:THREADS}"}
forward: [{endpoint: "tempo:4317", compression: gzip, headers: {a: b}}]
attribution: {keys: {feature: [a]}, hash_identifiers: true, salt: 0123456789abcdef}
time_zone: Europe/Vienna
"""
    )

    validator.validate(document)
    assert validator.schema["$defs"]["Grpc"]["properties"]["listen"]["default"] == "127.0.0.1:4317"


@pytest.mark.parametrize(
    "document",
    [
        {"ledgr": "/x"},
        {"grpc": {"listen": 4317}},
        {"intake": {"max_message_bytes": "many"}},
        {"labels": {"tenant": "x"}},
        {"workers": 0},
        {"workers": 65},
        {"grace_seconds": 0},
        {"forward": [4317]},
    ],
)
def test_the_json_schema_refuses_what_the_receiver_refuses(validator: Any, document: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        validator.validate(document)
