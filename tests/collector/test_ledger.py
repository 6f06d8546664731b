"""The ledger keeps each call once, durably, and its sums are exact."""

from __future__ import annotations

import os
import re
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from spancost_collector.call import Attribution, Charged, ModelCall, Resource, Series, series_of
from spancost_collector.errors import LedgerError, LedgerUnavailableError
from spancost_collector.ledger.check import examine
from spancost_collector.ledger.report import LedgerReader
from spancost_collector.ledger.repricing import reprice
from spancost_collector.ledger.writer import Ledger, Recorded
from spancost_pricing import Charge, ConfigError, LineItem, Rate, Route, Usage, load_book

if TYPE_CHECKING:
    from collections.abc import Iterator

    from spancost_pricing import TokenClass, Unit

ROOT = Path(__file__).parents[2]
HOUR_NS = 3_600_000_000_000
NOON = 1_795_176_000 * 1_000_000_000  # 2026-11-20T12:00:00Z


def item(unit: TokenClass | Unit, quantity: int | Decimal, rate_pico: int) -> LineItem:
    rate = Rate(unit, Decimal(rate_pico), f"acme/one:{unit}", None, "user", "prices.yaml")
    return LineItem(rate, quantity, int(quantity * rate_pico))


def charge(*items: LineItem) -> Charge:
    return Charge(
        status="priced",
        reason=None,
        total_pico=sum(one.amount_pico for one in items),
        items=items,
        book="book-1",
        quantities={one.unit: one.quantity for one in items},
    )


def call(n: int, priced: Charge | None = None, *, feature: str | None = "search", start_ns: int = NOON) -> Charged:
    described = ModelCall(
        trace_id=b"t" * 16,
        span_id=n.to_bytes(8, "big"),
        start_ns=start_ns,
        end_ns=start_ns + 1_000_000,
        operation="chat",
        route=Route("acme", "one"),
        request_model="one",
        response_model="one",
        response_id=None,
        usage=Usage(input_tokens=1000, output_tokens=10),
        outcome="ok",
        attribution=Attribution(feature=feature),
        resource=Resource(service="shop"),
        dialect="otel",
    )
    return Charged(
        described,
        priced or charge(item("input", 1000, 2_000_000), item("output", 10, 8_000_000)),
        series_of(described),
    )


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ledger.sqlite3"


@pytest.fixture
def ledger(path: Path) -> Iterator[Ledger]:
    opened = Ledger(path, busy_seconds=0.05)
    yield opened
    opened.close()


def test_a_call_delivered_twice_counts_once(ledger: Ledger) -> None:
    first, second = call(1), call(2)

    assert ledger.record([first, second, first]).fresh == [first, second]
    assert ledger.record([second, first]) == Recorded([], [])
    assert [(total.calls, dict(total.parts)) for total in ledger.totals()] == [
        (2, {"input": (2000, 4_000_000_000), "output": (20, 160_000_000)})
    ]


def test_the_same_span_id_at_another_time_is_another_call(ledger: Ledger) -> None:
    assert len(ledger.record([call(1), call(1, start_ns=NOON + 1)]).fresh) == 2


def test_totals_survive_a_restart_in_order_of_first_appearance(path: Path) -> None:
    first = Ledger(path)
    first.record([call(1, feature="zebra"), call(2, feature=None)])
    first.record([call(3, feature="apple"), call(4, feature="zebra")])
    first.close()

    again = Ledger(path)
    found = [(total.series.feature, total.calls) for total in again.totals()]
    again.close()

    assert found == [("zebra", 2), ("", 1), ("apple", 1)]


def test_the_series_of_a_call_holds_every_dimension(ledger: Ledger) -> None:
    described, charged, _ = call(1)
    named = described._replace(
        attribution=Attribution(feature="search", task="rerank", tenant="acme", user="u42", session="s1"),
        resource=Resource(service="shop", environment="production", release="1.4.0"),
    )
    ledger.record([Charged(named, charged, series_of(named))])

    assert [total.series for total in ledger.totals()] == [
        Series("search", "rerank", "acme", "acme", "one", "production", "1.4.0", "shop")
    ]


def test_sums_do_not_overflow_sixty_four_bits(ledger: Ledger) -> None:
    # 9,000,000 USD a call: two of them exceed 2**63 pico-USD.
    dear = charge(item("input", 1, 9_000_000_000_000_000_001))
    ledger.record([call(n, dear) for n in range(1, 4)])

    assert [total.parts["input"] for total in ledger.totals()] == [(3, 27_000_000_000_000_000_003)]


def test_quantities_without_a_rate_are_kept(ledger: Ledger) -> None:
    unpriced = charge()._replace(
        status="unpriced", reason="unknown_model", total_pico=None, quantities={"input": 70, "output": 5}
    )
    ledger.record([call(1, unpriced)])

    assert [(t.status, t.reason, dict(t.parts)) for t in ledger.totals()] == [
        ("unpriced", "unknown_model", {"input": (70, 0), "output": (5, 0)})
    ]


