"""The counters are the ledger's totals and what it accepted since, under a bounded set of labels."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import pytest
from prometheus_client import CollectorRegistry, generate_latest

from spancost_collector.call import Attribution, Charged, ModelCall, Resource, series_of
from spancost_collector.ledger.writer import Ledger, Revision
from spancost_collector.metrics.accounts import Accounts
from spancost_collector.metrics.labels import LabelBounds
from spancost_pricing import Charge, LineItem, Rate, Route, Usage

if TYPE_CHECKING:
    from collections.abc import Sequence

    from spancost_collector.call import Outcome
    from spancost_pricing import Reason, Status


def call(
    n: int = 1,
    *,
    feature: str | None = "search",
    tenant: str | None = None,
    status: Status = "priced",
    reason: Reason | None = None,
    outcome: Outcome = "ok",
    input_pico: int | None = 2_500_000,
    tokens: int = 70,
) -> Charged:
    items = (
        ()
        if input_pico is None
        else (
            LineItem(
                Rate("input", Decimal(input_pico) / tokens, "acme/one:input", None, "user", "prices.yaml"),
                tokens,
                input_pico,
            ),
        )
    )
    charge = Charge(
        status=status,
        reason=reason,
        total_pico=input_pico,
        items=items,
        book="b",
        quantities={"input": tokens, "output": 5} if tokens else {},
    )
    described = ModelCall(
        trace_id=b"t" * 16,
        span_id=n.to_bytes(8, "big"),
        start_ns=1,
        end_ns=2,
        operation="chat",
        route=Route("acme", "one"),
        request_model="one",
        response_model=None,
        response_id=None,
        usage=Usage(input_tokens=tokens, output_tokens=5),
        outcome=outcome,
        attribution=Attribution(feature=feature, tenant=tenant),
        resource=Resource(service="shop"),
        dialect="otel",
    )
    return Charged(described, charge, series_of(described))


class Scraped:
    def __init__(self, *, max_values: int = 10, tenant: bool = False, now: float = 0.0) -> None:
        self.folded: list[str] = []
        self.registry = CollectorRegistry()
        self.accounts = Accounts(LabelBounds(max_values=max_values, tenant=tenant), folded=self._fold, now=lambda: now)
        self.registry.register(self.accounts)

    def observe(self, calls: Sequence[Charged]) -> Scraped:
        with TemporaryDirectory() as folder:
            ledger = Ledger(Path(folder) / "ledger.sqlite3")
            self.accounts.add(ledger.record(calls).rises)
            ledger.close()
        return self

    def _fold(self, dimension: str, calls: int) -> None:
        self.folded += [dimension] * calls

    def value(self, name: str, **labels: str) -> float | None:
        base = {"task": "", "provider": "acme", "model": "one", "environment": "", "release": "", "service": "shop"}
        return self.registry.get_sample_value(name, {**base, "feature": "search", **labels})

    def lines(self) -> list[str]:
        return [line for line in generate_latest(self.registry).decode().splitlines() if not line.startswith("#")]


def test_money_is_summed_exactly_and_becomes_a_float_once() -> None:
    # Ten times 0.1 USD is 1 USD; adding up floats would give 0.9999999999999999.
    scraped = Scraped().observe([call(n, input_pico=100_000_000_000) for n in range(10)])
    assert scraped.value("spancost_cost_usd_total", token_class="input") == 1.0


def test_an_unknown_price_has_tokens_and_no_cost() -> None:
    scraped = Scraped().observe([call(status="unpriced", reason="unknown_model", input_pico=None)])

    assert scraped.value("spancost_cost_usd_total", token_class="input") is None
    assert scraped.value("spancost_tokens_total", token_class="input") == 70
    assert scraped.value("spancost_unpriced_calls_total", reason="unknown_model") == 1
    assert scraped.value("spancost_unpriced_tokens_total", reason="unknown_model") == 75


def test_a_fee_is_a_cost_and_not_tokens() -> None:
    rate = Rate("web_search", Decimal(10_000_000_000), "acme/one:web_search", None, "user", "prices.yaml")
    fee = LineItem(rate, 2, 20_000_000_000)
    plain = call()
    searched = plain._replace(charge=plain.charge._replace(items=(fee,), quantities={"web_search": 2}))
    scraped = Scraped().observe([searched])

    assert scraped.value("spancost_cost_usd_total", token_class="web_search") == 0.02
    assert not any(line.startswith("spancost_tokens_total") for line in scraped.lines())


def test_a_free_call_costs_zero_and_is_not_unpriced() -> None:
    scraped = Scraped().observe([call(status="free", input_pico=0)])

    assert scraped.value("spancost_cost_usd_total", token_class="input") == 0
    assert not any(line.startswith("spancost_unpriced") for line in scraped.lines())


def test_a_partly_priced_call_counts_only_what_has_no_rate_as_unpriced() -> None:
    scraped = Scraped().observe([call(status="partial", reason="unknown_unit")])

    assert scraped.value("spancost_cost_usd_total", token_class="input") == 0.0000025
    assert scraped.value("spancost_cost_usd_total", token_class="output") is None
    assert scraped.value("spancost_unpriced_tokens_total", reason="unknown_unit") == 5
    assert scraped.value("spancost_unpriced_calls_total", reason="unknown_unit") == 1


def test_a_failed_call_without_usage_is_a_call_and_not_unpriced() -> None:
    failed = call(status="unpriced", reason="no_usage", input_pico=None, tokens=0, outcome="error")
    succeeded = failed._replace(call=failed.call._replace(outcome="ok", span_id=b"8" * 8))
    scraped = Scraped().observe([failed, succeeded])

    assert scraped.value("spancost_calls_total", outcome="error") == 1
    assert scraped.value("spancost_unpriced_calls_total", reason="no_usage") == 1


def test_calls_without_a_feature_have_a_row_of_their_own() -> None:
    scraped = Scraped().observe([call(feature=None)])
    assert scraped.value("spancost_calls_total", outcome="ok", feature="unattributed") == 1


def test_values_past_the_bound_share_a_row_and_are_counted() -> None:
    scraped = Scraped(max_values=2).observe(
        [call(n, feature=f"f{feature}") for n, feature in enumerate((1, 2, 3, 4, 1, 4))]
    )

    found = {
        feature: scraped.value("spancost_calls_total", outcome="ok", feature=feature)
        for feature in ("f1", "f2", "f3", "__other__")
    }
    assert found == {"f1": 2, "f2": 1, "f3": None, "__other__": 3}
    assert scraped.folded == ["feature", "feature", "feature"]


def test_unattributed_calls_do_not_take_a_place_among_the_features() -> None:
    scraped = Scraped(max_values=1).observe([call(1, feature=None), call(2, feature="f1")])
    assert scraped.value("spancost_calls_total", outcome="ok", feature="f1") == 1


@pytest.mark.parametrize(("tenant", "labels"), [(False, {}), (True, {"tenant": "t1"})])
def test_tenants_are_a_label_only_where_asked_for(tenant: bool, labels: dict[str, str]) -> None:
    scraped = Scraped(tenant=tenant).observe([call(tenant="t1")])
    assert scraped.value("spancost_calls_total", outcome="ok", **labels) == 1


def test_what_is_loaded_from_the_ledger_is_what_was_counted_before(tmp_path: Path) -> None:
    calls = [
        call(1, feature="zebra"),
        call(2, feature=None, status="free", input_pico=0),
        call(3, feature="apple", status="unpriced", reason="unknown_model", input_pico=None),
        call(4, feature="mango", status="partial", reason="unknown_unit"),
        call(5, feature="kiwi", status="invalid_usage", reason="part_exceeds_whole", input_pico=None),
        call(6, feature="zebra", outcome="error", status="unpriced", reason="no_usage", input_pico=None, tokens=0),
    ]
    ledger = Ledger(tmp_path / "ledger.sqlite3")
    counted, loaded = Scraped(max_values=2), Scraped(max_values=2)
    for one in calls:
        counted.accounts.add(ledger.record([one]).rises)

    loaded.accounts.load(ledger.totals(), ledger.credit())
    ledger.close()

    assert sorted(loaded.lines()) == sorted(counted.lines())
    assert loaded.value("spancost_calls_total", outcome="ok", feature="__other__") == 2


def test_a_counter_was_created_in_the_hour_of_its_first_call_also_after_a_restart(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "ledger.sqlite3")
    counted, loaded = Scraped(now=3_700.0), Scraped(now=90_000.0)
    one = call()
    late = one.call._replace(end_ns=3_650 * 10**9)
    counted.accounts.add(ledger.record([one._replace(call=late)]).rises)
    loaded.accounts.load(ledger.totals(), ledger.credit())
    ledger.close()

    assert counted.value("spancost_calls_created", outcome="ok") == 3_600
    assert loaded.value("spancost_calls_created", outcome="ok") == 3_600


def test_label_values_from_outside_cannot_break_the_exposition() -> None:
    scraped = Scraped().observe([call(feature='a"b\\c\nd')])
    assert scraped.value("spancost_calls_total", outcome="ok", feature='a"b\\c\nd') == 1
    assert 'feature="a\\"b\\\\c\\nd"' in "\n".join(scraped.lines())


def test_a_restart_admits_the_same_values_also_where_the_first_call_was_corrected_to_another_feature(
    tmp_path: Path,
) -> None:
    ledger = Ledger(tmp_path / "ledger.sqlite3")
    running, restarted = Scraped(max_values=1), Scraped(max_values=1)
    first, better = call(1, feature="first"), call(2, feature="better")
    running.accounts.add(ledger.record([first]).rises)
    running.accounts.add(ledger.record([], [Revision([first.call.key], better)]).rises)
    restarted.accounts.load(ledger.totals(), ledger.credit())
    ledger.close()

    for scraped in (running, restarted):
        found = {
            feature: scraped.value("spancost_tokens_total", token_class="input", feature=feature)
            for feature in ("first", "better", "__other__")
        }
        assert found == {"first": 70, "better": None, "__other__": 70}
