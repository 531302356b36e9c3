-- Keys are unique within an application and a kind of records: the user 7 is not
-- the contact 7. What was there is of users.
CREATE TABLE kind_links (
    application   TEXT NOT NULL,
    kind          TEXT NOT NULL,
    key           TEXT NOT NULL,
    guid          TEXT NOT NULL,
    automation    TEXT NOT NULL,
    origin        TEXT NOT NULL,
    created       INTEGER NOT NULL,
    placed        TEXT NOT NULL,
    missing_since INTEGER NOT NULL,
    applied_json  TEXT NOT NULL,
    unseen        INTEGER NOT NULL DEFAULT 0,
    left_from     TEXT NOT NULL DEFAULT '',
    left_ou       TEXT NOT NULL DEFAULT '',
    ou            TEXT NOT NULL DEFAULT '',
    delivered     INTEGER NOT NULL DEFAULT 0,
    orchestration TEXT NOT NULL DEFAULT '',
    PRIMARY KEY (application, kind, key),
    UNIQUE (guid, application, kind)
) STRICT, WITHOUT ROWID;
INSERT INTO kind_links (application, kind, key, guid, automation, origin, created, placed, missing_since, applied_json,
    unseen, left_from, left_ou, ou, delivered, orchestration)
SELECT application, 'user', key, guid, automation, origin, created, placed, missing_since, applied_json,
    unseen, left_from, left_ou, ou, delivered, orchestration FROM links;
DROP TABLE links;
ALTER TABLE kind_links RENAME TO links;
CREATE INDEX links_automation ON links (automation);

ALTER TABLE outcomes ADD COLUMN kind TEXT NOT NULL DEFAULT 'user';
ALTER TABLE intents ADD COLUMN kind TEXT NOT NULL DEFAULT 'user';