def test_fractional_units_keep_their_fraction(ledger: Ledger) -> None:
    ledger.record([call(1, charge(item("second", Decimal("12.5"), 30_000_000)))])

    assert [total.parts["second"] for total in ledger.totals()] == [(Decimal("12.5"), 375_000_000)]


def test_a_refused_group_leaves_nothing_behind_and_can_be_sent_again(ledger: Ledger, path: Path) -> None:
    calls = [call(1), call(2, feature="chat")]
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")

    with pytest.raises(LedgerUnavailableError, match="locked"):
        ledger.record(calls)
    other.execute("ROLLBACK")
    other.close()

    assert list(ledger.totals()) == []
    assert ledger.record(calls).fresh == calls


def test_a_full_disk_is_a_retryable_refusal(ledger: Ledger, path: Path) -> None:
    ledger.record([call(1)])
    connection = ledger._connection  # pyright: ignore[reportPrivateUsage] # the only way to fill this disk alone
    (pages,) = connection.execute("PRAGMA page_count").fetchone()
    connection.execute(f"PRAGMA max_page_count = {pages}")
    many = [call(n) for n in range(2, 2000)]

    with pytest.raises(LedgerUnavailableError, match="full"):
        ledger.record(many)
    connection.execute("PRAGMA max_page_count = 1000000")

    assert len(ledger.record(many).fresh) == 1998
    assert [total.calls for total in ledger.totals()] == [1999]


def test_a_disk_without_room_is_not_writable(path: Path) -> None:
    # A limit on the size of files stands for the full disk; it holds for a whole process, hence one of its own.
    program = """
import resource, sys
from pathlib import Path
from spancost_collector.ledger.writer import Ledger
path = Path(sys.argv[1])
ledger = Ledger(path)
found = [ledger.writable()]
wal = path.with_name(path.name + "-wal").stat().st_size
unlimited = resource.getrlimit(resource.RLIMIT_FSIZE)
resource.setrlimit(resource.RLIMIT_FSIZE, (wal, unlimited[1]))
found.append(ledger.writable())
resource.setrlimit(resource.RLIMIT_FSIZE, unlimited)
found.append(ledger.writable())
print(found)
"""
    done = subprocess.run([sys.executable, "-c", program, str(path)], capture_output=True, text=True, check=False)

    assert done.stdout.strip() == "[True, False, True]", done.stderr


def test_a_ledger_on_a_full_disk_is_not_called_something_else(path: Path) -> None:
    # What SQLite keeps beside a ledger to read it has no room; the limit is the full disk, as above.
    program = """
import resource, sys
from pathlib import Path
from spancost_collector.errors import LedgerError
from spancost_collector.ledger.report import LedgerReader
resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
try:
    LedgerReader(Path(sys.argv[1]))
except LedgerError as error:
    print(error)
"""
    Ledger(path).close()
    done = subprocess.run([sys.executable, "-c", program, str(path)], capture_output=True, text=True, check=False)

    assert done.stdout.startswith(f"{path}: cannot be read: disk I/O error; see that its disk works and has room"), (
        done.stderr
    )


def test_two_receivers_cannot_write_one_ledger_under_two_names(ledger: Ledger, path: Path, tmp_path: Path) -> None:
    other = tmp_path / "elsewhere" / "other.sqlite3"
    other.parent.mkdir()
    other.symlink_to(path)

    with pytest.raises(LedgerError, match="another receiver writes this ledger"):
        Ledger(other)


def test_a_ledger_is_kept_and_found_under_a_symbolic_link(tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    link = tmp_path / "ledger.sqlite3"
    link.symlink_to(tmp_path / "disk" / "kept.sqlite3")

    for fresh in (1, 0):
        with closing(Ledger(link)) as ledger:
            assert len(ledger.record([call(1)]).fresh) == fresh

    assert link.is_symlink()


def test_a_ledger_with_a_hard_link_is_not_written(tmp_path: Path) -> None:
    path, other = tmp_path / "ledger.sqlite3", tmp_path / "other.sqlite3"
    with closing(Ledger(path)) as ledger:
        ledger.record([call(1)])
    other.hardlink_to(path)

    for name in (path, other):
        with pytest.raises(LedgerError, match=r"this file has another name as well \(a hard link\)"):
            Ledger(name)
    other.unlink()
    Ledger(path).close()


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="needs /proc to see which files are open")
def test_what_does_not_fit_into_memory_is_sorted_beside_the_ledger(tmp_path: Path) -> None:
    program = """
import os, sqlite3, sys
from pathlib import Path
from spancost_collector.ledger.report import LedgerReader
from spancost_collector.ledger.writer import Ledger
path = Path(sys.argv[1])
Ledger(path).close()
LedgerReader(path).close()
sorted_ = sqlite3.connect(path).execute(
    "WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < 500000)"
    " SELECT n, hex(zeroblob(20)) FROM numbers ORDER BY n % 1000"
)
sorted_.fetchone()
opened = (one for one in Path("/proc/self/fd").iterdir() if one.is_symlink())
print({str(os.path.dirname(file)) for file in map(os.readlink, opened) if "etilqs" in file})
"""
    path = tmp_path / "it's a ledger" / "ledger.sqlite3"
    done = subprocess.run([sys.executable, "-c", program, str(path)], capture_output=True, text=True, check=False)

    assert done.stdout.strip() == repr({str(path.parent)}), done.stderr


