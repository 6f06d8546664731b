"""The alerts about spend: symptoms that say that it rose, and causes that say why.

A symptom has the label `kind: symptom`, a cause `kind: cause` and its name; the sample configuration of Alertmanager
lets the cause speak and keeps the symptom of the same feature quiet. Causes come from the decomposition of the change
(`change`): one of them at a time is the main one, so one incident is one notification.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from spancost_collector.call import UNATTRIBUTED
from spancost_collector.metrics import table as metrics
from spancost_collector.rules import texts
from spancost_collector.rules.change import MAIN
from spancost_collector.rules.document import Alert
from spancost_collector.rules.recording import WHO

if TYPE_CHECKING:
    from collections.abc import Iterator

    from spancost_collector.rules.values import Value, Values

_DASHBOARD: Final = (
    "/d/spancost-{}?var-environment={{{{ $labels.environment | urlquery }}}}"
    "&var-feature={{{{ $labels.feature | urlquery }}}}"
)
_FEATURE_COST: Final = "spancost:feature_cost_usd"
_MORE: Final = f"That adds ${texts.value('%.2f')} a day to ${texts.figure(f'{_FEATURE_COST}:base', '%.2f')}."


class Alerts:
    """Builds alerts with what all of them have: a severity, a runbook section and a dashboard."""

    def __init__(self, values: Values) -> None:
        self.values = values
        self._links = values["links"]

    def __call__(
        self,
        name: str,
        expr: str,
        *,
        for_: str,
        severity: str,
        kind: str,
        summary: str,
        description: str,
        dashboard: str,
        cause: str | None = None,
    ) -> Alert:
        """One alert."""
        labels = {"severity": severity, "kind": kind} | ({} if cause is None else {"cause": cause})
        annotations = {
            "summary": summary,
            "description": description,
            "runbook_url": f"{self._links['runbook_url']}#{name.lower()}",
            "dashboard_url": f"{self._links['grafana_url']}{dashboard}",
        }
        return Alert(name, expr, for_, labels, annotations)


class _Cause(NamedTuple):
    name: str
    cause: str
    """As the decomposition calls it."""
    share: str
    """Its threshold in the section `change`."""
    summary: str
    advice: str


_CAUSES: Final = (
    _Cause(
        "SpancostOutputGrew",
        "output tokens per call",
        "output_tokens_per_call",
        f"output tokens per call {texts.change('spancost:output_tokens_per_call', '%.0f')}",
        "Look for a changed prompt, a raised limit of output tokens, or more reasoning.",
    ),
    _Cause(
        "SpancostCallsPerWorkflowGrew",
        "calls per workflow",
        "calls_per_workflow",
        f"calls per workflow {texts.change('spancost:calls_per_workflow', '%.1f')}",
        "Look for an agent that does not stop, or a step that repeats itself.",
    ),
    _Cause(
        "SpancostModelMixMoved",
        "model mix",
        "model_mix",
        f"moved to a dearer model; cost per call {texts.change('spancost:cost_per_call_usd', '%.3g', unit='$')}",
        "Look for a changed model name, a router, or a fallback that has become the rule.",
    ),
    _Cause(
        "SpancostPriceChanged",
        "price",
        "price",
        "the price of its tokens changed; cost per call "
        + texts.change("spancost:cost_per_call_usd", "%.3g", unit="$"),
        "Look for a provider's new price, another service tier or region, or an edited prices.yaml.",
    ),
    _Cause(
        "SpancostTrafficGrew",
        "traffic",
        "traffic",
        f"calls {texts.change('spancost:feature_calls', '%.0f')}",
        "Look for a launch, a new customer, or a job that runs too often.",
    ),
    _Cause(
        "SpancostCacheHitsFell",
        "cache",
        "cache",
        f"input read from the cache fell from {texts.percent('spancost:cache_read:share_base')} % to "
        f"{texts.percent('spancost:cache_read:share_day')} %",
        "Look for something that changes at the beginning of the prompt: a date, an id, the order of tools.",
    ),
)

# Conversations that grow and prompts that grow both raise input per call. First calls of a session tell them apart:
# where they explain less than half of the growth, it is the conversation.
_CONVERSATION: Final = f"""(
  (spancost:opening_tokens_per_call:day / spancost:opening_tokens_per_call:base - 1)
  < on ({WHO}) (spancost:input_tokens_per_call:day / spancost:input_tokens_per_call:base - 1) / 2
)"""
_INPUT_SUMMARY: Final = f"input tokens per call {texts.change('spancost:input_tokens_per_call', '%.0f')}"
_OPENING: Final = texts.change("spancost:opening_tokens_per_call", "%.0f")


def causes(alerts: Alerts) -> Iterator[Alert]:
    """Why a feature's spend rose."""
    change = alerts.values["change"]

    def found(cause: str, share: Value) -> str:
        main = f'{MAIN}{{cause="{cause}"}}'
        return f"""{main} > {change["floor_usd_per_day"]}
and on ({WHO}) ({main} > on ({WHO}) {share} * {_FEATURE_COST}:base)
and on ({WHO}) (spancost:history:hours >= {change["least_history_hours"]})"""

    def alert(name: str, expr: str, cause: str, summary: str, description: str) -> Alert:
        return alerts(
            name,
            f"max by ({WHO}) (\n{expr}\n)",
            for_="30m",
            severity="warning",
            kind="cause",
            cause=cause,
            summary=f"{texts.FEATURE}: {summary}",
            description=description,
            dashboard=_DASHBOARD.format("change"),
        )

    busier = f"""
and on ({WHO}) (spancost:feature_calls:day > {change["traffic_peak_ratio"]} * spancost:feature_calls:peak)"""
    for each in _CAUSES:
        expr = found(each.cause, change[each.share]) + (busier if each.cause == "traffic" else "")
        yield alert(each.name, expr, each.cause, each.summary, f"{_MORE} {each.advice}")
    grown = found("input tokens per call", change["input_tokens_per_call"])
    yield alert(
        "SpancostContextGrew",
        f"{grown}\nand on ({WHO}) {_CONVERSATION}",
        "conversation context",
        f"conversations grew; {_INPUT_SUMMARY}",
        f"First calls of a conversation: {_OPENING}. {_MORE} Cut or summarise what is sent again with every turn.",
    )
    yield alert(
        "SpancostPromptGrew",
        f"{grown}\nunless on ({WHO}) {_CONVERSATION}",
        "input tokens per call",
        _INPUT_SUMMARY,
        f"{_MORE} Look for a longer system prompt, more retrieved text, or more tools.",
    )
    floor = change["new_feature_floor_usd_per_day"]
    yield alert(
        "SpancostNewFeature",
        f"""{_FEATURE_COST}:day{{feature!="{UNATTRIBUTED}"}} > {floor}
unless on ({WHO}) (spancost:history:hours > 0)
and on () (max (spancost:history:hours) >= {change["least_history_hours"]})""",
        "new feature",
        f"new, ${texts.value('%.2f')} in its first 24 h",
        f"Calls so far: {texts.figure('spancost:feature_calls:day', '%.0f')}. It has no history to compare with: "
        "see that somebody expects this, and that it has a budget.",
    )


