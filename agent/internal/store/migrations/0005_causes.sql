-- The cause that somebody in quarantine has in common with others, and that
-- somebody has whom the directory refused something; '' is the same as cause.
ALTER TABLE quarantine ADD COLUMN shared TEXT NOT NULL DEFAULT '';
ALTER TABLE refusals ADD COLUMN shared TEXT NOT NULL DEFAULT '';
