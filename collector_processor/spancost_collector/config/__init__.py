"""The receiver's settings: declared once with their defaults, checked all at once, then trusted."""

from __future__ import annotations

from spancost_collector.config.load import CONFIG_VARIABLE, Loaded, load
from spancost_collector.config.settings import (
    AttributionSettings,
    Election,
    Grpc,
    HopTls,
    Http,
    Intake,
    Labels,
    Listener,
    ListenerTls,
    Log,
    Metrics,
    MetricsTarget,
    NextHop,
    Settings,
    Subscription,
    Target,
    TracesTarget,
    Web,
)
from spancost_collector.config.show import json_schema, render
from spancost_collector.config.values import Address, parse_address

__all__ = [
    "CONFIG_VARIABLE",
    "Address",
    "AttributionSettings",
    "Election",
    "Grpc",
    "HopTls",
    "Http",
    "Intake",
    "Labels",
    "Listener",
    "ListenerTls",
    "Loaded",
    "Log",
    "Metrics",
    "MetricsTarget",
    "NextHop",
    "Settings",
    "Subscription",
    "Target",
    "TracesTarget",
    "Web",
    "json_schema",
    "load",
    "parse_address",
    "render",
]
