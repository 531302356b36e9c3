-- What a run caused is part of its report.
CREATE INDEX instances_run ON instances (run, orchestration, status);
