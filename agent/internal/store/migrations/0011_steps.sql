-- Directory steps of orchestrations write about an object, not about a record: their
-- application and key are ''. orchestration and instance are those of such a step;
-- '' and 0 for what runs of automations do.
ALTER TABLE outcomes ADD COLUMN orchestration TEXT NOT NULL DEFAULT '';
ALTER TABLE intents ADD COLUMN orchestration TEXT NOT NULL DEFAULT '';
ALTER TABLE intents ADD COLUMN instance INTEGER NOT NULL DEFAULT 0;
ALTER TABLE intents ADD COLUMN approved TEXT NOT NULL DEFAULT ''; -- who approved the write; '' for nobody
CREATE INDEX outcomes_of_steps ON outcomes (orchestration, at) WHERE orchestration <> '' AND result = 'applied' AND approved = '';
