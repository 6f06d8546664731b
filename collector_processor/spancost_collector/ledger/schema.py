"""The ledger's tables, and how an older file becomes a current one.

`charges` holds one row per paid call; its unique key (start time, span id) is what makes redelivery harmless, and
starts with the time so that inserts append instead of scattering. Who pays, for what and how it was made are the same
for many calls and stand once, in `series` and `kinds`; the view `calls` shows all of it together, and is what to query.
`hourly` and `hourly_parts` are roll-ups kept in the same transaction, which reports read in place of the calls.
`totals` and `total_parts` are the same since the ledger began, so that a start takes no longer after years. `rates`
keeps the provenance of every rate that was ever charged, once; a call's parts point to it. `descriptions` holds the
single spans behind a call that several of them describe, so that what was decided about them is known after a restart.

Money is split wherever it is summed: `usd` whole dollars and `pico` the rest below one dollar, so no sum overflows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import sqlite3

VERSION: Final = 2
"""Stored as `PRAGMA user_version`."""
HOUR_NS: Final = 3_600_000_000_000
"""What `hour` counts."""

PENDING: Final = "response_id IS NOT NULL AND status = 'unpriced' AND reason = 'no_usage'"
"""Calls whose usage may still come, with the answer of the same id: an index keeps them together."""

_V1: Final = f"""
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
    rate_pico   TEXT NOT NULL,       -- empty where the biller gave an amount and no rate
    price_id    TEXT NOT NULL,
    valid_from  TEXT NOT NULL,
    layer       TEXT NOT NULL,
    source      TEXT NOT NULL,
    multipliers TEXT NOT NULL,
    UNIQUE (unit, rate_pico, price_id, valid_from, layer, source, multipliers)
) STRICT;

CREATE TABLE kinds (
    id             INTEGER PRIMARY KEY,
    series_id      INTEGER NOT NULL REFERENCES series (id),
    operation      TEXT NOT NULL,
    request_model  TEXT NOT NULL,
    response_model TEXT NOT NULL,
    service_tier   TEXT NOT NULL,
    region         TEXT NOT NULL,
    deployment     TEXT NOT NULL,
    speed          TEXT NOT NULL,
    dialect        TEXT NOT NULL,
    emitter        TEXT NOT NULL,    -- instrumentation scope
    assumed        TEXT NOT NULL,    -- what was concluded and not said
    role           TEXT NOT NULL,    -- leaf; or aggregate, where no call under it is known
    outcome        TEXT NOT NULL,
    UNIQUE (series_id, operation, request_model, response_model, service_tier, region, deployment, speed, dialect,
        emitter, assumed, role, outcome)
) STRICT;

CREATE TABLE charges (
    id                        INTEGER PRIMARY KEY,
    start_ns                  INTEGER NOT NULL,
    span_id                   BLOB NOT NULL,
    trace_id                  BLOB NOT NULL,
    parent_id                 BLOB NOT NULL,
    end_ns                    INTEGER NOT NULL,
    kind_id                   INTEGER NOT NULL REFERENCES kinds (id),
    user                      TEXT,
    session                   TEXT,
    prompt                    TEXT,
    prompt_version            TEXT,
    tags                      TEXT,             -- JSON array; NULL for none
    response_id               TEXT,
    cached                    INTEGER NOT NULL, -- 1: answered from a cache in front of the provider
    reported_pico             INTEGER,          -- the biller's own figure
    reported_by               TEXT,
    quoted_pico               INTEGER,          -- what a gateway or the emitter reckons; part of no sum
    quoted_by                 TEXT,
    input_tokens              INTEGER,          -- the fields of `Usage`; NULL where nobody reported them
    cache_read_tokens         INTEGER,
    cache_write_tokens        INTEGER,
    cache_write_1h_tokens     INTEGER,
    input_audio_tokens        INTEGER,
    input_image_tokens        INTEGER,
    cache_read_audio_tokens   INTEGER,
    cache_read_image_tokens   INTEGER,
    output_tokens             INTEGER,
    reasoning_tokens          INTEGER,
    output_audio_tokens       INTEGER,
    output_image_tokens       INTEGER,
    batched_requests          INTEGER,
    units                     TEXT,             -- JSON object: unit -> quantity; NULL for none
    estimated                 INTEGER NOT NULL, -- 1: counted on our side, because the provider reported nothing
    status                    TEXT NOT NULL,
    reason                    TEXT NOT NULL,
    detail                    TEXT NOT NULL,
    cost_pico                 INTEGER,
    computed_pico             INTEGER,          -- what our rates give, where the charge is the biller's own figure
    quantities                TEXT NOT NULL,    -- JSON object: disjoint class or unit -> quantity, priced or not
    parts                     TEXT NOT NULL,    -- JSON array of [rates.id, quantity, pico]: what was charged
    assumptions               TEXT NOT NULL,    -- JSON array
    book                      TEXT NOT NULL,
    UNIQUE (start_ns, span_id)
) STRICT;
CREATE INDEX charges_by_end ON charges (end_ns);

