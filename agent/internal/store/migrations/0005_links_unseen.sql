-- 1: no complete delivery has had the key. Links by hand could be made for any
-- key until now, so those wait for the next delivery.
ALTER TABLE links ADD COLUMN unseen INTEGER NOT NULL DEFAULT 0;
UPDATE links SET unseen = 1 WHERE origin = 'manual';
