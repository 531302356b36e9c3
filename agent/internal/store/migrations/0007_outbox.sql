-- What an orchestration was when its instances began, by the digest of its text.
CREATE TABLE definitions (
    digest          TEXT PRIMARY KEY,
    definition_json TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- Runs of orchestrations, each for one object. version rises with every change.
-- idle is 1 while it waits for a time or a condition, so that it holds up no
-- later one. turn is 1 when no earlier one of the same orchestration and object
-- must go first.
CREATE TABLE instances (
    id            INTEGER PRIMARY KEY AUTOINCREMENT,
    orchestration TEXT NOT NULL,
    digest        TEXT NOT NULL REFERENCES definitions (digest),
    automation    TEXT NOT NULL,
    cause_of      TEXT NOT NULL, -- what started it: command, schedule, after created, ...
    run           INTEGER NOT NULL,
    started_by    TEXT NOT NULL,
    approved      TEXT NOT NULL, -- the person who let it begin; '' counts against limits.start
    replay_of     INTEGER NOT NULL,
    guid          TEXT NOT NULL,
    dn            TEXT NOT NULL,
    name          TEXT NOT NULL,
    status        TEXT NOT NULL,
    step          TEXT NOT NULL,
    cause         TEXT NOT NULL,
    next          TEXT NOT NULL,
    idle          INTEGER NOT NULL,
    turn          INTEGER NOT NULL,
    version       INTEGER NOT NULL,
    next_at       INTEGER NOT NULL,
    created       INTEGER NOT NULL,
    started       INTEGER NOT NULL, -- 0 while it is held, and when it was rejected
    since         INTEGER NOT NULL, -- when the status last changed
    ended         INTEGER NOT NULL,
    input_json    TEXT NOT NULL,
    state_json    TEXT NOT NULL
) STRICT;
CREATE INDEX instances_due ON instances (next_at, id) WHERE turn = 1 AND status IN ('ready', 'waiting');
CREATE INDEX instances_open ON instances (orchestration, guid, id) WHERE ended = 0;
CREATE INDEX instances_started ON instances (automation, started) WHERE started <> 0;
CREATE INDEX instances_held ON instances (automation, id) WHERE status = 'held';
CREATE INDEX instances_held_run ON instances (run, id) WHERE status = 'held';
CREATE INDEX instances_status ON instances (orchestration, status);
CREATE INDEX instances_ended ON instances (ended, id) WHERE ended <> 0;
CREATE INDEX instances_guid ON instances (guid, id);
CREATE INDEX instances_digest ON instances (digest);

-- What happened in an instance, one line for each try of a step.
CREATE TABLE story (
    id       INTEGER PRIMARY KEY AUTOINCREMENT,
    instance INTEGER NOT NULL REFERENCES instances (id),
    delivery INTEGER NOT NULL,
    at       INTEGER NOT NULL,
    step     TEXT NOT NULL,
    attempt  INTEGER NOT NULL,
    told_by  TEXT NOT NULL, -- the person whose decision the line tells; '' for what the agent did
    request  TEXT NOT NULL, -- redacted
    status   INTEGER NOT NULL,
    answer   TEXT NOT NULL,
    result   TEXT NOT NULL,
    cause    TEXT NOT NULL,
    next     TEXT NOT NULL
) STRICT;
CREATE INDEX story_instance ON story (instance, id);

-- The outbox. turn is 1 when no earlier delivery of the same application and
-- object is open. call is what is sent, rendered once; it is emptied at the end.
CREATE TABLE deliveries (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    instance    INTEGER NOT NULL REFERENCES instances (id),
    orchestration TEXT NOT NULL,
    step        TEXT NOT NULL,
    webhook     TEXT NOT NULL,
    application TEXT NOT NULL,
    guid        TEXT NOT NULL,
    dn          TEXT NOT NULL,
    name        TEXT NOT NULL,
    state       TEXT NOT NULL,
    failed      INTEGER NOT NULL, -- 1: it is done without success, and its instance went on
    turn        INTEGER NOT NULL,
    attempts    INTEGER NOT NULL,
    again       INTEGER NOT NULL, -- 1: the application may have carried it out already
    next_at     INTEGER NOT NULL,
    created     INTEGER NOT NULL,
    taken       INTEGER NOT NULL, -- when it was last taken
    ended       INTEGER NOT NULL,
    call        BLOB NOT NULL,
    request     TEXT NOT NULL, -- the call as people may see it
    status      INTEGER NOT NULL,
    answer      TEXT NOT NULL,
    cause       TEXT NOT NULL,
    next        TEXT NOT NULL
) STRICT;
CREATE INDEX deliveries_due ON deliveries (application, next_at, id) WHERE turn = 1 AND state IN ('queued', 'retrying');
CREATE INDEX deliveries_open ON deliveries (application, guid, id) WHERE ended = 0;
CREATE INDEX deliveries_state ON deliveries (state, created) WHERE ended = 0;
CREATE INDEX deliveries_instance ON deliveries (instance, id);
CREATE INDEX deliveries_guid ON deliveries (guid, id);

-- Initial passwords that one instance may hand over, sealed.
CREATE TABLE initial_passwords (
    instance INTEGER PRIMARY KEY REFERENCES instances (id),
    sealed   BLOB NOT NULL
) STRICT;

-- When a schedule last started its orchestration for an object.
CREATE TABLE starts (
    automation TEXT NOT NULL,
    guid       TEXT NOT NULL,
    at         INTEGER NOT NULL,
    PRIMARY KEY (automation, guid)
) STRICT, WITHOUT ROWID;

-- The orchestration that made a link; '' for links of automations.
ALTER TABLE links ADD COLUMN orchestration TEXT NOT NULL DEFAULT '';
