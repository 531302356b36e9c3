-- What happened to users and groups of the directory, as the mirror saw it. open is
-- 1 until the automations that it may concern have judged it.
CREATE TABLE events (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    at         INTEGER NOT NULL,
    object     TEXT NOT NULL, -- user or group
    guid       TEXT NOT NULL,
    dn         TEXT NOT NULL, -- afterwards; the last one of a deleted object
    from_dn    TEXT NOT NULL, -- before; '' where there was none
    name       TEXT NOT NULL,
    group_guid TEXT NOT NULL, -- of a membership; '' for everything else
    group_dn   TEXT NOT NULL,
    group_name TEXT NOT NULL,
    parts_json TEXT NOT NULL,
    image_json TEXT NOT NULL, -- the attributes afterwards; the last ones of a deleted object
    unsure     TEXT NOT NULL, -- why it is not certain that it is true
    open       INTEGER NOT NULL,
    intent     INTEGER NOT NULL DEFAULT 0 -- of the agent's own write that it shows, if that was open then
) STRICT;
CREATE INDEX events_open ON events (id) WHERE open = 1;
CREATE INDEX events_open_guid ON events (guid, id) WHERE open = 1;
CREATE INDEX events_guid ON events (guid, id);
CREATE INDEX events_at ON events (at);

-- What an automation made of an event that it asks for.
CREATE TABLE event_verdicts (
    event      INTEGER NOT NULL REFERENCES events (id),
    automation TEXT NOT NULL,
    verdict    TEXT NOT NULL,
    instance   INTEGER NOT NULL, -- that begins or is held; 0 for none
    cause      TEXT NOT NULL,
    next       TEXT NOT NULL,
    at         INTEGER NOT NULL,
    PRIMARY KEY (event, automation)
) STRICT, WITHOUT ROWID;
CREATE INDEX event_verdicts_instance ON event_verdicts (instance) WHERE instance <> 0;
CREATE INDEX event_verdicts_aside ON event_verdicts (automation, event) WHERE verdict = 'aside';

-- Which held instances somebody was shown, and in which version: what a person approves
-- is what that person has seen.
CREATE TABLE shown (
    instance INTEGER NOT NULL REFERENCES instances (id),
    shown_to TEXT NOT NULL, -- the person
    version  INTEGER NOT NULL,
    PRIMARY KEY (instance, shown_to)
) STRICT, WITHOUT ROWID;

-- What is expected to come back from the directory because it was written by the
-- agent. The row is written with the intent, before the write.
CREATE TABLE echoes (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    guid        TEXT NOT NULL, -- '' for an object that is being created
    anchor      TEXT NOT NULL, -- of such an object
    part        TEXT NOT NULL, -- what changes: the state, the place, an attribute, a membership
    digest      TEXT NOT NULL, -- of how it is afterwards
    origin_json TEXT NOT NULL,
    server      TEXT NOT NULL, -- the domain controller that is written to, as in mirror_state
    intent      INTEGER NOT NULL, -- 0 once it is known how the write ended
    settled     INTEGER NOT NULL -- when; 0 before
) STRICT;
CREATE INDEX echoes_guid ON echoes (guid, id);
CREATE INDEX echoes_anchor ON echoes (anchor, id) WHERE guid = '';
CREATE INDEX echoes_intent ON echoes (intent) WHERE intent <> 0;
CREATE INDEX echoes_settled ON echoes (settled) WHERE settled <> 0;

-- Users and groups that were deleted, so that one that comes back is known as
-- restored.
CREATE TABLE mirror_deleted (
    guid   TEXT PRIMARY KEY,
    at     INTEGER NOT NULL,
    unsure TEXT NOT NULL DEFAULT '' -- why that is not certain
) STRICT, WITHOUT ROWID;
CREATE INDEX mirror_deleted_at ON mirror_deleted (at);

-- Attributes that an object has lost, when that may only mean that the bind account
-- may no longer read them: what comes back is no certain change. member are the members
-- of a group; memberof the groups of an object that is shown again.
CREATE TABLE mirror_doubts (
    guid      TEXT NOT NULL,
    attribute TEXT NOT NULL,
    PRIMARY KEY (guid, attribute)
) STRICT, WITHOUT ROWID;

-- The next three hold, while the directory is read whole, how things were before:
-- what happened can only be told when all objects are read. They are empty
-- otherwise.
-- Objects that differ, with their former values.
CREATE TABLE mirror_before (
    id       INTEGER PRIMARY KEY AUTOINCREMENT,
    guid     TEXT NOT NULL UNIQUE,
    dn       TEXT NOT NULL, -- '' for an object that was not there
    old_json TEXT NOT NULL  -- of the attributes that changed
) STRICT;
-- Members that groups have lost and gained. target is who that was, of the lost.
CREATE TABLE mirror_members (
    group_guid TEXT NOT NULL,
    folded     TEXT NOT NULL,
    dn         TEXT NOT NULL,
    target     TEXT NOT NULL,
    added      INTEGER NOT NULL, -- 1 gained, 0 lost
    PRIMARY KEY (group_guid, folded, added)
) STRICT, WITHOUT ROWID;
-- Places that somebody left or took, with who was there before ('' for nobody).
CREATE TABLE mirror_former (
    folded TEXT PRIMARY KEY,
    guid   TEXT NOT NULL,
    taken  INTEGER NOT NULL -- 1: somebody took it
) STRICT, WITHOUT ROWID;

