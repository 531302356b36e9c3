-- What ou named when an account was left where it was; '' is the same as placed.
ALTER TABLE links ADD COLUMN ou TEXT NOT NULL DEFAULT '';
