-- Staged records have a file of their own.
DROP TABLE staging;
