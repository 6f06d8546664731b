"""The alerts about spancost itself: a cost system that is quietly wrong is worse than none."""

from __future__ import annotations

from typing import TYPE_CHECKING

from spancost_collector.call import UNATTRIBUTED
from spancost_collector.metrics import table as metrics
from spancost_collector.rules import texts
from spancost_collector.rules.promql import total

if TYPE_CHECKING:
    from collections.abc import Iterator

    from spancost_collector.rules.alerts import Alerts
    from spancost_collector.rules.document import Alert

_DASHBOARD = "/d/spancost-receiver"
_MISPLACED = "malformed|not_taken|not_understood|wrong_method"
"""What a well receiver refuses: metrics or logs that an app sends with its traces, a load balancer's probe."""


def ourselves(alerts: Alerts) -> Iterator[Alert]:
    """What makes the figures incomplete, doubtful or old."""
    yield _unpriced(alerts)
    yield _unattributed(alerts)
    settings = alerts.values["ourselves"]
    model_calls = f"sum ({total(metrics.MODEL_CALLS.name, '', '1h')})"
    for name, metric, share, least, what, meaning in (
        (
            "SpancostTokenMismatches",
            metrics.MISMATCHES,
            settings["mismatches_share"],
            settings["mismatches_least"],
            "usage that contradicts itself",
            "They are recorded and not charged: spend is too low by what they cost.",
        ),
        (
            "SpancostReportedDrift",
            metrics.DIFFERENCES,
            settings["differences_share"],
            settings["differences_least"],
            "a cost from their biller that our prices do not give",
            "They are charged what the biller says; our price for that model or tier is wrong or old.",
        ),
        (
            "SpancostAssumedCalls",
            metrics.ASSUMED,
            settings["assumed_share"],
            settings["assumed_least"],
            "something about them assumed that nobody said",
            "They are charged, by what an unknown emitter's totals usually include or by who usually serves the model.",
        ),
    ):
        seen = total(metric.name, "", "1h")
        yield alerts(
            name,
            f"{seen} >= {least}\nand on () ({seen} > {share} * on () {model_calls})",
            for_="5m",
            severity="warning",
            kind="ourselves",
            summary=f"{texts.value('%.0f')} calls in the last hour have {what}",
            description=meaning,
            dashboard=_DASHBOARD,
        )
    age, limit = metrics.PRICE_AGE.name, settings["price_age_days"]
    yield alerts(
        "SpancostStalePrices",
        f"max ({age}) / 86400 > {limit}",
        for_="1h",
        severity="warning",
        kind="ourselves",
        summary=f"The prices in use were last checked {texts.value('%.0f')} days ago",
        description="Providers change prices without notice. Upgrade spancost, or run `spancost prices update`.",
        dashboard=_DASHBOARD,
    )
    yield _reload_failed(alerts)
    yield _down(alerts)
    yield _failing(alerts)
    yield _not_forwarded(alerts)
    yield _instrumentation(alerts)


def _unpriced(alerts: Alerts) -> Alert:
    return alerts(
        "SpancostUnpricedCalls",
        "sum by (provider, model, reason) (spancost:unpriced_calls:increase1h) > 0",
        for_="5m",
        severity="warning",
        kind="ourselves",
        summary="Calls to {{ $labels.provider }} {{ $labels.model }} have no price",
        description=(
            "Calls to {{ $labels.provider }} {{ $labels.model }} without a complete price in the last hour: "
            '{{ printf "%.0f" $value }}{{ with printf '
            '"sum (spancost:unpriced_tokens:increase1h{provider=%q, model=%q, reason=%q})" '
            '$labels.provider $labels.model $labels.reason | query }}, with {{ . | first | value | printf "%.0f" }} '
            "tokens{{ end }}. Reason: {{ $labels.reason }}. What is missing is in no total until the price is known."
        ),
        dashboard=_DASHBOARD,
    )


def _unattributed(alerts: Alerts) -> Alert:
    settings = alerts.values["ourselves"]
    nobody = f'sum (spancost:feature_cost_usd:day{{feature="{UNATTRIBUTED}"}})'
    return alerts(
        "SpancostUnattributedShare",
        f"{nobody} / sum (spancost:feature_cost_usd:day) > {settings['unattributed_share']}\n"
        f"and {nobody} > {settings['unattributed_floor_usd']}",
        for_="30m",
        severity="warning",
        kind="ourselves",
        summary="{{ $value | humanizePercentage }} of the last 24 hours' spend has no feature",
        description=(
            f'{{{{ with query "{nobody.replace(chr(34), chr(39))}" }}}}'
            '${{ . | first | value | printf "%.2f" }} has nobody to pay for it. {{ end }}'
            "`spancost report --by service,task --since 24h` says where it comes from."
        ),
        dashboard="/d/spancost-overview",
    )


