-- The run that carries out a held operation; it counts while that run is running.
ALTER TABLE outcomes ADD COLUMN claimed_run INTEGER;
