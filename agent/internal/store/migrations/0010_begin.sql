-- The orchestration that a run began for objects of the directory; '' for others.
ALTER TABLE runs ADD COLUMN orchestration TEXT NOT NULL DEFAULT '';

-- The last run that found the object in the filter of the automation.
ALTER TABLE starts ADD COLUMN seen INTEGER NOT NULL DEFAULT 0;
