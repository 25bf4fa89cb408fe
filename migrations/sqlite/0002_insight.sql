-- What insight keeps of each item (MessagePack), so that a start does not read every item.
CREATE TABLE observations (
    item   INTEGER PRIMARY KEY,
    state  BLOB    NOT NULL
);

-- Items whose observation is out of date: a set, written by the transactions that make it so.
CREATE TABLE stale (
    item     INTEGER PRIMARY KEY,
    -- Which transaction made it so last. No number comes twice, so whoever observed the item can
    -- tell whether it was changed meanwhile.
    version  INTEGER NOT NULL,
    -- How often it has been observed again because its parent was not known.
    attempt  INTEGER NOT NULL
);

-- When to observe an item again whose parent was not known. Microseconds.
CREATE TABLE revisit (
    due_at   INTEGER NOT NULL,
    item     INTEGER NOT NULL,
    attempt  INTEGER NOT NULL,
    PRIMARY KEY (due_at, item)
) WITHOUT ROWID;

-- The rules that the observations were made with, as a fingerprint: one row, or none yet.
CREATE TABLE observed_with (
    fingerprint  BLOB NOT NULL
);

-- What was there before is observed now, and once more after a day: nothing is on its way any more.
INSERT INTO stale (item, version, attempt) SELECT id, 0, 4 FROM items;
