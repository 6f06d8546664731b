"""Which format a scraper gets: what it asks for first among what there is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from prometheus_client.exposition import choose_encoder

from spancost_collector.exposition import protobuf

if TYPE_CHECKING:
    from collections.abc import Callable

    from prometheus_client.registry import Collector

_PROTOBUF: Final = "application/vnd.google.protobuf"
_FAMILIES: Final = "io.prometheus.client.MetricFamily"


def choose(accept: str) -> tuple[Callable[[Collector], bytes], str]:
    """What writes the metrics for an `Accept` header, and its content type."""
    wanted = max(accept.split(","), key=_weight)  # the first of equals
    kind, *parameters = (part.strip() for part in wanted.split(";"))
    if kind == _PROTOBUF and f"proto={_FAMILIES}" in parameters and "encoding=delimited" in parameters:
        return protobuf.encode, protobuf.CONTENT_TYPE
    return choose_encoder(accept)


def _weight(accepted: str) -> float:
    for parameter in accepted.split(";")[1:]:
        name, _, value = parameter.strip().partition("=")
        if name == "q":
            try:
                return float(value)
            except ValueError:
                return 0.0
    return 1.0
