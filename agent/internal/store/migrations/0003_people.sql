-- What a link remembers besides.
-- unseen: 1 when no complete delivery has had the key. Links by hand could be
-- made for any key until now, so those wait for the next delivery.
-- left_from, left_ou: where an account was when it was moved away as missing,
-- and what was chosen for it then; '' when it was not moved away, or is back.
-- ou: what ou named when an account was left where it was; '' is the same as
-- placed.
-- delivered: 1 when the last delivery that was believed had the key. Of old
-- links nobody knows.
ALTER TABLE links ADD COLUMN unseen INTEGER NOT NULL DEFAULT 0;
ALTER TABLE links ADD COLUMN left_from TEXT NOT NULL DEFAULT '';
ALTER TABLE links ADD COLUMN left_ou TEXT NOT NULL DEFAULT '';
ALTER TABLE links ADD COLUMN ou TEXT NOT NULL DEFAULT '';
ALTER TABLE links ADD COLUMN delivered INTEGER NOT NULL DEFAULT 0;
UPDATE links SET unseen = 1 WHERE origin = 'manual';

-- What of a user is set aside: '' is the whole record.
ALTER TABLE quarantine ADD COLUMN part TEXT NOT NULL DEFAULT '';

-- The run that carries out a held operation; it counts while that run is running.
ALTER TABLE outcomes ADD COLUMN claimed_run INTEGER;

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

-- Lines of the journal up to base_seq were removed; base_hash is the hash of the
-- last of them. A line of the kind checkpoint says the same in the chain.
ALTER TABLE journal_head ADD COLUMN base_seq INTEGER NOT NULL DEFAULT 0;
ALTER TABLE journal_head ADD COLUMN base_hash BLOB NOT NULL DEFAULT x'0000000000000000000000000000000000000000000000000000000000000000';
DROP TRIGGER journal_no_delete;
CREATE TRIGGER journal_no_delete BEFORE DELETE ON journal
WHEN OLD.seq > (SELECT base_seq FROM journal_head)
BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;
DROP TRIGGER journal_no_replace;
CREATE TRIGGER journal_no_replace BEFORE INSERT ON journal
WHEN NEW.seq <= (SELECT seq FROM journal_head)
BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;

-- Finds the last scheduled run of an automation.
CREATE INDEX runs_automation ON runs (automation, kind, id);