def symptoms(alerts: Alerts) -> Iterator[Alert]:
    """That spend is high or has risen, whatever the reason."""
    spend, change = alerts.values["spend"], alerts.values["change"]
    today = f'{metrics.SPEND.name}{{period="day"}}'
    yield alerts(
        "SpancostDailySpendHigh",
        f"sum ({today}) > {spend['daily_usd']}",
        for_="5m",
        severity="warning",
        kind="symptom",
        summary=f"Today's spend is ${texts.value('%.2f')}, over ${spend['daily_usd']}",
        description=(
            f'Most of it: {{{{ range query "topk(3, sum by (feature) ({_quoted(today)}))" }}}}'
            '{{ .Labels.feature }} ${{ .Value | printf "%.2f" }}; {{ end }}the dashboard has the rest.'
        ),
        dashboard="/d/spancost-overview",
    )
    yield alerts(
        "SpancostFeatureSpendHigh",
        f"sum by ({WHO}) ({today}) > {spend['feature_daily_usd']}",
        for_="5m",
        severity="warning",
        kind="symptom",
        summary=f"{texts.FEATURE}: ${texts.value('%.2f')} today, over ${spend['feature_daily_usd']}",
        description=f"An average day before: ${texts.figure(f'{_FEATURE_COST}:base', '%.2f')}.",
        dashboard=_DASHBOARD.format("feature"),
    )
    calls = f'sum by ({WHO}) (spancost:calls:increase1h{{outcome="ok"}})'
    cost = f"sum by ({WHO}) (spancost:cost_usd:increase1h)"
    yield alerts(
        "SpancostCostPerCallHigh",
        f"{cost} / {calls} > {spend['cost_per_call_usd']}\nand {calls} >= {spend['cost_per_call_least_calls']}",
        for_="10m",
        severity="warning",
        kind="symptom",
        summary=f"{texts.FEATURE}: ${texts.value('%.3g')} a call in the last hour, over ${spend['cost_per_call_usd']}",
        description=f"An average call before: ${texts.figure('spancost:cost_per_call_usd:base', '%.3g')}.",
        dashboard=_DASHBOARD.format("feature"),
    )
    yield alerts(
        "SpancostSpendSpike",
        f"""{cost} / on ({WHO}) ({_FEATURE_COST}:base / 24 > 0) > {change["hour_ratio"]}
and on ({WHO}) ({cost} > on ({WHO}) {change["hour_peak_ratio"]} * {_FEATURE_COST}:peak)
and on ({WHO}) ({cost} > {change["hour_floor_usd"]})
and on ({WHO}) (spancost:history:hours >= {change["least_history_hours"]})""",
        for_="10m",
        severity="warning",
        kind="symptom",
        summary=f"{texts.FEATURE}: the last hour cost {texts.value('%.1f')}x an average hour",
        description=(
            f'${{{{ with printf "sum (spancost:cost_usd:increase1h{{environment=%q, feature=%q}})"'
            ' $labels.environment $labels.feature | query }}{{ . | first | value | printf "%.2f" }}{{ end }}'
            " in the last hour; an average hour of the seven days before: $"
            f'{{{{ with printf "{_FEATURE_COST}:base{{environment=%q, feature=%q}} / 24"'
            ' $labels.environment $labels.feature | query }}{{ . | first | value | printf "%.2f" }}{{ end }}.'
        ),
        dashboard=_DASHBOARD.format("feature"),
    )
    yield alerts(
        "SpancostCostPerCallJumped",
        f"""spancost:cost_per_call_usd:ratio > {change["cost_per_call_ratio"]}
and on ({WHO}) ({_FEATURE_COST}:day - {_FEATURE_COST}:base > {change["floor_usd_per_day"]})
and on ({WHO}) (spancost:history:hours >= {change["least_history_hours"]})""",
        for_="30m",
        severity="warning",
        kind="symptom",
        summary=(
            f"{texts.FEATURE}: cost per call {texts.change('spancost:cost_per_call_usd', '%.3g', unit='$')}, "
            f"{texts.main_cause(MAIN)}"
        ),
        description=(
            f"${texts.figure(f'{_FEATURE_COST}:day', '%.2f')} in the last 24 h, "
            f"${texts.figure(f'{_FEATURE_COST}:base', '%.2f')} on an average day before."
        ),
        dashboard=_DASHBOARD.format("change"),
    )


