-- The eras of the references that there are, and the day on which each began, in days since the epoch:
-- what an era holds was written before the next one began.
CREATE TABLE eras (
    era  INTEGER PRIMARY KEY,
    day  INTEGER NOT NULL
);

-- When the present ones began is not known: not after today.
WITH RECURSIVE known (era, last) AS (
    SELECT 0, n / 262144 FROM tallies WHERE name = 'refs'
    UNION ALL
    SELECT era + 1, last FROM known WHERE era < last)
INSERT INTO eras (era, day) SELECT era, unixepoch() / 86400 FROM known;
