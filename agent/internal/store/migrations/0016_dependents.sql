-- What a dependent endpoint delivered for a parent, until the parent changes.
CREATE TABLE dependents (
    automation   TEXT NOT NULL,
    endpoint     TEXT NOT NULL,
    key          TEXT NOT NULL,
    state        TEXT NOT NULL, -- of the parent and the request
    at           INTEGER NOT NULL, -- nanoseconds since 1970
    records_json TEXT NOT NULL,
    PRIMARY KEY (automation, endpoint, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX dependents_at ON dependents (at);
