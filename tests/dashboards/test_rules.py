"""Recording rules and alerts: what the generator writes, known metrics only, documented, and accepted by promtool."""

from __future__ import annotations

import re
import subprocess
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from tests.dashboards.promtool import promtool, tool
from typer.testing import CliRunner

from spancost_collector.cli import app
from spancost_collector.ledger.writer import Ledger
from spancost_collector.metrics.labels import DIMENSIONS, TENANT
from spancost_collector.metrics.table import METRICS, READ
from spancost_collector.rules import render
from spancost_collector.rules.change import CAUSES
from spancost_collector.rules.values import default_values, load_values
from spancost_pricing import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator

FOLDER = Path(__file__).parents[2] / "dashboards"
RULES = FOLDER / "rules" / "spancost.yaml"
RUNBOOK = FOLDER / "runbook.md"

_METRIC = re.compile(r"\bspancost_[a-z0-9_]+\b")
_RECORDED = re.compile(r"\bspancost:[a-z0-9_:]+")
_GROUPING = re.compile(r"\b(?:by|without|on|ignoring|group_left)\s*\(([^)]*)\)")
_MATCHER = re.compile(r"([a-z_]+)\s*(?:=~|!~|!=|=)\s*\\?[\"']")


@cache
def groups() -> list[dict[str, Any]]:
    return yaml.safe_load(RULES.read_text(encoding="utf-8"))["groups"]


def rules() -> Iterator[dict[str, Any]]:
    for group in groups():
        yield from group["rules"]


def alerts() -> list[dict[str, Any]]:
    return [rule for rule in rules() if "alert" in rule]


def exposed() -> set[str]:
    names = {metric.name for metric in (*METRICS, *READ)}
    suffixes = ("_bucket", "_sum", "_count")
    return names | {metric.name + suffix for metric in METRICS if metric.kind == "histogram" for suffix in suffixes}


def test_the_committed_rules_are_what_the_generator_writes() -> None:
    assert RULES.read_text(encoding="utf-8") == render(default_values())


