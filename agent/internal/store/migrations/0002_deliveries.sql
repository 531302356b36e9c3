-- What is staged has a kind: 0 a record, 1 a part of one that comes apart from
-- it, 2 the report that a key was deleted. fresh is 0 for what an earlier
-- delivery said and no run has settled yet.
DROP TABLE staging;
CREATE TABLE staging (
    id          INTEGER PRIMARY KEY,
    run         INTEGER NOT NULL,
    key         TEXT NOT NULL,
    kind        INTEGER NOT NULL,
    fresh       INTEGER NOT NULL,
    record_json TEXT NOT NULL
) STRICT;
CREATE INDEX staging_key ON staging (run, key, fresh, id);

-- Where the deliveries of an endpoint in mode changes have come to. run is the
-- run whose rows in retained belong to it.
CREATE TABLE positions (
    automation  TEXT NOT NULL,
    application TEXT NOT NULL,
    endpoint    TEXT NOT NULL,
    config      TEXT NOT NULL,
    cursor      TEXT NOT NULL,
    started     INTEGER NOT NULL,
    run         INTEGER NOT NULL,
    PRIMARY KEY (automation, application, endpoint)
) STRICT, WITHOUT ROWID;

-- What such an endpoint delivered and no run has settled yet. Rows of another
-- run than that of the position are left over and do not count.
CREATE TABLE retained (
    id          INTEGER PRIMARY KEY,
    automation  TEXT NOT NULL,
    run         INTEGER NOT NULL,
    key         TEXT NOT NULL,
    kind        INTEGER NOT NULL,
    record_json TEXT NOT NULL
) STRICT;
CREATE INDEX retained_run ON retained (automation, run);

-- What the host keeps for an application: spent budgets and pauses.
CREATE TABLE ledger (
    application TEXT PRIMARY KEY,
    text        TEXT NOT NULL
) STRICT, WITHOUT ROWID;