@pytest.mark.parametrize("name", ["dir ümläut", os.fsdecode(b"latin-1 \xf6")])
def test_a_ledger_may_be_in_a_folder_of_any_name(tmp_path: Path, name: str) -> None:
    path = tmp_path / name / "ledger.sqlite3"
    with closing(sqlite3.connect(":memory:")) as any_connection:  # other tests have chosen for this process
        any_connection.execute("PRAGMA temp_store_directory = ''")
    with closing(Ledger(path)) as ledger:
        ledger.record([call(1)])

    with closing(LedgerReader(path)) as reader:
        assert reader.report(()).total.calls == 1


def test_two_receivers_cannot_write_one_ledger(ledger: Ledger, path: Path) -> None:
    with pytest.raises(LedgerError, match="another receiver writes this ledger"):
        Ledger(path)


def test_a_ledger_from_a_newer_version_is_refused(path: Path) -> None:
    Ledger(path).close()
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA user_version = 99")
    connection.close()

    with pytest.raises(LedgerError, match="schema version 99"):
        Ledger(path)


@pytest.mark.parametrize("version", [0, 2, 99])
def test_another_program_s_database_is_told_and_left_as_it_is(path: Path, version: int) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(f"CREATE TABLE bookmarks (url); PRAGMA user_version = {version};")
    before = path.read_bytes()

    with pytest.raises(LedgerError, match=r"is another program's database\. Point --ledger at another file"):
        Ledger(path)
    with pytest.raises(LedgerError, match=r"not a ledger \(it is another program's database"):
        LedgerReader(path)
    with pytest.raises(LedgerError, match=r"not a ledger \(it is another program's database"):
        reprice(path, load_book(), since_ns=0)
    with pytest.raises(ConfigError, match="has no table charges: it is another program's"):
        examine(path)
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("folder", "is no file that could hold a ledger"),
        ("file/ledger.sqlite3", "cannot be opened as a ledger: .*Let the receiver write to its folder"),
    ],
)
def test_a_path_that_cannot_be_a_ledger_is_refused_and_says_what_to_do(tmp_path: Path, name: str, said: str) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").write_text("")

    with pytest.raises(LedgerError, match=said):
        Ledger(tmp_path / name)


def test_a_file_that_is_no_ledger_is_refused(path: Path) -> None:
    path.write_text("not a database, but long enough to be looked at as one" * 10)

    with pytest.raises(LedgerError, match="cannot be opened as a ledger"):
        Ledger(path)


def test_every_part_of_a_call_points_to_the_rate_that_priced_it(ledger: Ledger, path: Path) -> None:
    ledger.record([call(1), call(2)])
    reader = sqlite3.connect(path)
    found = reader.execute(
        "SELECT rates.unit, rate_pico, price_id, layer, source, json_extract(part.value, '$[1]'),"
        " json_extract(part.value, '$[2]') FROM calls, json_each(calls.parts) part"
        " JOIN rates ON rates.id = json_extract(part.value, '$[0]') WHERE span_id = ? ORDER BY 1",
        ((1).to_bytes(8, "big"),),
    ).fetchall()
    (rates,) = reader.execute("SELECT COUNT(*) FROM rates").fetchone()
    reader.close()

    assert found == [
        ("input", "2000000", "acme/one:input", "user", "prices.yaml", 1000, 2_000_000_000),
        ("output", "8000000", "acme/one:output", "user", "prices.yaml", 10, 80_000_000),
    ]
    assert rates == 2


def test_the_hour_of_a_call_is_that_of_its_end(ledger: Ledger, path: Path) -> None:
    described, charged, _ = call(1)
    late = Charged(described._replace(start_ns=NOON - 10, end_ns=NOON + 10), charged, series_of(described))
    ledger.record([late])
    reader = sqlite3.connect(path)
    hours = reader.execute("SELECT hour FROM hourly").fetchall()
    reader.close()

    assert hours == [(NOON // HOUR_NS,)]


def test_the_query_in_the_documentation_is_answered_from_the_calls(ledger: Ledger, path: Path) -> None:
    (query,) = re.findall(r"```sql\n(.*?)```", (ROOT / "docs" / "operation.md").read_text(), flags=re.DOTALL)
    now = time.time_ns()
    ledger.record([call(1, start_ns=now), call(2, start_ns=now), call(3, start_ns=now - 8 * 86_400 * 1_000_000_000)])
    with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as reader:
        found = reader.execute(query).fetchall()

    assert found == [("search", "one", None, 2000, 0.00416)]  # two calls of 2,080 micro-USD
