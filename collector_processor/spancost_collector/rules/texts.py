"""The words and figures of an alert: templates of Prometheus, which asks for the figures when it writes the text.

A cause or a second figure is looked up in the text and is no label: were it one, a changed figure would make another
alert, and notify again.
"""

from __future__ import annotations

from typing import Final

FEATURE: Final = "Feature {{ $labels.feature }}{{ with $labels.environment }} in {{ . }}{{ end }}"
"""Whose alert it is, first words of its summary."""
_WHO: Final = "environment=%q, feature=%q"
_LABELS: Final = "$labels.environment $labels.feature"


def value(shown: str) -> str:
    """The alert's own figure, in a printf format."""
    return f'{{{{ $value | printf "{shown}" }}}}'


def figure(series: str, shown: str, matchers: str = "") -> str:
    """The figure that a recorded series has for the alert's feature and environment; `?` where it has none."""
    further = f", {matchers}" if matchers else ""
    return (
        f'{{{{ with printf "{series}{{{_WHO}{further}}}" {_LABELS} | query }}}}'
        f'{{{{ . | first | value | printf "{shown}" }}}}{{{{ else }}}}?{{{{ end }}}}'
    )


def percent(series: str) -> str:
    """A recorded share of the alert's feature and environment, in percent."""
    return (
        f'{{{{ with printf "100 * {series}{{{_WHO}}}" {_LABELS} | query }}}}'
        '{{ . | first | value | printf "%.0f" }}{{ else }}?{{ end }}'
    )


def change(series: str, shown: str, *, unit: str = "") -> str:
    """`4.7x in 24 h ($0.023 → $0.108)`: a recorded `…:day` against its `…:base`."""
    selector = f"{{{_WHO}}}"
    ratio = (
        f'{{{{ with printf "{series}:day{selector} / {series}:base{selector}" {_LABELS} {_LABELS} | query }}}}'
        '{{ . | first | value | printf "%.1f" }}x{{ else }}changed{{ end }}'
    )
    return f"{ratio} in 24 h ({unit}{figure(f'{series}:base', shown)} → {unit}{figure(f'{series}:day', shown)})"


def main_cause(series: str) -> str:
    """The cause that raised the feature's cost most."""
    return (
        f'{{{{ with printf "{series}{{{_WHO}}}" {_LABELS} | query }}}}'
        'mainly {{ . | first | label "cause" }}{{ else }}for several reasons{{ end }}'
    )
