"""The table of emitters is sound, and the documentation shows it."""

from __future__ import annotations

from .document import PAGE, document
from .emitters import EMITTERS
from .truth import TRUTH


def test_what_an_emitter_lacks_is_said_of_cases_that_it_runs_and_is_not_the_truth() -> None:
    for emitter in EMITTERS:
        assert set(emitter.lacks) <= set(emitter.cases) <= set(TRUTH), emitter.name
        assert all(lack.charges != (TRUTH[case],) for case, lack in emitter.lacks.items()), emitter.name


def test_no_two_lines_have_the_same_name() -> None:
    assert len({emitter.name for emitter in EMITTERS}) == len(EMITTERS)


def test_the_documentation_shows_the_table() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert "## Which of them give the true cost" in page
    assert document(page) == page, "run: python -m tests.emitters.document"
