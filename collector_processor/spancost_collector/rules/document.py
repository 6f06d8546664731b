"""What a rule is, and rules as the YAML that Prometheus reads."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

import yaml

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_WIDTH: Final = 118


class Record(NamedTuple):
    """A recording rule."""

    record: str
    expr: str
    labels: Mapping[str, str] | None = None


class Alert(NamedTuple):
    """An alerting rule; `labels` and `annotations` beyond those that every alert has."""

    alert: str
    expr: str
    for_: str
    labels: Mapping[str, str]
    annotations: Mapping[str, str]


class Group(NamedTuple):
    """Rules that are evaluated one after the other; groups run beside each other."""

    name: str
    rules: Iterable[Record | Alert]
    interval: str | None = None
    """None is the server's own."""


def write(groups: Iterable[Group], heading: str) -> str:
    """The groups as a rule file under a comment."""
    document = {"groups": [_group(group) for group in groups]}
    body = yaml.dump(document, Dumper=_Dumper, sort_keys=False, width=_WIDTH, allow_unicode=True)
    comment = "".join(f"# {line}".rstrip() + "\n" for line in heading.splitlines())
    return comment + body


def _group(group: Group) -> dict[str, Any]:
    rules = [_rule(rule) for rule in group.rules]
    interval = {} if group.interval is None else {"interval": group.interval}
    return {"name": group.name, **interval, "rules": rules}


def _rule(rule: Record | Alert) -> dict[str, Any]:
    if isinstance(rule, Record):
        labels = {"labels": dict(rule.labels)} if rule.labels else {}
        return {"record": rule.record, "expr": _tidy(rule.expr), **labels}
    return {
        "alert": rule.alert,
        "expr": _tidy(rule.expr),
        "for": rule.for_,
        "labels": dict(rule.labels),
        "annotations": dict(rule.annotations),
    }


def _tidy(expr: str) -> str:
    lines = expr.strip().splitlines()
    return lines[0] if len(lines) == 1 else "\n".join(line.rstrip() for line in lines) + "\n"


class _Dumper(yaml.SafeDumper):
    """Writes expressions of several lines as blocks, and lists one level in."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        super().increase_indent(flow, False)


def _text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
    style = "|" if "\n" in value else ">" if len(value) > _WIDTH - 20 else None
    # The stubs say nothing of the value's type.
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=style)  # pyright: ignore[reportUnknownMemberType]


_Dumper.add_representer(str, _text)
