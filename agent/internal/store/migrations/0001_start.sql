-- Times are Unix nanoseconds in UTC, 0 for none. Texts named *_json hold JSON.

CREATE TABLE meta (
    name  TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE links (
    application   TEXT NOT NULL,
    key           TEXT NOT NULL,
    guid          TEXT NOT NULL,
    automation    TEXT NOT NULL,
    origin        TEXT NOT NULL,
    created       INTEGER NOT NULL,
    placed        TEXT NOT NULL,
    missing_since INTEGER NOT NULL,
    applied_json  TEXT NOT NULL,
    PRIMARY KEY (application, key),
    UNIQUE (application, guid)
) STRICT, WITHOUT ROWID;
CREATE INDEX links_automation ON links (automation);

-- The highest number of links of each day, for limits in percent.
CREATE TABLE link_peaks (
    automation TEXT NOT NULL,
    day        INTEGER NOT NULL, -- days since 1970-01-01 UTC
    links      INTEGER NOT NULL,
    PRIMARY KEY (automation, day)
) STRICT, WITHOUT ROWID;

CREATE TABLE staging (
    id          INTEGER PRIMARY KEY,
    run         INTEGER NOT NULL,
    key         TEXT NOT NULL,
    record_json TEXT NOT NULL
) STRICT;
CREATE INDEX staging_key ON staging (run, key, id);

CREATE TABLE leases (
    name  TEXT PRIMARY KEY,
    owner TEXT NOT NULL, -- '' when nobody holds it
    fence INTEGER NOT NULL,
    until INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE runs (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    automation TEXT NOT NULL,
    kind       TEXT NOT NULL,
    started_by TEXT NOT NULL,
    started    INTEGER NOT NULL,
    ended      INTEGER NOT NULL,
    result     TEXT NOT NULL,
    error      TEXT NOT NULL,
    plan_json  TEXT NOT NULL
) STRICT;
CREATE INDEX runs_result ON runs (result);

CREATE TABLE outcomes (
    id             INTEGER PRIMARY KEY AUTOINCREMENT,
    run            INTEGER NOT NULL REFERENCES runs (id),
    settled_run    INTEGER REFERENCES runs (id), -- the run that applied what this one held
    automation     TEXT NOT NULL,
    application    TEXT NOT NULL,
    key            TEXT NOT NULL,
    guid           TEXT NOT NULL,
    dn             TEXT NOT NULL,
    name           TEXT NOT NULL,
    class          TEXT NOT NULL,
    digest         TEXT NOT NULL,
    operation_json TEXT NOT NULL,
    result         TEXT NOT NULL,
    code           INTEGER NOT NULL,
    cause          TEXT NOT NULL,
    next           TEXT NOT NULL,
    approved       TEXT NOT NULL,
    at             INTEGER NOT NULL,
    forgotten      INTEGER NOT NULL DEFAULT 0 -- a rejection that no longer counts
) STRICT;
CREATE INDEX outcomes_run ON outcomes (run);
CREATE INDEX outcomes_settled ON outcomes (settled_run) WHERE settled_run IS NOT NULL;
CREATE INDEX outcomes_open ON outcomes (automation, result) WHERE result IN ('held', 'rejected');
CREATE INDEX outcomes_applied ON outcomes (automation, at) WHERE result = 'applied' AND approved = '';

-- What is about to be written to the directory and not yet known to be done.
CREATE TABLE intents (
    id             INTEGER PRIMARY KEY AUTOINCREMENT,
    run            INTEGER NOT NULL REFERENCES runs (id),
    automation     TEXT NOT NULL,
    application    TEXT NOT NULL,
    key            TEXT NOT NULL,
    guid           TEXT NOT NULL,
    dn             TEXT NOT NULL,
    name           TEXT NOT NULL,
    server         TEXT NOT NULL,
    anchor         TEXT NOT NULL,
    operation_json TEXT NOT NULL,
    link_json      TEXT NOT NULL,
    password       BLOB,
    opened_by      TEXT NOT NULL,
    held_id        INTEGER REFERENCES outcomes (id),
    created        INTEGER NOT NULL
) STRICT;

-- Append-only. hash = sha256(hash of the line before || line_json).
CREATE TABLE journal (
    seq       INTEGER PRIMARY KEY,
    line_json TEXT NOT NULL,
    hash      BLOB NOT NULL
) STRICT;
CREATE TABLE journal_head (
    one  INTEGER PRIMARY KEY CHECK (one = 1),
    seq  INTEGER NOT NULL,
    hash BLOB NOT NULL
) STRICT;
INSERT INTO journal_head (one, seq, hash) VALUES (1, 0, zeroblob(32));
CREATE TRIGGER journal_no_update BEFORE UPDATE ON journal
BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;
CREATE TRIGGER journal_no_delete BEFORE DELETE ON journal
BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;
CREATE TRIGGER journal_no_replace BEFORE INSERT ON journal
WHEN NEW.seq <= (SELECT MAX(seq) FROM journal)
BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;

CREATE TABLE quarantine (
    automation TEXT NOT NULL,
    position   INTEGER NOT NULL,
    key        TEXT NOT NULL,
    name       TEXT NOT NULL,
    cause      TEXT NOT NULL,
    next       TEXT NOT NULL,
    PRIMARY KEY (automation, position)
) STRICT, WITHOUT ROWID;

CREATE TABLE secrets (
    name TEXT PRIMARY KEY,
    blob BLOB NOT NULL
) STRICT, WITHOUT ROWID;

-- The local image of the directory. written is the revision (one for each
-- transaction) in which the directory last reported the object.
CREATE TABLE mirror (
    id            INTEGER PRIMARY KEY AUTOINCREMENT, -- never used twice
    guid          TEXT NOT NULL UNIQUE,
    dn            TEXT NOT NULL,
    folded        TEXT NOT NULL,
    parent_folded TEXT NOT NULL,
    name_folded   TEXT NOT NULL,
    parent        INTEGER REFERENCES mirror (id) ON DELETE SET NULL,
    stale         INTEGER NOT NULL, -- 1: another object was seen with this DN since
    written       INTEGER NOT NULL,
    digest        BLOB -- of the attributes; NULL when not known
) STRICT;
CREATE UNIQUE INDEX mirror_dn ON mirror (folded) WHERE stale = 0;
CREATE INDEX mirror_name ON mirror (parent_folded, name_folded);
CREATE INDEX mirror_parent ON mirror (parent);

CREATE TABLE mirror_values (
    entry     INTEGER NOT NULL REFERENCES mirror (id) ON DELETE CASCADE,
    attribute TEXT NOT NULL,
    position  INTEGER NOT NULL,
    value     BLOB NOT NULL,
    folded    BLOB,    -- what equal values share; NULL for long values
    written   INTEGER, -- as in mirror; only for attributes that hold DNs
    PRIMARY KEY (entry, attribute, position)
) STRICT, WITHOUT ROWID;
CREATE INDEX mirror_values_folded ON mirror_values (attribute, folded);

CREATE TABLE mirror_state (
    one      INTEGER PRIMARY KEY CHECK (one = 1),
    revision INTEGER NOT NULL,
    sweep    INTEGER NOT NULL, -- the revision in which the running sweep began; 0 for none
    cookie   BLOB NOT NULL,
    server   TEXT NOT NULL,
    spec     TEXT NOT NULL,
    complete INTEGER NOT NULL,
    synced   INTEGER NOT NULL
) STRICT;
INSERT INTO mirror_state (one, revision, sweep, cookie, server, spec, complete, synced)
VALUES (1, 0, 0, x'', '', '', 0, 0);
