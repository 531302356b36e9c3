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
