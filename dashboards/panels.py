"""A small vocabulary for panels: what a dashboard says about a panel, and nothing that all panels share.

Everything uses the dashboard's `datasource` variable, so the same JSON works imported by hand and provisioned.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from grafana_foundation_sdk.builders import bargauge as bargauge_builder
from grafana_foundation_sdk.builders import common as common_builder
from grafana_foundation_sdk.builders import dashboard as dashboard_builder
from grafana_foundation_sdk.builders import prometheus as prometheus_builder
from grafana_foundation_sdk.builders import stat as stat_builder
from grafana_foundation_sdk.builders import table as table_builder
from grafana_foundation_sdk.builders import timeseries as timeseries_builder
from grafana_foundation_sdk.models import common, dashboard, prometheus

if TYPE_CHECKING:
    from collections.abc import Mapping

Panel = bargauge_builder.Panel | stat_builder.Panel | table_builder.Panel | timeseries_builder.Panel

DATASOURCE: Final = common.DataSourceRef(type_val="prometheus", uid="${datasource}")
USD: Final = "currencyUSD"
COUNT: Final = "locale"
"""Every digit, with separators: for calls."""
MANY: Final = "short"
"""Thousands and millions: for tokens."""
SECONDS: Final = "s"
RATIO: Final = "percentunit"
BYTES: Final = "bytes"

_WIDTH: Final = 24
_WIDE_PIXELS: Final = 230
_BAR_PIXELS: Final = 28
_BAR_FONT: Final = 12
_COLUMN_PIXELS: Final = 90
"""Narrower than Grafana's own minimum, so that half a dashboard holds five columns."""


def stat(
    title: str,
    expr: str,
    unit: str,
    *,
    description: str,
    decimals: int | None = None,
    warn_above: float | None = None,
    empty: str = "none",
) -> Panel:
    """One figure; orange above `warn_above`, and the word `empty` where there is nothing to show."""
    steps = [dashboard.Threshold(value=None, color="text" if warn_above is None else "green")]
    if warn_above is not None:
        steps.append(dashboard.Threshold(value=warn_above, color="orange"))
    panel = (
        stat_builder.Panel()
        .title(title)
        .description(description)
        .datasource(DATASOURCE)
        .unit(unit)
        .no_value(empty)
        .graph_mode(common.BigValueGraphMode.NONE)
        .reduce_options(_last())
        .thresholds(_thresholds(steps))
        .with_target(_query(expr).instant())
    )
    return panel if decimals is None else panel.decimals(decimals)


def bars(
    title: str, queries: Mapping[str, str], unit: str, *, description: str, signed: bool = False, empty: str = "none"
) -> Panel:
    """Legend -> expression as lying bars, for parts that are to be compared; `signed` ones may fall below zero."""
    low = dashboard.Threshold(value=None, color="green" if signed else "blue")
    steps = [low, dashboard.Threshold(value=0, color="orange")] if signed else [low]
    panel = (
        bargauge_builder.Panel()
        .title(title)
        .description(description)
        .datasource(DATASOURCE)
        .unit(unit)
        .no_value(empty)
        .orientation(common.VizOrientation.HORIZONTAL)
        .display_mode(common.BarGaugeDisplayMode.BASIC)
        .value_mode(common.BarGaugeValueMode.TEXT)
        .show_unfilled(False)
        .max_viz_height(_BAR_PIXELS)
        .text(common_builder.VizTextDisplayOptions().title_size(_BAR_FONT).value_size(_BAR_FONT))
        .reduce_options(_last())
        .thresholds(_thresholds(steps))
    )
    for ref, (legend, expr) in zip(_references(len(queries)), queries.items(), strict=True):
        panel.with_target(_query(expr).instant().legend_format(legend).ref_id(ref))
    return panel if signed else panel.min(0)


def lines(
    title: str,
    queries: Mapping[str, str],
    unit: str,
    *,
    description: str,
    stacked: bool = False,
    narrow: bool = False,
    signed: bool = False,
    exemplars: bool = False,
    empty: str = "none",
) -> Panel:
    """Legend -> expression over time; stacked where the parts make a whole, figures beside it unless `narrow`.

    `exemplars` puts single calls on it, which lead to their traces.
    """
    panel = (
        timeseries_builder.Panel()
        .title(title)
        .description(description)
        .datasource(DATASOURCE)
        .unit(unit)
        .no_value(empty)
        .line_width(1)
        .fill_opacity(30 if stacked else 8)
        .show_points(common.VisibilityMode.NEVER)
        .legend(_legend_below() if narrow else _legend_beside())
        .tooltip(
            common_builder.VizTooltipOptions()
            .mode(common.TooltipDisplayMode.MULTI)
            .sort(common.SortOrder.DESCENDING)
            .hide_zeros(True)
        )
    )
    if stacked:
        panel.stacking(common_builder.StackingConfig().mode(common.StackingMode.NORMAL).group("A"))
    for ref, (legend, expr) in zip(_references(len(queries)), queries.items(), strict=True):
        query = _query(expr).range().legend_format(legend).ref_id(ref)
        panel.with_target(query.exemplar(True) if exemplars else query)
    if unit == COUNT:
        panel.decimals(0)
    return panel if signed else panel.min(0)


