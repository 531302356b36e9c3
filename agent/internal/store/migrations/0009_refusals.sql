-- What the directory refused, so that it is not planned as good by each run.
-- part is an attribute in lower case, or op: and the class of an operation.
CREATE TABLE refusals (
    automation TEXT NOT NULL,
    key        TEXT NOT NULL,
    part       TEXT NOT NULL,
    digest     TEXT NOT NULL,
    cause      TEXT NOT NULL,
    next       TEXT NOT NULL,
    tries      INTEGER NOT NULL,
    again      INTEGER NOT NULL,
    PRIMARY KEY (automation, key, part)
) STRICT, WITHOUT ROWID;
