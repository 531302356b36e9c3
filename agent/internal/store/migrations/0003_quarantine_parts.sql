-- What of a user is set aside: '' is the whole record.
ALTER TABLE quarantine ADD COLUMN part TEXT NOT NULL DEFAULT '';