def table(
    title: str,
    labels: Mapping[str, str],
    columns: Mapping[str, tuple[str, str]],
    *,
    description: str,
    sort_by: str,
    links: Mapping[str, str] | None = None,
    wide: str | None = None,
) -> Panel:
    """Label -> column, then column -> (expression, unit); rows are the label sets that the expressions share.

    Expressions have no metric name and no other labels, or their rows would not join. `links` leads from a column's
    cells to another dashboard; the column `wide` holds long names.
    """
    panel = table_builder.Panel().title(title).description(description).datasource(DATASOURCE).min_width(_COLUMN_PIXELS)
    if wide is not None:
        panel.override_by_name(wide, [dashboard.DynamicConfigValue(id_val="custom.width", value=_WIDE_PIXELS)])
    for name, url in (links or {}).items():
        link = {"title": f"Show {name.lower()}", "url": url}
        panel.override_by_name(name, [dashboard.DynamicConfigValue(id_val="links", value=[link])])
    references = _references(len(columns))
    for ref, (name, (expr, unit)) in zip(references, columns.items(), strict=True):
        panel.with_target(_query(expr).instant().format(prometheus.PromQueryFormat.TABLE).ref_id(ref))
        properties = [dashboard.DynamicConfigValue(id_val="unit", value=unit)]
        if unit == COUNT:
            properties.append(dashboard.DynamicConfigValue(id_val="decimals", value=0))
        panel.override_by_name(name, properties)
    values = [f"Value #{ref}" for ref in references] if len(references) > 1 else ["Value"]
    renames = {**labels, **dict(zip(values, columns, strict=True))}
    organised: dict[str, object] = {
        "excludeByName": {"Time": True},
        "indexByName": {name: number for number, name in enumerate(renames)},
        "renameByName": renames,
    }
    order: dict[str, object] = {"fields": {}, "sort": [{"field": sort_by, "desc": True}]}
    return (
        panel.with_transformation(dashboard.DataTransformerConfig(id_val="merge", options={}))
        .with_transformation(dashboard.DataTransformerConfig(id_val="organize", options=organised))
        .with_transformation(dashboard.DataTransformerConfig(id_val="sortBy", options=order))
    )


class Layout:
    """Places panels on Grafana's grid, row by row, and numbers them."""

    def __init__(self, target: dashboard_builder.Dashboard) -> None:
        self._target = target
        self._y = 0
        self._id = 0

    def heading(self, title: str) -> None:
        """Start a section."""
        self._id += 1
        position = dashboard.GridPos(x=0, y=self._y, w=_WIDTH, h=1)
        self._target.with_row(dashboard_builder.Row(title).id(self._id).grid_pos(position))
        self._y += 1

    def row(self, *panels: Panel, height: int) -> None:
        """Panels side by side, each as wide as the others."""
        width, rest = divmod(_WIDTH, len(panels))
        if rest:
            raise ValueError(f"{len(panels)} panels do not share {_WIDTH} columns evenly")
        for number, panel in enumerate(panels):
            self._id += 1
            position = dashboard.GridPos(x=number * width, y=self._y, w=width, h=height)
            self._target.with_panel(panel.id(self._id).grid_pos(position))
        self._y += height


def _last() -> common_builder.ReduceDataOptions:
    return common_builder.ReduceDataOptions().calcs(["lastNotNull"]).values(False)


def _thresholds(steps: list[dashboard.Threshold]) -> dashboard_builder.ThresholdsConfig:
    return dashboard_builder.ThresholdsConfig().mode(dashboard.ThresholdsMode.ABSOLUTE).steps(steps)


def _legend_beside() -> common_builder.VizLegendOptions:
    legend = common_builder.VizLegendOptions().placement(common.LegendPlacement.RIGHT).show_legend(True)
    return legend.display_mode(common.LegendDisplayMode.TABLE).calcs(["lastNotNull", "max"])


def _legend_below() -> common_builder.VizLegendOptions:
    legend = common_builder.VizLegendOptions().placement(common.LegendPlacement.BOTTOM).show_legend(True)
    return legend.display_mode(common.LegendDisplayMode.LIST).calcs([])


def _query(expr: str) -> prometheus_builder.Dataquery:
    return prometheus_builder.Dataquery().expr(expr).datasource(DATASOURCE).ref_id("A")


def _references(count: int) -> list[str]:
    return [chr(ord("A") + number) for number in range(count)]
