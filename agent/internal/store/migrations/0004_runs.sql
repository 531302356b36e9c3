-- The application of the run's automation; '' where it is not known.
ALTER TABLE runs ADD COLUMN application TEXT NOT NULL DEFAULT '';
UPDATE runs SET application = coalesce((SELECT application FROM outcomes WHERE run = runs.id LIMIT 1), '');
