-- Stoic Emperor's tables in SQLite: the state that the numbered migrations lead to.
--
-- The owner of a row is its user (`users.id`, elsewhere `user_id`) and leads every key, as in
-- PostgreSQL, and the same tables and columns as in PostgreSQL, so that rows move both ways unchanged.
-- Times are integers, microseconds since 1970-01-01 UTC.
-- JSON is kept as its text; `original` is a JSON object of what an imported row spelled otherwise, by column.

CREATE TABLE users (
    id         TEXT        NOT NULL CHECK (id <> ''),
    name       TEXT,
    created_at INTEGER     NOT NULL,
    -- When the user agreed that what they write may be analysed; null: no, or no longer.
    consent_at INTEGER,
    -- When the question of consent was answered, either way; null: it has not been asked.
    asked_at   INTEGER,
    -- Since when nothing new is remembered; null: remembering.
    paused_at  INTEGER,
    -- ISO 3166-1 alpha-2, for the resources shown in a crisis.
    country    TEXT,
    original   TEXT,
    PRIMARY KEY (id)
);

CREATE TABLE sessions (
    user_id    TEXT        NOT NULL,
    id         TEXT        NOT NULL,
    created_at INTEGER     NOT NULL,
    title      TEXT,
    metadata   TEXT        NOT NULL DEFAULT '{}',
    original   TEXT,
    PRIMARY KEY (user_id, id),
    FOREIGN KEY (user_id) REFERENCES users (id)
);

CREATE TABLE messages (
    -- Order of arrival; times of old programs may be equal.
    seq                   INTEGER PRIMARY KEY AUTOINCREMENT,
    user_id               TEXT        NOT NULL,
    id                    TEXT        NOT NULL,
    session_id            TEXT        NOT NULL,
    -- 'user' or 'emperor'; old files may have others.
    role                  TEXT        NOT NULL,
    content               TEXT        NOT NULL,
    -- 'complete', 'streaming' (a reply under way, or cut off by a crash), 'stopped' or 'failed'.
    status                TEXT        NOT NULL DEFAULT 'complete',
    -- JSON, the analysis of the turn that this reply ended.
    psych_update          TEXT,
    -- Of a reply under way, when it was last kept: somebody gives it, or it is old.
    created_at            INTEGER     NOT NULL,
    -- When the turn that this reply ended was analysed; null: it waits to be.
    semantic_processed_at INTEGER,
    -- The summary that stands for this message; null: none does yet.
    condensed_into        TEXT,
    original              TEXT,
    UNIQUE (user_id, id),
    FOREIGN KEY (user_id, session_id) REFERENCES sessions (user_id, id)
);

CREATE TABLE semantic_insights (
    user_id           TEXT             NOT NULL,
    id                TEXT             NOT NULL,
    -- The message it was taken from; forgetting the message forgets the insight.
    source_message_id TEXT,
    assertion         TEXT             NOT NULL,
    -- 0 to 1.
    confidence        REAL             NOT NULL,
    created_at        INTEGER          NOT NULL,
    -- When the user reworded it; null: as the analysis wrote it.
    edited_at         INTEGER,
    original          TEXT,
    PRIMARY KEY (user_id, id),
    FOREIGN KEY (user_id) REFERENCES users (id)
);

CREATE TABLE condensed_summaries (
    user_id              TEXT        NOT NULL,
    id                   TEXT        NOT NULL,
    -- 1: of messages; n+1: of summaries of level n.
    level                INTEGER     NOT NULL,
    content              TEXT        NOT NULL,
    period_start         INTEGER     NOT NULL,
    period_end           INTEGER     NOT NULL,
    source_message_count INTEGER     NOT NULL,
    source_word_count    INTEGER     NOT NULL,
    -- JSON, a list of ids.
    source_summary_ids   TEXT        NOT NULL DEFAULT '[]',
    -- JSON.
    consensus_log        TEXT,
    created_at           INTEGER     NOT NULL,
    -- The summary of the next level that stands for this one; null: none does yet.
    condensed_into       TEXT,
    original             TEXT,
    PRIMARY KEY (user_id, id),
    FOREIGN KEY (user_id) REFERENCES users (id)
);

CREATE TABLE profiles (
    user_id       TEXT        NOT NULL,
    id            TEXT        NOT NULL,
    -- 1, 2, 3 … of each user.
    version       INTEGER     NOT NULL,
    content       TEXT        NOT NULL,
    -- JSON: who wrote, who agreed, where not.
    consensus_log TEXT,
    created_at    INTEGER     NOT NULL,
    original      TEXT,
    PRIMARY KEY (user_id, id),
    FOREIGN KEY (user_id) REFERENCES users (id)
);

-- What was erased stays erased: a hash of each thing's id, so that no older file or copy brings it back.
CREATE TABLE erased (
    -- The person; of a person who is gone the house, `@house`.
    user_id TEXT NOT NULL,
    -- The table or collection that it was in.
    kind    TEXT NOT NULL,
    -- sha256 of its id; of a person with the time.
    mark    TEXT NOT NULL,
    PRIMARY KEY (user_id, kind, mark)
);

-- What a past was brought from. Goes along when the memory moves on.
CREATE TABLE origins (
    -- The house: it may be many people's past.
    keeper     TEXT    NOT NULL,
    id         TEXT    NOT NULL,
    -- The path of a file or folder, or a URL without a password.
    location   TEXT    NOT NULL,
    brought_at INTEGER NOT NULL,
    -- The zone that times without one were read in; null: it had none.
    zone       TEXT,
    -- Rows that were put aside, or kept out by others in their place.
    left_out   INTEGER NOT NULL,
    PRIMARY KEY (keeper, id)
);

-- How often help was shown: a day, what for, nothing about anybody.
CREATE TABLE referrals (
    id       TEXT NOT NULL PRIMARY KEY,
    day      TEXT NOT NULL,
    category TEXT NOT NULL,
    level    TEXT NOT NULL
);

CREATE INDEX messages_of_session ON messages (user_id, session_id, seq);
CREATE INDEX messages_recent ON messages (user_id, seq);
CREATE INDEX messages_unprocessed ON messages (user_id, seq) WHERE semantic_processed_at IS NULL AND role = 'emperor';
CREATE INDEX messages_uncondensed ON messages (user_id, seq) WHERE condensed_into IS NULL;
CREATE INDEX messages_by_summary ON messages (user_id, condensed_into) WHERE condensed_into IS NOT NULL;
CREATE INDEX sessions_by_id ON sessions (id);
CREATE INDEX sessions_recent ON sessions (user_id, created_at);
CREATE INDEX insights_recent ON semantic_insights (user_id, created_at);
CREATE INDEX insights_by_source ON semantic_insights (user_id, source_message_id);
CREATE INDEX summaries_by_level ON condensed_summaries (user_id, level, period_start);
CREATE INDEX summaries_newest ON condensed_summaries (user_id, period_start, level, id) WHERE condensed_into IS NULL;
CREATE INDEX profiles_by_version ON profiles (user_id, version);