-- 1: what differs from the mirror is an event.
ALTER TABLE mirror_state ADD COLUMN events INTEGER NOT NULL DEFAULT 0;

-- What applications sent to the receiver. body is emptied once a run has seen it.
CREATE TABLE receipts (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    application TEXT NOT NULL,
    delivery    TEXT NOT NULL, -- the application's id of the delivery
    at          INTEGER NOT NULL,
    kind        TEXT NOT NULL, -- of the change, in the application's words
    records     TEXT NOT NULL, -- the kind of the records: user, person, ...
    key         TEXT NOT NULL,
    body        BLOB NOT NULL,
    size        INTEGER NOT NULL, -- of body
    state       TEXT NOT NULL, -- open, done, ignored, failed
    run         INTEGER NOT NULL, -- the last one of receipt_runs; 0 for none
    attempts    INTEGER NOT NULL,
    next_at     INTEGER NOT NULL,
    ended       INTEGER NOT NULL,
    cause       TEXT NOT NULL,
    UNIQUE (application, delivery)
) STRICT;
CREATE INDEX receipts_open ON receipts (application, id, size) WHERE state = 'open';
CREATE INDEX receipts_key ON receipts (application, records, key, id);
CREATE INDEX receipts_ended ON receipts (ended, id) WHERE ended <> 0;

-- Which automations have run for a receipt: several may read the same records.
CREATE TABLE receipt_runs (
    receipt    INTEGER NOT NULL REFERENCES receipts (id),
    automation TEXT NOT NULL,
    run        INTEGER NOT NULL,
    failed     INTEGER NOT NULL, -- 1: given up
    at         INTEGER NOT NULL,
    PRIMARY KEY (receipt, automation)
) STRICT, WITHOUT ROWID;

-- What failed for a receipt, of each automation that is to try again.
CREATE TABLE receipt_tries (
    receipt    INTEGER NOT NULL REFERENCES receipts (id),
    automation TEXT NOT NULL,
    attempts   INTEGER NOT NULL, -- that failed
    next_at    INTEGER NOT NULL,
    PRIMARY KEY (receipt, automation)
) STRICT, WITHOUT ROWID;

-- What somebody has registered at an application so that it tells of changes. The
-- row stays when the subscription was ended on purpose.
CREATE TABLE subscriptions (
    application TEXT PRIMARY KEY,
    state       TEXT NOT NULL, -- registered, ending, ended
    id          TEXT NOT NULL, -- at the application; '' when it is not known
    url         TEXT NOT NULL,
    username    TEXT NOT NULL,
    reference   TEXT NOT NULL, -- of the password or secret; never the password
    made_by     TEXT NOT NULL, -- who registered or ended it
    changed     INTEGER NOT NULL, -- when state, id or url last changed
    checked     INTEGER NOT NULL, -- when the application was last asked and answered
    cause       TEXT NOT NULL, -- why the last check found out or repaired nothing; '' when all was well
    repairs     INTEGER NOT NULL,
    repaired    INTEGER NOT NULL,
    repaired_why TEXT NOT NULL,
    poll        INTEGER NOT NULL, -- 1: changes may have been lost, and the automations have not run since
    leftovers   TEXT NOT NULL, -- JSON list of the ids of earlier ones that are still to end; null for none
    odd         TEXT NOT NULL -- what was wrong with the one before, for which this one was made; '' for nothing
) STRICT, WITHOUT ROWID;

-- Which links were made and removed, for the timeline of a person. Of what earlier
-- versions did, it has the links that were there.
CREATE TABLE link_changes (
    id            INTEGER PRIMARY KEY AUTOINCREMENT,
    at            INTEGER NOT NULL,
    application   TEXT NOT NULL,
    kind          TEXT NOT NULL,
    key           TEXT NOT NULL,
    guid          TEXT NOT NULL,
    made          INTEGER NOT NULL, -- 1 made, 0 removed
    automation    TEXT NOT NULL,
    orchestration TEXT NOT NULL,
    origin        TEXT NOT NULL,
    run           INTEGER NOT NULL, -- 0 for none
    changed_by    TEXT NOT NULL -- the person or trigger; '' for an orchestration
) STRICT;
CREATE INDEX link_changes_guid ON link_changes (guid, at);
CREATE INDEX link_changes_key ON link_changes (application, kind, key, at);
CREATE INDEX link_changes_at ON link_changes (at);
INSERT INTO link_changes (at, application, kind, key, guid, made, automation, orchestration, origin, run, changed_by)
SELECT created, application, kind, key, guid, 1, automation, orchestration, origin, 0, '' FROM links ORDER BY created;

-- 1 while an instance waits for the link that an earlier one for its object may yet
-- make or end. It goes on when the earlier one has gone on.
ALTER TABLE instances ADD COLUMN linking INTEGER NOT NULL DEFAULT 0;
CREATE INDEX instances_linking ON instances (guid, id) WHERE linking = 1;

-- The timeline of a person reads what became of operations about them.
CREATE INDEX outcomes_guid ON outcomes (guid, at) WHERE guid <> '';
CREATE INDEX outcomes_key ON outcomes (application, kind, key, at) WHERE key <> '';
-- So it does what is set aside about them.
CREATE INDEX quarantine_key ON quarantine (key) WHERE key <> '';

-- The orchestrations of an object that have not ended, without those of former times.
CREATE INDEX instances_open_guid ON instances (guid, id) WHERE ended = 0;
