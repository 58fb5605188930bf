-- Stoic Emperor's tables in PostgreSQL: the state that the numbered migrations lead to.
--
-- The owner of a row is its user (`users.id`, elsewhere `user_id`) and leads every key, so the tables can be
-- distributed by it. Names and columns are those of the migration guide, whose own script can fill them.
-- JSON is kept as its text; `original` is a JSON object of what an imported row spelled otherwise, by column.

CREATE TABLE users (
    id         text        NOT NULL CHECK (id <> ''),
    name       text,
    created_at timestamptz NOT NULL,
    -- When the user agreed that what they write may be analysed; null: no, or no longer.
    consent_at timestamptz,
    -- When the question of consent was answered, either way; null: it has not been asked.
    asked_at   timestamptz,
    -- Since when nothing new is remembered; null: remembering.
    paused_at  timestamptz,
    -- ISO 3166-1 alpha-2, for the resources shown in a crisis.
    country    text,
    original   text,
    PRIMARY KEY (id)
);

CREATE TABLE sessions (
    user_id    text        NOT NULL,
    id         text        NOT NULL,
    created_at timestamptz NOT NULL,
    title      text,
    metadata   text        NOT NULL DEFAULT '{}',
    original   text,
    PRIMARY KEY (user_id, id),
    FOREIGN KEY (user_id) REFERENCES users (id)
);

CREATE TABLE messages (
    user_id               text        NOT NULL,
    id                    text        NOT NULL,
    session_id            text        NOT NULL,
    -- Order of arrival; times of old programs may be equal.
    seq                   bigint      NOT NULL DEFAULT nextval('capsa_sequence'),
    -- 'user' or 'emperor'; old files may have others.
    role                  text        NOT NULL,
    content               text        NOT NULL,
    -- 'complete', 'streaming' (a reply under way, or cut off by a crash), 'stopped' or 'failed'.
    status                text        NOT NULL DEFAULT 'complete',
    -- JSON, the analysis of the turn that this reply ended.
    psych_update          text,
    -- Of a reply under way, when it was last kept: somebody gives it, or it is old.
    created_at            timestamptz NOT NULL,
    -- When the turn that this reply ended was analysed; null: it waits to be.
    semantic_processed_at timestamptz,
    -- The summary that stands for this message; null: none does yet.
    condensed_into        text,
    original              text,
    PRIMARY KEY (user_id, id),
    FOREIGN KEY (user_id, session_id) REFERENCES sessions (user_id, id)
);

CREATE TABLE semantic_insights (
    user_id           text             NOT NULL,
    id                text             NOT NULL,
    -- The message it was taken from; forgetting the message forgets the insight.
    source_message_id text,
    assertion         text             NOT NULL,
    -- 0 to 1.
    confidence        double precision NOT NULL,
    created_at        timestamptz      NOT NULL,
    -- When the user reworded it; null: as the analysis wrote it.
    edited_at         timestamptz,
    original          text,
    PRIMARY KEY (user_id, id),
    FOREIGN KEY (user_id) REFERENCES users (id)
);

CREATE TABLE condensed_summaries (
    user_id              text        NOT NULL,
    id                   text        NOT NULL,
    -- 1: of messages; n+1: of summaries of level n.
    level                bigint      NOT NULL,
    content              text        NOT NULL,
    period_start         timestamptz NOT NULL,
    period_end           timestamptz NOT NULL,
    source_message_count bigint      NOT NULL,
    source_word_count    bigint      NOT NULL,
    -- JSON, a list of ids.
    source_summary_ids   text        NOT NULL DEFAULT '[]',
    -- JSON.
    consensus_log        text,
    created_at           timestamptz NOT NULL,
    -- The summary of the next level that stands for this one; null: none does yet.
    condensed_into       text,
    original             text,
    PRIMARY KEY (user_id, id),
    FOREIGN KEY (user_id) REFERENCES users (id)
);

CREATE TABLE profiles (
    user_id       text        NOT NULL,
    id            text        NOT NULL,
    -- 1, 2, 3 … of each user.
    version       bigint      NOT NULL,
    content       text        NOT NULL,
    -- JSON: who wrote, who agreed, where not.
    consensus_log text,
    created_at    timestamptz NOT NULL,
    original      text,
    PRIMARY KEY (user_id, id),
    FOREIGN KEY (user_id) REFERENCES users (id)
);

-- What was erased stays erased: a hash of each thing's id, so that no older file or copy brings it back.
CREATE TABLE erased (
    -- The person; of a person who is gone the house, `@house`.
    user_id text NOT NULL,
    -- The table or collection that it was in.
    kind    text NOT NULL,
    -- sha256 of its id; of a person with the time.
    mark    text NOT NULL,
    PRIMARY KEY (user_id, kind, mark)
);

-- What a past was brought from. Goes along when the memory moves on.
CREATE TABLE origins (
    -- The house: it may be many people's past.
    keeper     text        NOT NULL,
    id         text        NOT NULL,
    -- The path of a file or folder, or a URL without a password.
    location   text        NOT NULL,
    brought_at timestamptz NOT NULL,
    -- The zone that times without one were read in; null: it had none.
    zone       text,
    -- Rows that were put aside, or kept out by others in their place.
    left_out   bigint      NOT NULL,
    PRIMARY KEY (keeper, id)
);

-- How often help was shown: a day, what for, nothing about anybody.
CREATE TABLE referrals (
    id       text NOT NULL PRIMARY KEY,
    day      text NOT NULL,
    category text NOT NULL,
    level    text NOT NULL
);

-- The planner needs no statistics of these, which would keep words that are erased.
ALTER TABLE users
    ALTER COLUMN name SET STATISTICS 0,
    ALTER COLUMN original SET STATISTICS 0;
ALTER TABLE sessions
    ALTER COLUMN title SET STATISTICS 0,
    ALTER COLUMN metadata SET STATISTICS 0,
    ALTER COLUMN original SET STATISTICS 0;
ALTER TABLE messages
    ALTER COLUMN content SET STATISTICS 0,
    ALTER COLUMN psych_update SET STATISTICS 0,
    ALTER COLUMN original SET STATISTICS 0;
ALTER TABLE semantic_insights
    ALTER COLUMN assertion SET STATISTICS 0,
    ALTER COLUMN original SET STATISTICS 0;
ALTER TABLE condensed_summaries
    ALTER COLUMN content SET STATISTICS 0,
    ALTER COLUMN source_summary_ids SET STATISTICS 0,
    ALTER COLUMN consensus_log SET STATISTICS 0,
    ALTER COLUMN original SET STATISTICS 0;
ALTER TABLE profiles
    ALTER COLUMN content SET STATISTICS 0,
    ALTER COLUMN consensus_log SET STATISTICS 0,
    ALTER COLUMN original SET STATISTICS 0;

-- The guide's own script knows no owner in messages: it is that of the session.
CREATE FUNCTION stoic_owner_of_message() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
    SELECT s.user_id INTO NEW.user_id FROM sessions s WHERE s.id = NEW.session_id;
    RETURN NEW;
END
$body$;

CREATE TRIGGER stoic_owner_of_message BEFORE INSERT ON messages
    FOR EACH ROW WHEN (NEW.user_id IS NULL) EXECUTE FUNCTION stoic_owner_of_message();

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
