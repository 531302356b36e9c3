-- Each look at the directory asks whether a write to that domain controller is still to
-- be shown there.
CREATE INDEX echoes_awaited ON echoes (server) WHERE settled <> 0;