def at_once(alerts: Alerts) -> Iterator[Alert]:
    """Causes that need no day of data to be seen."""
    loops, errors, spenders = (alerts.values[name] for name in ("loops", "errors", "spenders"))
    under_way = f"max by ({WHO}) ({metrics.OPEN_WORKFLOW_CALLS.name})"
    yield alerts(
        "SpancostRunawayLoop",
        f"""{under_way} > {loops["calls"]}
unless on ({WHO}) ({under_way} <= on ({WHO}) {loops["times_usual"]} * spancost:calls_per_workflow:base)""",
        for_="1m",
        severity="critical",
        kind="cause",
        cause="calls per workflow",
        summary=f"{texts.FEATURE}: a workflow has made {texts.value('%.0f')} calls and is still running",
        description=(
            f"Usual calls per workflow: {texts.figure('spancost:calls_per_workflow:base', '%.1f')}. "
            "`spancost report --by trace --since 1h` names it."
        ),
        dashboard=_DASHBOARD.format("feature"),
    )
    by = f"{WHO}, provider, model"
    failed = f'sum by ({by}) (spancost:calls:increase1h{{outcome="error"}})'
    every = f"sum by ({by}) (spancost:calls:increase1h)"
    yield alerts(
        "SpancostErrorStorm",
        f"{failed} / {every} > {errors['share']}\nand {failed} >= {errors['least']}",
        for_="10m",
        severity="warning",
        kind="cause",
        cause="errors",
        summary=(
            f"{texts.FEATURE}: {{{{ $value | humanizePercentage }}}} of its calls to {{{{ $labels.model }}}} fail"
        ),
        description=(
            '{{ with printf "sum (spancost:calls:increase1h{environment=%q, feature=%q, provider=%q, model=%q,'
            " outcome='error'})\" $labels.environment $labels.feature $labels.provider $labels.model | query }}"
            '{{ . | first | value | printf "%.0f" }}{{ end }} calls to {{ $labels.provider }} failed in the last hour. '
            "Retries multiply what the ones that succeed cost."
        ),
        dashboard=_DASHBOARD.format("feature"),
    )
    spend = alerts.values["spend"]
    # A call without an environment is not known to be anything.
    elsewhere = f'{metrics.SPEND.name}{{period="day", environment!~"{spend["production"]}|"}}'
    yield alerts(
        "SpancostNonProductionSpend",
        f"sum by (environment) ({elsewhere}) > {spend['non_production_daily_usd']}",
        for_="5m",
        severity="warning",
        kind="cause",
        cause="environment",
        summary=f"Environment {{{{ $labels.environment }}}}: ${texts.value('%.2f')} today, and it is not production",
        description=(
            '{{ with printf "topk(1, sum by (feature) ('
            f"{metrics.SPEND.name}{{period='day', environment=%q}}))\" $labels.environment | query }}}}"
            'Most of it: {{ . | first | label "feature" }}, ${{ . | first | value | printf "%.2f" }}. {{ end }}'
            "Look for tests, evaluations and load tests that call paid models."
        ),
        dashboard="/d/spancost-overview?var-environment={{ $labels.environment | urlquery }}",
    )
    top, middle = f'{metrics.TOP_SPENDERS.name}{{rank="1"}}', metrics.MEDIAN_SPENDER.name
    yield alerts(
        "SpancostTopSpender",
        f"""max by (who) ({top}) > {spenders["floor_usd"]}
and on (who) (max by (who) ({top}) > {spenders["times_median"]} * max by (who) ({middle}))
and on (who) (max by (who) ({metrics.SPENDERS.name}) >= {spenders["least"]})""",
        for_="5m",
        severity="warning",
        kind="cause",
        cause="one spender",
        summary=f"One {{{{ $labels.who }}}} has spent ${texts.value('%.2f')} today, far more than the rest",
        description=(
            f'The {{{{ $labels.who }}}} in the middle: ${{{{ with printf "max ({middle}{{who=%q}})" $labels.who'
            ' | query }}{{ . | first | value | printf "%.2f" }}{{ end }}, of '
            f'{{{{ with printf "max ({metrics.SPENDERS.name}{{who=%q}})" $labels.who | query }}}}'
            '{{ . | first | value | printf "%.0f" }}{{ end }}. '
            "`spancost report --by {{ $labels.who }} --since 24h` names it."
        ),
        dashboard="/d/spancost-tenants",
    )


