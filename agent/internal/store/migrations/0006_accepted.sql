-- What needs a person and was said to be meant so.
CREATE TABLE accepted (
    automation  TEXT NOT NULL,
    key         TEXT NOT NULL,
    part        TEXT NOT NULL,
    cause       TEXT NOT NULL,
    accepted_by TEXT NOT NULL,
    at          INTEGER NOT NULL,
    PRIMARY KEY (automation, key, part, cause)
) STRICT, WITHOUT ROWID;
