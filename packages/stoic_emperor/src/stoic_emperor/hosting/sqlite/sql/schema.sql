-- What hosting many people needs, in SQLite: the state that the numbered migrations lead to.
--
-- The same tables and columns as in PostgreSQL; times are integers, microseconds since 1970-01-01 UTC.
-- Every table has an owner, so that no statement of a request needs more rights than one person has. The owner is the
-- person; of a login it is the login itself, for whoever signs in is nobody yet; of what belongs to nobody it is the
-- house, `@house`, which no person can be.

-- What a person types to sign in, and whom it means.
CREATE TABLE logins (
    -- Normalised: case-folded, NFKC, without spaces at the ends, and with `login:` before it.
    login           TEXT    NOT NULL,
    user_id         TEXT    NOT NULL,
    -- Wrong passwords in a row.
    failures        INTEGER NOT NULL DEFAULT 0,
    -- Until when no password is looked at; null: now.
    locked_until    INTEGER,
    PRIMARY KEY (login)
);

CREATE TABLE accounts (
    user_id         TEXT    NOT NULL,
    -- As it was typed; null where another service signs people in.
    login           TEXT,
    -- argon2id, in the encoding of its reference implementation; null likewise.
    password_hash   TEXT,
    -- 'local', 'supabase' or 'single' (the one person of a development server).
    provider        TEXT    NOT NULL,
    created_at      INTEGER NOT NULL,
    -- When they said that they are 18 or older and accept the terms; null: not yet.
    adult_at        INTEGER,
    PRIMARY KEY (user_id),
    FOREIGN KEY (user_id) REFERENCES users (id)
);

-- Each lets a person in once who has lost the password.
CREATE TABLE recovery_codes (
    user_id         TEXT    NOT NULL,
    -- sha256 of the code, which is random enough to need no slower one.
    code_hash       TEXT    NOT NULL,
    created_at      INTEGER NOT NULL,
    PRIMARY KEY (user_id, code_hash)
);

-- A browser that is signed in.
CREATE TABLE sign_ins (
    user_id         TEXT    NOT NULL,
    id              TEXT    NOT NULL,
    -- sha256 of what the cookie holds; it changes while it is used.
    secret_hash     TEXT    NOT NULL,
    -- The one before, which requests under way may still bring.
    previous_hash   TEXT,
    created_at      INTEGER NOT NULL,
    rotated_at      INTEGER NOT NULL,
    -- When the present one was first brought; null: not yet, and the one before is as good.
    confirmed_at    INTEGER,
    seen_at         INTEGER NOT NULL,
    -- Browser and system in a few words, for the person to recognise it.
    browser         TEXT    NOT NULL DEFAULT '',
    PRIMARY KEY (user_id, id),
    FOREIGN KEY (user_id) REFERENCES users (id)
);

-- What a person used of what is limited, a day.
CREATE TABLE usage (
    user_id         TEXT    NOT NULL,
    -- ISO, in UTC.
    day             TEXT    NOT NULL,
    -- Replies that a model was asked for.
    replies         INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (user_id, day)
);

-- Files that were handed in and wait to be read, or were.
CREATE TABLE uploads (
    user_id         TEXT    NOT NULL,
    id              TEXT    NOT NULL,
    -- 'journal', or 'texts' for the library.
    kind            TEXT    NOT NULL,
    -- The file's name, as the browser gave it.
    name            TEXT    NOT NULL,
    -- JSON: what else the import was told, such as the author.
    about           TEXT    NOT NULL DEFAULT '{}',
    size            INTEGER NOT NULL,
    -- 'receiving', 'waiting', 'working', 'done' or 'failed'.
    state           TEXT    NOT NULL DEFAULT 'receiving',
    done            INTEGER NOT NULL DEFAULT 0,
    total           INTEGER NOT NULL DEFAULT 0,
    -- JSON, or what went wrong.
    report          TEXT,
    created_at      INTEGER NOT NULL,
    finished_at     INTEGER,
    PRIMARY KEY (user_id, id),
    FOREIGN KEY (user_id) REFERENCES users (id)
);

-- What was handed in, in pieces as it came, so that no process ever holds all of it; gone once it was read.
CREATE TABLE upload_parts (
    user_id         TEXT    NOT NULL,
    upload_id       TEXT    NOT NULL,
    -- 1, 2, 3 …
    part            INTEGER NOT NULL,
    content         BLOB    NOT NULL,
    PRIMARY KEY (user_id, upload_id, part),
    FOREIGN KEY (user_id, upload_id) REFERENCES uploads (user_id, id)
);

-- People for whom something is to be done off their path: an analysis, a summary, an import, a portrait.
CREATE TABLE waiting (
    -- Always the house.
    keeper          TEXT    NOT NULL,
    user_id         TEXT    NOT NULL,
    -- 'reflect', 'past', 'upload' or 'portrait'; of the house itself, 'scrub'.
    task            TEXT    NOT NULL,
    since           INTEGER NOT NULL,
    -- Until when a process has taken it on; null: nobody has.
    taken           INTEGER,
    -- How often it failed, and when to try again.
    failures        INTEGER NOT NULL DEFAULT 0,
    due             INTEGER NOT NULL,
    PRIMARY KEY (keeper, user_id, task)
);

-- How much happened, a day, nothing about anybody: for whoever keeps the house.
CREATE TABLE tallies (
    -- Always the house.
    keeper          TEXT    NOT NULL,
    -- ISO, in UTC.
    day             TEXT    NOT NULL,
    -- 'replies', 'accounts', 'erasures', 'failures' …
    what            TEXT    NOT NULL,
    count           INTEGER NOT NULL,
    PRIMARY KEY (keeper, day, what)
);

CREATE INDEX sign_ins_seen ON sign_ins (user_id, seen_at);
CREATE INDEX uploads_recent ON uploads (user_id, created_at);
CREATE INDEX waiting_due ON waiting (keeper, due);