def budgets(alerts: Alerts) -> Iterator[Alert]:
    """Budgets used up, nearly, or soon; silent where there are none."""
    settings = alerts.values["budgets"]
    ratio, used, limit = metrics.BUDGET_USED_RATIO.name, metrics.BUDGET_USED.name, metrics.BUDGET_LIMIT.name
    name = "Budget {{ $labels.budget }}{{ with $labels.key }} of {{ . }}{{ end }}"

    def now(metric: str) -> str:
        return (
            f'{{{{ with printf "max ({metric}{{budget=%q, key=%q, unit=%q}})"'
            " $labels.budget $labels.key $labels.unit | query }}"
            '{{ . | first | value | printf "%.2f" }}{{ end }}'
        )

    state = f"{now(used)} of {now(limit)} {{{{ $labels.unit }}}}."
    by = "budget, key, unit"
    for alert, expr, severity, summary in (
        (
            "SpancostBudgetNearlyUsed",
            f"max by ({by}) ({ratio}) >= {settings['nearly_used']} < 1",
            "warning",
            f"{name}: {{{{ $value | humanizePercentage }}}} used",
        ),
        (
            "SpancostBudgetUsed",
            f"max by ({by}) ({ratio}) >= 1",
            "critical",
            f"{name}: used up ({{{{ $value | humanizePercentage }}}})",
        ),
        (
            "SpancostBudgetForecast",
            f"max by ({by}) (predict_linear({used}[6h], {settings['forecast_hours']} * 3600))\n"
            f"> on ({by}) max by ({by}) ({limit})\n"
            f"and on ({by}) (max by ({by}) ({ratio}) < {settings['nearly_used']})\n"
            f"and on ({by}) (max by ({by}) (count_over_time({used}[6h]) / count_over_time({used}[1h])) >= 3)",
            "warning",
            f"{name}: used up within {settings['forecast_hours']} h at this pace",
        ),
    ):
        yield alerts(
            alert,
            expr,
            for_="5m",
            severity=severity,
            kind="symptom",
            summary=summary,
            description=f"So far {state}",
            dashboard="/d/spancost-budgets",
        )


def _quoted(expr: str) -> str:
    """An expression inside a template's string."""
    return expr.replace('"', "'")
