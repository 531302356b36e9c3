-- The groups that a disabled account was taken out of, by their objectGUIDs.
ALTER TABLE links ADD COLUMN stripped_json TEXT NOT NULL DEFAULT 'null';
