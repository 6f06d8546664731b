"""Why spend changed: the last day's cost of every feature against an average day before, split by cause.

A feature's cost is workflows x calls per workflow x each model's share of the calls x tokens per call x each class's
share of them x the price of a token. The log-mean Divisia index gives each factor its part of the change, so that the
parts add up to it whatever the order: L(c1, c0) * ln(factor now / factor before), with the logarithmic mean L as the
weight. It is not defined where a series is new or has vanished; those go to the cause that they are a case of (a model
that the feature did not use before is model mix, a first cache read is cache), so that nothing is left over.

The logarithmic mean: https://doi.org/10.1016/j.enpol.2003.10.010.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from spancost_collector.rules.document import Group, Record
from spancost_collector.rules.recording import CELL, OTHER_INPUT, OUTPUT, TEXT_INPUT, TOKENS, WHO, days

if TYPE_CHECKING:
    from collections.abc import Iterator

CAUSES: Final = (
    "traffic",
    "calls per workflow",
    "input tokens per call",
    "output tokens per call",
    "cache",
    "model mix",
    "price",
    "fees",
    "new feature",
)
BY_CAUSE: Final = "spancost:cost_change_usd_per_day:by_cause"
TOTAL: Final = "spancost:cost_change_usd_per_day:total"
MAIN: Final = "spancost:cost_change_usd_per_day:main"
"""The cause that raised a feature's cost most, where it is at least half of everything that raised it."""

_COST, _TOKENS, _CALLS = "spancost:cost_usd", "spancost:tokens", "spancost:calls"
_CENT: Final = 0.01
"""US dollars a day; what is less has changed nothing."""
_WEIGHT: Final = "spancost:change:weight"
_REST: Final = "spancost:change:rest"
_TEXT: Final = f'{{token_class=~"{TEXT_INPUT}"}}'
_OTHER: Final = f'{{token_class=~"{OTHER_INPUT}"}}'
_OUT: Final = f'{{token_class=~"{OUTPUT}"}}'


def group() -> Group:
    """All of it, one rule after the other: each reads what those before it have just written.

    Often enough that what reads these series always finds them: a sample counts for five minutes.
    """
    return Group("spancost_change", [*days(), *_weights(), *_logarithms(), *_causes(), *_summary()], interval="2m")


def _weights() -> Iterator[Record]:
    yield Record(
        "spancost:change:cell",
        f"""({_COST}:day > 0)
and ({_COST}:base > 0)
and ({_TOKENS}:day > 0)
and ({_TOKENS}:base > 0)
and on ({CELL}) ({_CALLS}:day > 0)
and on ({CELL}) ({_CALLS}:base > 0)""",
    )
    # (c1 - c0) / ln(c1 / c0), and the mean where the two are too close for the logarithm.
    ratio = f"spancost:change:cell / {_COST}:base"
    yield Record(
        _WEIGHT,
        f"""(
  (spancost:change:cell - {_COST}:base) / ln({ratio})
    and (abs({ratio} - 1) > 1e-6)
)
or (spancost:change:cell + {_COST}:base) / 2""",
    )
    yield Record(
        _REST, f"(({_COST}:day - {_COST}:base) or {_COST}:day or (-{_COST}:base))\nunless spancost:change:cell"
    )


def _logarithms() -> Iterator[Record]:
    yield Record("spancost:change:ln_feature_calls", _ln("spancost:feature_calls:day", "spancost:feature_calls:base"))
    yield Record("spancost:change:ln_workflows", _ln("spancost:workflows:day", "spancost:workflows:base"))
    yield Record("spancost:change:ln_calls", _ln(f"{_CALLS}:day", f"{_CALLS}:base"))
    text = [f"sum by ({CELL}) ({_TOKENS}:{when}{_TEXT})" for when in ("day", "base")]
    yield Record("spancost:change:ln_text_input", _ln(*text))
    yield Record("spancost:change:ln_tokens", _ln(f"{_TOKENS}:day", f"{_TOKENS}:base"))
    yield Record("spancost:change:ln_cost", _ln(f"{_COST}:day", f"{_COST}:base"))


def _causes() -> Iterator[Record]:
    log = "spancost:change:ln_"
    had_cost = f"and on ({WHO}) (spancost:feature_cost_usd:base > 0)"
    in_use = f"({_CALLS}:day > 0) and ({_CALLS}:base > 0)"

    def rest(classes: str) -> str:
        """New and vanished classes of a model that the feature used before and uses now."""
        return f"({_REST}{classes} and on ({CELL}) ({in_use}) {had_cost})"

    every = f"sum by ({WHO}) ({_WEIGHT})"
    yield _cause("traffic", f"{every} * ({log}workflows or {log}feature_calls)")
    yield _cause("calls per workflow", f"{every} * ({log}feature_calls - {log}workflows)")
    yield _cause(
        "input tokens per call",
        f"""sum by ({WHO}) (
  ({_WEIGHT}{_TEXT} * on ({CELL}) group_left () ({log}text_input - {log}calls))
  or ({_WEIGHT}{_OTHER} * ({log}tokens - on ({CELL}) group_left () {log}calls))
  or {rest(_OTHER)}
)""",
    )
    yield _cause(
        "output tokens per call",
        f"""sum by ({WHO}) (
  ({_WEIGHT}{_OUT} * ({log}tokens - on ({CELL}) group_left () {log}calls))
  or {rest(_OUT)}
)""",
    )
    yield _cause(
        "cache",
        f"""sum by ({WHO}) (
  ({_WEIGHT}{_TEXT} * ({log}tokens - on ({CELL}) group_left () {log}text_input))
  or {rest(_TEXT)}
)""",
    )
    tokens = f'{_REST}{{token_class=~"{TOKENS}"}}'
    yield _cause(
        "model mix",
        f"""sum by ({WHO}) (
  ({_WEIGHT} * on ({CELL}) group_left () ({log}calls - on ({WHO}) group_left () {log}feature_calls))
  or (
    {tokens} {had_cost}
    unless on ({CELL}) ({in_use})
  )
)""",
    )
    yield _cause("price", f"sum by ({WHO}) ({_WEIGHT} * ({log}cost - {log}tokens))")
    yield _cause("fees", f'sum by ({WHO}) ({_REST}{{token_class!~"{TOKENS}"}} {had_cost})')
    yield _cause("new feature", f"sum by ({WHO}) ({_REST} unless on ({WHO}) (spancost:feature_cost_usd:base > 0))")


def _summary() -> Iterator[Record]:
    day, base = "spancost:feature_cost_usd:day", "spancost:feature_cost_usd:base"
    yield Record(TOTAL, f"({day} - {base}) or {day} or (-{base})")
    yield Record(
        MAIN,
        f"topk by ({WHO}) (1, {BY_CAUSE} > {_CENT})\n>= on ({WHO}) group_left () 0.5 * sum by ({WHO}) ({BY_CAUSE} > 0)",
    )


def _cause(cause: str, expr: str) -> Record:
    return Record(BY_CAUSE, expr, {"cause": cause})


def _ln(now: str, before: str) -> str:
    return f"ln(({now} > 0) / ({before} > 0))"
