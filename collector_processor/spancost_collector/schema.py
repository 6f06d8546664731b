"""The ledger's tables, and how an older file becomes a current one.

`calls` holds one row per paid call; its unique key (start time, span id) is what makes redelivery harmless, and
starts with the time so that inserts append instead of scattering. `hourly` and `hourly_parts` are roll-ups kept in
the same transaction: reports and restarts read them and never scan the calls. `rates` keeps the provenance of every
rate that was ever charged, once; a call's parts point to it.

Money is split wherever it is summed: `usd` whole dollars and `pico` the rest below one dollar, so no sum overflows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import sqlite3

VERSION: Final = 1
"""Stored as `PRAGMA user_version`."""

_V1: Final = """
CREATE TABLE series (
    id          INTEGER PRIMARY KEY,
    feature     TEXT NOT NULL,
    task        TEXT NOT NULL,
    tenant      TEXT NOT NULL,
    provider    TEXT NOT NULL,
    model       TEXT NOT NULL,
    environment TEXT NOT NULL,
    release     TEXT NOT NULL,
    service     TEXT NOT NULL,
    UNIQUE (feature, task, tenant, provider, model, environment, release, service)
) STRICT;

CREATE TABLE rates (
    id          INTEGER PRIMARY KEY,
    unit        TEXT NOT NULL,
    rate_pico   TEXT NOT NULL,
    price_id    TEXT NOT NULL,
    valid_from  TEXT NOT NULL,
    layer       TEXT NOT NULL,
    source      TEXT NOT NULL,
    multipliers TEXT NOT NULL,
    UNIQUE (unit, rate_pico, price_id, valid_from, layer, source, multipliers)
) STRICT;

CREATE TABLE calls (
    start_ns       INTEGER NOT NULL,
    span_id        BLOB NOT NULL,
    trace_id       BLOB NOT NULL,
    end_ns         INTEGER NOT NULL,
    series_id      INTEGER NOT NULL REFERENCES series (id),
    user           TEXT,
    session        TEXT,
    operation      TEXT NOT NULL,
    request_model  TEXT,
    response_model TEXT,
    response_id    TEXT,
    service_tier   TEXT,
    region         TEXT,
    deployment     TEXT,
    speed          TEXT,
    dialect        TEXT NOT NULL,
    outcome        TEXT NOT NULL,
    status         TEXT NOT NULL,
    reason         TEXT NOT NULL,
    detail         TEXT NOT NULL,
    cost_pico      INTEGER,
    computed_pico  INTEGER,          -- what our rates give, where the charge is the biller's own figure
    reported_pico  INTEGER,          -- the biller's own figure
    reported_by    TEXT,
    input_tokens   INTEGER,
    output_tokens  INTEGER,
    usage          TEXT,             -- JSON object: every reported field of Usage; NULL when none was reported
    quantities     TEXT NOT NULL,    -- JSON object: disjoint class or unit -> quantity, with or without a rate
    parts          TEXT NOT NULL,    -- JSON array of [rates.id, quantity, pico]: what was charged
    assumptions    TEXT NOT NULL,    -- JSON array
    book           TEXT NOT NULL,
    UNIQUE (start_ns, span_id)
) STRICT;
CREATE INDEX calls_by_end ON calls (end_ns);

CREATE TABLE revisions (            -- what a call was charged before it was repriced
    start_ns    INTEGER NOT NULL,
    span_id     BLOB NOT NULL,
    revised_ns  INTEGER NOT NULL,
    status      TEXT NOT NULL,
    reason      TEXT NOT NULL,
    detail      TEXT NOT NULL,
    cost_pico   INTEGER,
    parts       TEXT NOT NULL,
    assumptions TEXT NOT NULL,
    book        TEXT NOT NULL,
    PRIMARY KEY (start_ns, span_id, revised_ns)
) STRICT, WITHOUT ROWID;

CREATE TABLE taken_back (           -- what repricing lowered and counters, which may never fall, still carry
    series_id INTEGER NOT NULL REFERENCES series (id),
    counter   TEXT NOT NULL,
    label     TEXT NOT NULL,
    usd       INTEGER NOT NULL,     -- usd * 1e12 + pico is the amount: pico-USD, or a count
    pico      INTEGER NOT NULL,
    PRIMARY KEY (series_id, counter, label)
) STRICT, WITHOUT ROWID;

CREATE TABLE hourly (
    hour      INTEGER NOT NULL,      -- Unix hours, UTC, of the calls' end
    series_id INTEGER NOT NULL REFERENCES series (id),
    outcome   TEXT NOT NULL,
    status    TEXT NOT NULL,
    reason    TEXT NOT NULL,
    calls     INTEGER NOT NULL,
    PRIMARY KEY (hour, series_id, outcome, status, reason)
) STRICT, WITHOUT ROWID;

CREATE TABLE hourly_parts (
    hour      INTEGER NOT NULL,
    series_id INTEGER NOT NULL REFERENCES series (id),
    outcome   TEXT NOT NULL,
    status    TEXT NOT NULL,
    reason    TEXT NOT NULL,
    unit      TEXT NOT NULL,
    quantity  ANY NOT NULL,          -- whole for tokens; REAL only where a unit is fractional (seconds)
    usd       INTEGER NOT NULL,
    pico      INTEGER NOT NULL,      -- 0 <= pico < 1e12
    PRIMARY KEY (hour, series_id, outcome, status, reason, unit)
) STRICT, WITHOUT ROWID;
"""

_MIGRATIONS: Final[tuple[str, ...]] = (_V1,)
"""Script n takes a ledger from version n to n + 1."""


def version(connection: sqlite3.Connection) -> int:
    """The schema version of an open ledger; 0 for an empty file."""
    (found,) = connection.execute("PRAGMA user_version").fetchone()
    return int(found)


def migrate(connection: sqlite3.Connection, found: int) -> None:
    """Bring a ledger from version `found` to `VERSION`, all of it or nothing."""
    steps = "".join(_MIGRATIONS[found:])
    connection.executescript(f"BEGIN IMMEDIATE;\n{steps}\nPRAGMA user_version = {VERSION};\nCOMMIT;")
