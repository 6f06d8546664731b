"""Values are found in models, dictionaries and plain objects alike; what is read late is not lost."""

from __future__ import annotations

import json
from types import SimpleNamespace

import pytest
from pydantic import BaseModel, ConfigDict

from spancost.fields import count, fields_of, pick
from spancost.sdks._google_genai.content import GenerateContentReading


class Reported(BaseModel):
    model_config = ConfigDict(extra="allow")
    tokens: int


@pytest.mark.parametrize(
    "source",
    [
        {"tokens": 0, "cached": 3},
        Reported.model_validate({"tokens": 0, "cached": 3}),
        SimpleNamespace(tokens=0, cached=3),
    ],
    ids=["dictionary", "model with an extra field", "object"],
)
def test_a_value_is_found_whatever_holds_it(source: object) -> None:
    fields = fields_of(source)
    assert [fields.get(name) for name in ("tokens", "cached", "absent")] == [0, 3, None]
    assert [count({"usage": source}, "usage", name) for name in ("tokens", "cached", "absent")] == [0, 3, None]
    assert pick(fields, "cached") == 3


def test_a_total_counts_when_the_chunks_after_it_report_none() -> None:
    reading = GenerateContentReading()
    for tokens, reason in ((1, None), (7, None), (None, "STOP")):
        chunk: dict[str, object] = {
            "modelVersion": "gemini",
            "candidates": [{"finishReason": reason} if reason else {}],
        }
        if tokens is not None:
            chunk["usageMetadata"] = {"promptTokenCount": 50, "candidatesTokenCount": tokens}
        reading.add(SimpleNamespace(body=json.dumps(chunk)))
    answer = reading.answer()
    assert answer.attributes["gen_ai.usage.input_tokens"] == 50
    assert answer.attributes["gen_ai.usage.output_tokens"] == 7
    assert answer.attributes["gen_ai.response.finish_reasons"] == ("STOP",)