CREATE INDEX charges_pending ON charges (response_id)
    WHERE {PENDING};

CREATE VIEW calls AS
SELECT
    charges.*, series_id, operation,
    nullif(request_model, '') AS request_model, nullif(response_model, '') AS response_model,
    nullif(service_tier, '') AS service_tier, nullif(region, '') AS region, nullif(deployment, '') AS deployment,
    nullif(speed, '') AS speed, dialect, emitter, nullif(assumed, '') AS assumed, role, outcome,
    feature, task, tenant, provider, model, environment, release, service
FROM charges
CROSS JOIN kinds ON kinds.id = kind_id  -- in this order: nothing finds charges by their kind
CROSS JOIN series ON series.id = series_id;

CREATE TABLE descriptions (         -- of calls that more than one span describes, and of aggregates that repeat calls
    id           INTEGER PRIMARY KEY,
    start_ns     INTEGER NOT NULL,
    span_id      BLOB NOT NULL,
    row_start_ns INTEGER,           -- key of the row in charges that stands for it; NULL where its parts are rows
    row_span_id  BLOB,
    instead      BLOB NOT NULL,     -- span id that is charged instead
    document     TEXT NOT NULL,     -- JSON object: the call as this one span describes it
    UNIQUE (start_ns, span_id)
) STRICT;
CREATE INDEX descriptions_by_row ON descriptions (row_start_ns, row_span_id);

CREATE TABLE revisions (            -- what a call was charged before it was repriced, or described better
    start_ns    INTEGER NOT NULL,
    span_id     BLOB NOT NULL,
    revised_ns  INTEGER NOT NULL,
    status      TEXT NOT NULL,
    reason      TEXT NOT NULL,
    detail      TEXT NOT NULL,
    cost_pico   INTEGER,
    parts       TEXT NOT NULL,
    assumptions TEXT NOT NULL,
    book        TEXT NOT NULL
) STRICT;
CREATE INDEX revisions_by_call ON revisions (start_ns, span_id);

CREATE TABLE credit (               -- what counters show beyond the sums; the next calls use it up
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

_V2: Final = """
CREATE TABLE totals (
    series_id  INTEGER NOT NULL REFERENCES series (id),
    outcome    TEXT NOT NULL,
    status     TEXT NOT NULL,
    reason     TEXT NOT NULL,
    first_hour INTEGER NOT NULL,     -- Unix hour, UTC, in which the first call ended
    calls      INTEGER NOT NULL,
    PRIMARY KEY (series_id, outcome, status, reason)
) STRICT, WITHOUT ROWID;

CREATE TABLE total_parts (
    series_id INTEGER NOT NULL REFERENCES series (id),
    outcome   TEXT NOT NULL,
    status    TEXT NOT NULL,
    reason    TEXT NOT NULL,
    unit      TEXT NOT NULL,
    quantity  ANY NOT NULL,
    usd       INTEGER NOT NULL,
    pico      INTEGER NOT NULL,
    PRIMARY KEY (series_id, outcome, status, reason, unit)
) STRICT, WITHOUT ROWID;

INSERT INTO totals
SELECT series_id, outcome, status, reason, MIN(hour), SUM(calls) FROM hourly GROUP BY 1, 2, 3, 4;

INSERT INTO total_parts
SELECT series_id, outcome, status, reason, unit, quantity, usd + micro / 1000000, micro % 1000000 * 1000000 + rest
FROM (
    SELECT series_id, outcome, status, reason, unit, SUM(quantity) AS quantity, SUM(usd) AS usd,
        SUM(pico / 1000000) + SUM(pico % 1000000) / 1000000 AS micro, SUM(pico % 1000000) % 1000000 AS rest
    FROM hourly_parts GROUP BY 1, 2, 3, 4, 5
);
"""

_MIGRATIONS: Final[tuple[str, ...]] = (_V1, _V2)
"""Script n takes a ledger from version n to n + 1."""


_MOST_NS: Final = 2**63 - 1


def storable(ns: int) -> int:
    """An instant as SQLite's integers hold it, at most those of the year 2262, or as long before 1970: no call's."""
    return max(-_MOST_NS, min(ns, _MOST_NS))


def version(connection: sqlite3.Connection) -> int:
    """The schema version of an open ledger; 0 for an empty file."""
    (found,) = connection.execute("PRAGMA user_version").fetchone()
    return int(found)


def is_foreign(connection: sqlite3.Connection) -> bool:
    """Whether the open file is another program's database: it has tables, and not the one that every ledger has."""
    tables = connection.execute(
        "SELECT name FROM pragma_table_list WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
    ).fetchall()
    return bool(tables) and ("charges",) not in tables


def migrate(connection: sqlite3.Connection, found: int) -> None:
    """Bring a ledger from version `found` to `VERSION`, all of it or nothing."""
    steps = "".join(_MIGRATIONS[found:])
    connection.executescript(f"BEGIN IMMEDIATE;\n{steps}\nPRAGMA user_version = {VERSION};\nCOMMIT;")