def _reload_failed(alerts: Alerts) -> Alert:
    return alerts(
        "SpancostReloadFailed",
        f"max by (instance) ({metrics.RELOAD_FAILED.name}) > 0",
        for_="5m",
        severity="warning",
        kind="ourselves",
        summary="The spancost receiver {{ $labels.instance }} works with older prices than it was told to read",
        description="A reload was refused because a file could not be used; the receiver's log names file and line.",
        dashboard=_DASHBOARD,
    )


def _down(alerts: Alerts) -> Alert:
    job = alerts.values["scrape"]["job"]
    return alerts(
        "SpancostReceiverDown",
        f'up{{job="{job}"}} == 0 or absent(up{{job="{job}"}})',
        for_="2m",
        severity="critical",
        kind="ourselves",
        summary=(
            "{{ with $labels.instance }}The spancost receiver {{ . }} is down{{ else }}No spancost receiver is "
            "scraped{{ end }}"
        ),
        description=(
            "{{ with $labels.instance }}{{ . }} has not answered a scrape for 2 minutes{{ else }}Prometheus has had no "
            f'target of job "{job}" for 2 minutes{{{{ end }}}}. '
            '{{ with query "sum (spancost:calls:increase1h)" }}Model calls counted in the last hour: '
            '{{ . | first | value | printf "%.0f" }}. {{ end }}'
            "Calls made now are lost once their senders stop retrying."
        ),
        dashboard=_DASHBOARD,
    )


def _failing(alerts: Alerts) -> Alert:
    # Nobody waits for a hop that has a queue of its own; what that one does not get is SpancostSpansNotForwarded.
    waited_for = f"unless on (instance, next_hop) {metrics.FORWARD_QUEUE_BYTES.name}"
    failing = {
        "the ledger does not commit": f"increase({metrics.LEDGER_FAILURES.name}[5m])",
        "the next hop takes nothing": f"increase({metrics.FORWARD_FAILURES.name}[5m]) {waited_for}",
        "requests are refused": f'increase({metrics.REJECTED.name}{{reason!~"{_MISPLACED}"}}[5m])',
        "metrics that it sends are not taken": f"increase({metrics.EXPORT_FAILURES.name}[5m])",
    }
    parts = "\nor ".join(
        f'label_replace(sum by (instance) ({times}) > 0, "problem", "{problem}", "", "")'
        for problem, times in failing.items()
    )
    return alerts(
        "SpancostReceiverFailing",
        parts,
        for_="5m",
        severity="critical",
        kind="ourselves",
        summary="The spancost receiver {{ $labels.instance }} is failing: {{ $labels.problem }}",
        description=(
            f"{texts.value('%.0f')} times in the last 5 minutes. Senders try again for a while and then give up; "
            "`/readyz` of the receiver says what is wrong."
        ),
        dashboard=_DASHBOARD,
    )


def _not_forwarded(alerts: Alerts) -> Alert:
    dropped, refused = metrics.FORWARD_DROPPED.name, metrics.FORWARD_REJECTED.name
    return alerts(
        "SpancostSpansNotForwarded",
        f"sum by (instance, next_hop, reason) (increase({dropped}[15m])) > 0\n"
        f'or label_replace(sum by (instance, next_hop) (increase({refused}[15m])) > 0, "reason", "refused", "", "")',
        for_="5m",
        severity="warning",
        kind="ourselves",
        summary="The next hop {{ $labels.next_hop }} does not get all spans: {{ $labels.reason }}",
        description=(
            f"{texts.value('%.0f')} requests in the last 15 minutes. The ledger has their calls, the next hop does not "
            "have their spans, and nobody sends them again."
        ),
        dashboard=_DASHBOARD,
    )


def _instrumentation(alerts: Alerts) -> Alert:
    errors = metrics.INTERNAL_ERRORS.name
    # Apps may push their metrics, so no `up` tells whether a series is new; one error is enough to be said.
    return alerts(
        "SpancostInstrumentationFailing",
        f"sum by (job, spancost_step, error_type) (\n"
        f"  ({errors} unless {errors} offset 1h)\n"
        f"  or increase({errors}[1h])\n"
        ") > 0",
        for_="5m",
        severity="warning",
        kind="ourselves",
        summary="The instrumentation in {{ $labels.job }} fails: {{ $labels.spancost_step }}, {{ $labels.error_type }}",
        description=(
            f"{texts.value('%.0f')} times in the last hour. The app is not affected; calls that it made may be missing "
            "or incomplete, and their cost with them."
        ),
        dashboard="/d/spancost-overview",
    )
