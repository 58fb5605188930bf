-- The recall index: what a cold hook reads (afterimage.hook.recall). Made from the memory and nothing else; whoever
-- deletes it loses nothing, the next sync makes it anew. `PRAGMA user_version` is the version of this form.

CREATE TABLE entry (
    -- The order of arrival in the memory.
    e            INTEGER PRIMARY KEY,
    id           TEXT    NOT NULL,
    path         TEXT    NOT NULL,
    project      TEXT    NOT NULL,
    project_name TEXT    NOT NULL,
    session      TEXT    NOT NULL,
    branch       TEXT    NOT NULL,
    -- Microseconds since 1970-01-01 UTC.
    at           INTEGER NOT NULL,
    -- How many marks of runs of lines it has, and the mark of all of it (0: nothing to recognise).
    grams        INTEGER NOT NULL,
    whole        INTEGER NOT NULL,
    title        TEXT    NOT NULL,
    -- Who wrote it, and where its file is in the project, seen from its root; empty if that was not noted.
    author       TEXT    NOT NULL,
    inside       TEXT    NOT NULL,
    -- write, edit, move, delete or note; empty if that was not noted.
    change       TEXT    NOT NULL
);

-- Beside the entries, so that looking at those does not read it.
CREATE TABLE code (
    e    INTEGER PRIMARY KEY,
    text TEXT NOT NULL
);

-- The lines of that code which later writes of the same file changed, as `3-9 14-14`, counted from 0.
CREATE TABLE replaced (
    e     INTEGER PRIMARY KEY,
    lines TEXT NOT NULL
);

-- What code is recognised by (afterimage.hook.fingerprints), in one table: a look-up is one step, and a row some
-- twelve bytes.
CREATE TABLE mark (
    h INTEGER NOT NULL,
    e INTEGER NOT NULL,
    PRIMARY KEY (h, e)
) WITHOUT ROWID;

-- What an entry is about: its file, project and definitions. By its own time, as what arrives last need not be what was
-- written last: transcripts of last month are taken in today.
CREATE TABLE about (
    h  INTEGER NOT NULL,
    at INTEGER NOT NULL,
    e  INTEGER NOT NULL,
    PRIMARY KEY (h, at, e)
) WITHOUT ROWID;

-- In which checkouts a project was written in, and at which commits: what tells whose memory a checkout is given
-- (afterimage.hook.belonging).
CREATE TABLE checkout (
    checkout TEXT NOT NULL,
    project  TEXT NOT NULL,
    PRIMARY KEY (checkout, project)
) WITHOUT ROWID;

CREATE TABLE base (
    project TEXT NOT NULL,
    commit_ TEXT NOT NULL,
    at      INTEGER NOT NULL,
    PRIMARY KEY (project, commit_)
) WITHOUT ROWID;

-- What is to be said about a file when it is written next, until that moment (microseconds): a line a file.
CREATE TABLE note (
    h     INTEGER PRIMARY KEY,
    line  TEXT    NOT NULL,
    until INTEGER NOT NULL
);

CREATE TABLE state (
    -- One row.
    id       INTEGER PRIMARY KEY CHECK (id = 1),
    -- Which memory this was made from, without its password, and up to which arrival.
    memory   TEXT    NOT NULL,
    cursor   INTEGER NOT NULL,
    -- Up to which arrival it was looked at what there is to note, and which lines of earlier versions were replaced.
    noted    INTEGER NOT NULL,
    compared INTEGER NOT NULL
);
