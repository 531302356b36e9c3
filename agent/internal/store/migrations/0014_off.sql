-- Why an account is disabled although its key is delivered.
ALTER TABLE links ADD COLUMN off TEXT NOT NULL DEFAULT '';
