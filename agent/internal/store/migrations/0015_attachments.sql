-- What was last fetched from the address in an attribute of somebody's record, without
-- its content: the next run asks only for what has changed.
CREATE TABLE attachments (
    automation TEXT NOT NULL,
    key        TEXT NOT NULL,
    attribute  TEXT NOT NULL,
    url        TEXT NOT NULL,
    etag       TEXT NOT NULL,
    modified   TEXT NOT NULL,
    digest     TEXT NOT NULL,
    problem    TEXT NOT NULL,
    shared     TEXT NOT NULL,
    next       TEXT NOT NULL,
    at         INTEGER NOT NULL, -- nanoseconds since 1970
    PRIMARY KEY (automation, key, attribute)
) STRICT, WITHOUT ROWID;
