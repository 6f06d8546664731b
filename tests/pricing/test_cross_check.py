"""No disagreement with the second price table is left to chance, and nothing that costs money passes for nothing."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from spancost_pricing import Book, Route
from spancost_pricing.snapshot import Snapshot

from .cross_check.compare import Comparison, compare, derived, lost
from .cross_check.reasons import read
from .cross_check.report import Report
from .cross_check.second_table import TableError, fetch, listed
from .cross_check.shapes import SHAPES, theirs

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.pricing.conftest import BookOf

    from .cross_check.second_table import Listed
    from .cross_check.shapes import Shape

PRICES = """
version: 1
prices:
  - provider: openai
    model: m
    input_per_mtok: "2"
    output_per_mtok: "8"
    valid_to: 2026-09-01
  - provider: openai
    model: m
    input_per_mtok: "1"
    cache_read_per_mtok: "0.1"
    output_per_mtok: "4"
    valid_from: 2026-09-01
"""


def rates(of_input: str, of_output: str) -> dict[str, Decimal]:
    return {"input_cost_per_token": Decimal(of_input), "output_cost_per_token": Decimal(of_output)}


FULL = rates("1e-06", "4e-06")


def model(facts: Mapping[str, object], key: str = "m", provider: str = "openai") -> Listed:
    return next(listed({key: {"litellm_provider": provider, "mode": "chat", **facts}}))


def shape(name: str) -> Shape:
    return next(shape for shape in SHAPES if shape.name == name)


def compared(book: Book, one: Listed, name: str = "plain") -> Comparison:
    return next(found for found in compare(book, [one]) if found.shape.name == name)


class TestTheSecondTable:
    @pytest.mark.parametrize(
        ("provider", "key", "route"),
        [
            ("openai", "ft:gpt-4o", Route("openai", "ft:gpt-4o")),
            ("gemini", "gemini/gemini-2.5-pro", Route("google", "gemini-2.5-pro")),
            ("vertex_ai-anthropic_models", "vertex_ai/claude-opus-5", Route("google", "claude-opus-5")),
            ("bedrock", "bedrock/eu-west-3/mistral.m", Route("aws", "mistral.m", region="eu-west-3")),
            ("azure", "azure/eu/gpt-4o", Route("azure", "gpt-4o", region="eu", deployment="DataZoneStandard")),
            ("groq", "groq/openai/gpt-oss-20b", Route("groq", "openai/gpt-oss-20b")),
        ],
    )
    def test_a_routing_prefix_becomes_terms_of_the_call(self, provider: str, key: str, route: Route):
        assert model({}, key, provider).route == route

    def test_a_provider_that_is_not_mapped_is_left_out(self):
        assert list(listed({"m": {"litellm_provider": "someone", "mode": "chat", **FULL}})) == []

    def test_a_share_without_a_rate_is_billed_as_the_whole_is_and_said_to_lack_one(self):
        said = theirs(model(FULL), shape("cached read"))

        assert said.usd == Decimal("0.001")
        assert said.lacks == ("cache_read_input_token_cost",)

    def test_a_rate_that_is_stated_as_nothing_bills_nothing(self):
        said = theirs(model({**FULL, "cache_creation_input_token_cost": Decimal(0)}), shape("cache write"))

        assert said.usd == 0

    def test_the_highest_threshold_that_a_request_passes_prices_it(self):
        one = model(
            {
                **FULL,
                "input_cost_per_token_above_128k_tokens": Decimal("2e-06"),
                "input_cost_per_token_above_272k_tokens": Decimal("3e-06"),
                "input_cost_per_token_above_512k_tokens": Decimal("9e-06"),
            }
        )

        # 300,000 x 3 + 1,000 x 4
        assert theirs(one, shape("long")).usd == Decimal("0.904")
        # 1,000 x 1 + 1,000 x 4
        assert theirs(one, shape("plain")).usd == Decimal("0.005")

    def test_prices_outside_peak_hours_are_taken_where_there_are_any(self):
        one = model({**FULL, "off_peak_pricing": {"input_cost_per_token": Decimal("5e-07")}})

        assert theirs(one, shape("plain")).usd == Decimal("0.0045")

    def test_a_perplexity_request_costs_its_smallest_search(self):
        fees = {"search_context_size_low": Decimal("0.005"), "search_context_size_high": Decimal("0.012")}
        sonar = model({**FULL, "search_context_cost_per_query": fees}, "perplexity/sonar", "perplexity")

        assert theirs(sonar, shape("plain")).usd == Decimal("0.010")


class TestComparing:
    def test_equal_prices_agree_and_other_prices_do_not(self, book_of: BookOf):
        book = book_of(PRICES)

        assert compared(book, model(FULL)).agrees
        dearer = compared(book, model(rates("1.1e-06", "4e-06")))
        assert not dearer.agrees
        # 0.005 / 0.0051
        assert dearer.ratio is not None
        assert round(dearer.ratio, 4) == Decimal("0.9804")

    def test_a_charge_that_leaves_something_out_never_agrees(self, book_of: BookOf):
        book = book_of('version: 1\nprices: [{provider: openai, model: m, input_per_mtok: "5"}]')

        found = compared(book, model(FULL))

        assert found.ours.total_pico == 5_000_000_000
        assert found.theirs.usd == Decimal("0.005")
        assert not found.agrees

    def test_a_model_that_only_one_table_knows_is_not_compared(self, book_of: BookOf):
        assert list(compare(book_of(PRICES), [model(FULL, "other")])) == []

    def test_the_line_names_the_layer_the_source_and_the_date_that_decide(self, book_of: BookOf):
        assert compared(book_of(PRICES), model(FULL)).decided_by == "user (prices.yaml: prices[1], since 2026-09-01)"

    def test_a_rate_that_the_other_table_lacks_is_found_to_be_the_reason(self, book_of: BookOf):
        book = book_of(PRICES)

        why = derived(book, compared(book, model(FULL), "cached read"))

        assert why == "the second table states no cache_read_input_token_cost"

    def test_a_price_of_another_time_is_found_to_be_the_reason(self, book_of: BookOf):
        book = book_of(PRICES)
        before = model(rates("2e-06", "8e-06"))

        assert derived(book, compared(book, before)) == "the second table has the price that holds until 2026-09-01"

    def test_any_other_price_has_no_reason_of_its_own(self, book_of: BookOf):
        book = book_of(PRICES)
        other = model(rates("7e-06", "8e-06"))

        assert derived(book, compared(book, other)) is None

    def test_what_the_price_data_has_a_price_for_may_not_become_free(self, book_of: BookOf):
        free = book_of(
            'version: 1\nprices: [{provider: cohere, model: "command-r*", input_per_mtok: "0", output_per_mtok: "0"}]',
        )

        found = list(lost(Book(free.tariffs, Snapshot()), Snapshot(), frozenset({"cohere"})))

        assert any(line.startswith("cohere command-r") and line.endswith("plain: free") for line in found)
        assert list(lost(Book([], Snapshot()), Snapshot(), frozenset({"cohere"}))) == []


class TestReasons:
    REASON = """
    - {provider: openai, model: ["m", "gone*"], shape: plain, ratio: "0.5", why: Half., source: "https://example.org"}
    """

    def test_a_reason_explains_what_it_names_and_nothing_else(self, book_of: BookOf):
        book = book_of(PRICES)
        double = model(rates("2e-06", "8e-06"))
        triple = model(rates("3e-06", "12e-06"))
        reasons = read(self.REASON)

        explained = reasons.explain(compared(book, double))

        assert explained is not None
        assert explained.why == "Half."
        assert reasons.explain(compared(book, triple)) is None
        assert reasons.explain(compared(book, double, "cached read")) is None

    def test_a_pattern_that_explains_nothing_is_stale(self, book_of: BookOf):
        reasons = read(self.REASON)
        reasons.explain(compared(book_of(PRICES), model(rates("2e-06", "8e-06"))))

        assert list(reasons.stale()) == ["reasons[0] openai gone*: Half."]

    def test_charging_nothing_needs_a_reason_that_says_so(self, book_of: BookOf):
        book = book_of('version: 1\nprices: [{provider: openai, model: m, input_per_mtok: "0", output_per_mtok: "0"}]')
        entry = "- {provider: openai, model: m, why: Free., source: x"
        found = compared(book, model(FULL))

        assert found.costs_nothing
        assert read(entry + "}").explain(found) is None
        assert read(entry + ", costs_nothing: true}").explain(found) is not None

    def test_a_reason_without_a_source_is_refused(self):
        with pytest.raises(ValueError, match=r"reasons\[0\]: needs why and source"):
            read("- {provider: openai, model: m, why: Because.}")


@pytest.fixture(scope="module")
def report(book: Book) -> Report:
    try:
        table = fetch()
    except TableError as error:
        pytest.skip(f"the second table cannot be had here: {error}")
    return Report.of(book, table)


@pytest.mark.end_to_end
class TestTheBookThatShips:
    def test_every_disagreement_is_explained(self, report: Report):
        assert report.calls > 2000
        assert report.unexplained() == []

    def test_every_reason_still_explains_something(self, report: Report):
        assert report.stale == ()

    def test_no_model_that_costs_something_by_either_table_silently_costs_nothing(self, report: Report):
        assert report.free_of_charge() == []
