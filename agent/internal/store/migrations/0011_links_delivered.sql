-- 1: the last delivery that was believed had the key. Of old links nobody knows.
ALTER TABLE links ADD COLUMN delivered INTEGER NOT NULL DEFAULT 0;
