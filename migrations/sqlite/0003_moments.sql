-- Where items stand on the lines of time that they belong to: the successful deploys of a service to an
-- environment, the merges of a repository. The line is hashed. An item that has moved since leaves its
-- old moment behind; whoever reads one asks the item where it stands now.
CREATE TABLE moments (
    line  INTEGER NOT NULL,
    -- Microseconds.
    at    INTEGER NOT NULL,
    item  INTEGER NOT NULL,
    PRIMARY KEY (line, at, item)
) WITHOUT ROWID;
