"""What a cost processor in rotel looks like: prices from a dict, one attribute added. Runs inside rotel, not here."""

from typing import Any

# The module exists only inside rotel.
from rotel_sdk.open_telemetry.common.v1 import (  # pyright: ignore[reportMissingImports]
    AnyValue,  # pyright: ignore[reportUnknownVariableType]
    KeyValue,  # pyright: ignore[reportUnknownVariableType]
)

PRICES = {"gpt-4o-2024-08-06": (2.5e-6, 1.25e-6, 10e-6)}


def process_spans(resource_spans: Any) -> None:
    for scope_spans in resource_spans.scope_spans:
        for span in scope_spans.spans:
            found: dict[str, Any] = {attribute.key: attribute.value for attribute in span.attributes}
            if "gen_ai.usage.input_tokens" not in found:
                continue
            price = PRICES.get(found["gen_ai.response.model"].value)
            if price is None:
                continue
            tokens = found["gen_ai.usage.input_tokens"].value
            cached = found["gen_ai.usage.cache_read.input_tokens"].value
            answered = found["gen_ai.usage.output_tokens"].value
            cost = (tokens - cached) * price[0] + cached * price[1] + answered * price[2]
            span.attributes.append(KeyValue("spancost.cost.usd", AnyValue(cost)))


# Its older versions call it by this name.
process = process_spans
