-- Work items. The state is the join of all facts ever said about the item (MessagePack); the
-- other columns are what has to be found or counted without reading it.
CREATE TABLE items (
    id      INTEGER PRIMARY KEY,
    key     TEXT    NOT NULL UNIQUE,
    kind    TEXT    NOT NULL,
    open    INTEGER NOT NULL,
    -- How many of its episodes have been exported.
    sealed  INTEGER NOT NULL,
    -- When a finished episode is to be exported; NULL if none waits. Microseconds.
    due_at  INTEGER,
    state   BLOB    NOT NULL
);
CREATE INDEX items_due ON items (due_at) WHERE due_at IS NOT NULL;

-- Deliveries seen, by the first 16 bytes of a SHA-256 over the sender's own identity for them.
CREATE TABLE deliveries (
    id   BLOB    NOT NULL PRIMARY KEY,
    -- Days since the epoch.
    day  INTEGER NOT NULL
) WITHOUT ROWID;

-- What commits, branches and project names point at. The reference is hashed: it is only ever
-- looked up whole. The pointer is the id of an item, or the text of what is none (yet). A hash lies
-- anywhere, so the table is written era by era: however many references there are, those that are
-- written together share the few pages of the current era. To look one up is to ask every era.
CREATE TABLE refs (
    era      INTEGER NOT NULL,
    ref      INTEGER NOT NULL,
    pointer  ANY     NOT NULL,
    PRIMARY KEY (era, ref, pointer)
) STRICT, WITHOUT ROWID;

-- What exported spans have settled about an item's place, whether or not it was ever seen.
CREATE TABLE pins (
    key     TEXT NOT NULL PRIMARY KEY,
    root    TEXT NOT NULL,
    parent  TEXT
) WITHOUT ROWID;

-- Spans on their way to a backend, as they will be sent.
CREATE TABLE outbox (
    id          INTEGER PRIMARY KEY,
    backend     TEXT    NOT NULL,
    attempts    INTEGER NOT NULL,
    source      TEXT    NOT NULL,
    key         TEXT    NOT NULL,
    episode     INTEGER NOT NULL,
    span_count  INTEGER NOT NULL,
    sealed_at   INTEGER NOT NULL,
    spans       BLOB    NOT NULL
);
CREATE INDEX outbox_next ON outbox (backend, attempts, id);

-- Spans that a backend will not take, until somebody deals with them.
CREATE TABLE rejected (
    id           INTEGER PRIMARY KEY,
    backend      TEXT    NOT NULL,
    source       TEXT    NOT NULL,
    key          TEXT    NOT NULL,
    episode      INTEGER NOT NULL,
    span_count   INTEGER NOT NULL,
    sealed_at    INTEGER NOT NULL,
    rejected_at  INTEGER NOT NULL,
    reason       TEXT    NOT NULL,
    spans        BLOB    NOT NULL
);

-- Deliveries that could not be understood, as they came.
CREATE TABLE quarantine (
    id           INTEGER PRIMARY KEY,
    source       TEXT    NOT NULL,
    received_at  INTEGER NOT NULL,
    reason       TEXT    NOT NULL,
    headers      TEXT    NOT NULL,
    body         BLOB    NOT NULL
);

-- Counts that would take a scan: "items", "due", "quarantined", "refs", "open:issue", "outbox:main",
-- "rejected:main" …
CREATE TABLE tallies (
    name  TEXT    NOT NULL PRIMARY KEY,
    n     INTEGER NOT NULL
) WITHOUT ROWID;