@pytest.mark.parametrize("path", [RULES, *sorted(FOLDER.glob("*.json"))], ids=lambda path: path.name)
def test_only_metrics_and_labels_that_the_receiver_has_are_used(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    names = {group["name"] for group in groups()}
    recorded = {rule["record"] for rule in rules() if "record" in rule}
    grouped = {name.strip() for names in _GROUPING.findall(text) for name in names.split(",") if name.strip()}
    own = {label for metric in (*METRICS, *READ) for label in metric.labels} | {
        "cause",
        "quantile",
        "alertname",
        "alertstate",
    }
    used = set(_METRIC.findall(text)) - names - own
    labels = {*DIMENSIONS, TENANT, "job", "instance", "le", "severity", "kind"} | own

    assert used | set(_RECORDED.findall(text))
    assert used <= exposed()
    assert set(_RECORDED.findall(text)) <= recorded
    assert grouped | set(_MATCHER.findall(text)) <= labels


def test_users_sessions_and_traces_are_in_no_label() -> None:
    recorded = " ".join(rule["expr"] for rule in rules())

    assert {label for metric in METRICS for label in metric.labels} & {"user", "session", "trace", "trace_id"} == set()
    assert {*DIMENSIONS} & {"user", "session", "trace"} == set()
    assert not re.search(r"by \([^)]*\b(user|session|trace)\b", recorded)


def test_every_alert_has_a_severity_a_runbook_section_a_dashboard_and_a_unit_test() -> None:
    headings = {line.removeprefix("## ") for line in RUNBOOK.read_text(encoding="utf-8").splitlines()}
    uids = {f"/d/{path.stem}" for path in FOLDER.glob("spancost-*.json")}
    tests = "".join(
        path.read_text(encoding="utf-8")
        for path in [*(FOLDER / "rules" / "tests").glob("*.yaml"), *Path(__file__).parent.glob("test_*.py")]
        if path.name not in {Path(__file__).name, "test_month.py"}
    )
    for alert in alerts():
        name = alert["alert"]
        assert alert["annotations"]["runbook_url"] == f"dashboards/runbook.md#{name.lower()}"
        assert alert["annotations"].keys() == {"summary", "description", "runbook_url", "dashboard_url"}
        assert alert["annotations"]["dashboard_url"].partition("?")[0] in uids
        assert alert["labels"]["severity"] in {"critical", "warning"}
        assert alert["labels"]["kind"] in {"cause", "symptom", "ourselves"}
        assert alert["for"] not in {"", "0s", "0m"}
        assert name in headings
        assert f'"{name}"' in tests or f"alertname: {name}" in tests


def test_the_runbooks_commands_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Ledger(tmp_path / "ledger.sqlite3").close()
    monkeypatch.setenv("SPANCOST_LEDGER", str(tmp_path / "ledger.sqlite3"))
    runbook = RUNBOOK.read_text(encoding="utf-8").replace("PROVIDER MODEL", "openai gpt-4o")
    commands = sorted({*re.findall(r"\bspancost ((?:report|reprice|prices (?:show|list))(?: [^`#\n]+)?)", runbook)})

    refused = {
        command: result.output
        for command in commands
        if (result := CliRunner().invoke(app, [*command.split()])).exit_code != 0
    }

    assert len(commands) > 10
    assert refused == {}


def test_every_cause_of_a_change_that_can_be_named_has_an_alert() -> None:
    named = {alert["labels"].get("cause") for alert in alerts()}

    # A fee by the piece (web searches, images) grows with the calls that ask for it.
    assert set(CAUSES) - named == {"fees"}


def test_a_users_values_change_the_thresholds_they_name_and_no_others(tmp_path: Path) -> None:
    mine = tmp_path / "mine.yaml"
    mine.write_text(
        "spend: {daily_usd: 25}\nlinks: {grafana_url: 'https://grafana.example.com'}\nscrape: {job: costs}\n"
    )

    text = render(load_values(mine))

    assert 'sum (spancost_spend_usd{period="day"}) > 25\n' in text
    assert 'sum by (environment, feature) (spancost_spend_usd{period="day"}) > 200\n' in text
    assert "dashboard_url: https://grafana.example.com/d/spancost-overview\n" in text
    assert 'up{job="costs"} == 0' in text


def test_all_mistakes_in_a_values_file_are_told_together_with_the_nearest_names(tmp_path: Path) -> None:
    mine = tmp_path / "mine.yaml"
    mine.write_text(
        "change: {trafic: 2, cache: -1, price: true}\n"
        "spnd: {}\nspend: {production: '('}\nerrors: {share: 3}\nloops: 3\n"
    )

    with pytest.raises(ConfigError) as caught:
        load_values(mine)

    assert str(caught.value).splitlines() == [
        f'{mine}: change.trafic: unknown. Did you mean "change.traffic"?',
        f"{mine}: change.cache: got -1; expected a number that is not negative, e.g. 0.2",
        f"{mine}: change.price: got True; expected a number that is not negative, e.g. 0.1",
        f'{mine}: spnd: unknown. Did you mean "spend"? Known: links, scrape, spend, change, loops, errors, spenders,'
        " budgets, ourselves.",
        f"{mine}: spend.production: got '('; expected a regular expression, e.g. prod|production",
        f"{mine}: errors.share: got 3; expected a share between 0 and 1, e.g. 0.2",
        f"{mine}: loops: expected thresholds, e.g. loops: {{calls: …}}",
    ]


@pytest.mark.parametrize("job", ["", 'a"b', "{{x}}", "a\\b"])
def test_a_job_that_would_break_the_rules_is_refused(job: str, tmp_path: Path) -> None:
    mine = tmp_path / "mine.yaml"
    mine.write_text(f"scrape: {{job: '{job}'}}\n")

    with pytest.raises(ConfigError, match=r"scrape\.job: got .*; expected the name of a job"):
        load_values(mine)


@pytest.mark.parametrize("text", ["- 1\n", "spend: [\n"])
def test_a_values_file_of_another_shape_is_refused(text: str, tmp_path: Path) -> None:
    mine = tmp_path / "mine.yaml"
    mine.write_text(text)

    with pytest.raises(ConfigError, match=r"mine\.yaml: (expected sections|is not YAML)"):
        load_values(mine)


@pytest.mark.end_to_end
def test_promtool_accepts_the_rules() -> None:
    promtool("check", "rules", "--lint-fatal", RULES)


@pytest.mark.end_to_end
def test_promtool_passes_the_unit_tests_beside_the_rules() -> None:
    tests = sorted((FOLDER / "rules" / "tests").glob("*.yaml"))
    assert tests
    promtool("test", "rules", *tests)


@pytest.mark.end_to_end
def test_amtool_accepts_the_sample_configuration() -> None:
    amtool = tool("amtool", "prometheus-alertmanager")
    command = [amtool, "check-config", str(FOLDER / "alertmanager.yaml")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)

    assert done.returncode == 0, done.stdout + done.stderr
