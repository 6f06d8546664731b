"""What all dashboards share: the choice of data source and dimensions, links to each other, and marks for releases.

Nothing names a data source: the variable `datasource` offers those that there are, so the same JSON works imported by
hand and provisioned.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from grafana_foundation_sdk.builders import dashboard as dashboard_builder
from grafana_foundation_sdk.models import dashboard
from panels import DATASOURCE, Layout

from spancost_collector.metrics import table as metrics

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

LABELS: Final = {
    "environment": "Environment",
    "feature": "Feature",
    "provider": "Provider",
    "model": "Model",
    "service": "Service",
}
TAG: Final = "spancost"
RANGE: Final = "$__range"
HOUR: Final = "1h"
RATE: Final = "$__rate_interval"
INPUT: Final = 'token_class=~"input.*|cache_.*"'
OUTPUT: Final = 'token_class=~"output.*|reasoning"'


def selector(*dimensions: str, also: str = "") -> str:
    """Matchers for what is chosen in these variables, and further ones."""
    chosen = [f'{name}=~"${name}"' for name in dimensions]
    return ", ".join([*chosen, also] if also else chosen)


def named(expr: str, label: str) -> str:
    """With `not set` for a label that is empty: a legend without a word would show something else."""
    return f'label_replace({expr}, "{label}", "not set", "{label}", "")'


def board(
    uid: str,
    title: str,
    description: str,
    dimensions: Sequence[str],
    fill: Callable[[Layout], None],
    *,
    since: str = "now-24h",
    releases: bool = True,
) -> dashboard.Dashboard:
    """A dashboard whose panels `fill` lays out; `dimensions` become its variables."""
    built = (
        dashboard_builder.Dashboard(f"LLM cost: {title}")
        .uid(uid)
        .description(description)
        .tags([TAG])
        .time(since, "now")
        .refresh("1m")
        .timezone("browser")
        .tooltip(dashboard.DashboardCursorSync.CROSSHAIR)
        .link(
            dashboard_builder.DashboardLink("LLM cost")
            .type(dashboard.DashboardLinkType.DASHBOARDS)
            .tags([TAG])
            .as_dropdown(True)
            .include_vars(True)
            .keep_time(True)
        )
        .with_variable(dashboard_builder.DatasourceVariable("datasource").label("Data source").type("prometheus"))
    )
    for name in dimensions:
        built.with_variable(_dimension(name))
    if releases:
        built.annotation(_releases())
    fill(Layout(built))
    return built.build()


def _dimension(name: str) -> dashboard_builder.QueryVariable:
    return (
        dashboard_builder.QueryVariable(name)
        .label(LABELS[name])
        .datasource(DATASOURCE)
        .query(f"label_values({metrics.CALLS.name}, {name})")
        .refresh(dashboard.VariableRefresh.ON_TIME_RANGE_CHANGED)
        .sort(dashboard.VariableSort.ALPHABETICAL_ASC)
        .multi(True)
        .include_all(True)
        .all_value(".*")
        .current(dashboard.VariableOption(text="All", value="$__all", selected=True))
    )


def _releases() -> dashboard_builder.AnnotationQuery:
    """A mark where a release made its first call."""
    released = f'group by (service, release) ({metrics.CALLS.name}{{release!=""}})'
    before = f'group by (service, release) ({metrics.CALLS.name}{{release!=""}} offset 10m)'
    return (
        dashboard_builder.AnnotationQuery()
        .name("Releases")
        .datasource(DATASOURCE)
        .enable(True)
        .icon_color("purple")
        .expr(f"{released} unless {before}")
        .title_format("{{service}} {{release}}")
        .step("10m")
    )
