-- Where an account was when it was moved away as missing, and what was chosen
-- for it then; '' when it was not moved away, or is back.
ALTER TABLE links ADD COLUMN left_from TEXT NOT NULL DEFAULT '';
ALTER TABLE links ADD COLUMN left_ou TEXT NOT NULL DEFAULT '';
