-- What hosting many people needs, in PostgreSQL: the state that the numbered migrations lead to.
--
-- Every table has an owner, so that no statement of a request needs more rights than one person has. The owner is the
-- person; of a login it is the login itself, for whoever signs in is nobody yet; of what belongs to nobody it is the
-- house, `@house`, which no person can be.

-- What a person types to sign in, and whom it means.
CREATE TABLE logins (
    -- Normalised: case-folded, NFKC, without spaces at the ends, and with `login:` before it.
    login           text        NOT NULL,
    user_id         text        NOT NULL,
    -- Wrong passwords in a row.
    failures        bigint      NOT NULL DEFAULT 0,
    -- Until when no password is looked at; null: now.
    locked_until    timestamptz,
    PRIMARY KEY (login)
);

CREATE TABLE accounts (
    user_id         text        NOT NULL,
    -- As it was typed; null where another service signs people in.
    login           text,
    -- argon2id, in the encoding of its reference implementation; null likewise.
    password_hash   text,
    -- 'local', 'supabase' or 'single' (the one person of a development server).
    provider        text        NOT NULL,
    created_at      timestamptz NOT NULL,
    -- When they said that they are 18 or older and accept the terms; null: not yet.
    adult_at        timestamptz,
    PRIMARY KEY (user_id),
    FOREIGN KEY (user_id) REFERENCES users (id)
);

-- Each lets a person in once who has lost the password.
CREATE TABLE recovery_codes (
    user_id         text        NOT NULL,
    -- sha256 of the code, which is random enough to need no slower one.
    code_hash       text        NOT NULL,
    created_at      timestamptz NOT NULL,
    PRIMARY KEY (user_id, code_hash)
);

-- A browser that is signed in.
CREATE TABLE sign_ins (
    user_id         text        NOT NULL,
    id              text        NOT NULL,
    -- sha256 of what the cookie holds; it changes while it is used.
    secret_hash     text        NOT NULL,
    -- The one before, which requests under way may still bring.
    previous_hash   text,
    created_at      timestamptz NOT NULL,
    rotated_at      timestamptz NOT NULL,
    -- When the present one was first brought; null: not yet, and the one before is as good.
    confirmed_at    timestamptz,
    seen_at         timestamptz NOT NULL,
    -- Browser and system in a few words, for the person to recognise it.
    browser         text        NOT NULL DEFAULT '',
    PRIMARY KEY (user_id, id),
    FOREIGN KEY (user_id) REFERENCES users (id)
);

-- What a person used of what is limited, a day.
CREATE TABLE usage (
    user_id         text        NOT NULL,
    -- ISO, in UTC.
    day             text        NOT NULL,
    -- Replies that a model was asked for.
    replies         bigint      NOT NULL DEFAULT 0,
    PRIMARY KEY (user_id, day)
);

-- Files that were handed in and wait to be read, or were.
CREATE TABLE uploads (
    user_id         text        NOT NULL,
    id              text        NOT NULL,
    -- 'journal', or 'texts' for the library.
    kind            text        NOT NULL,
    -- The file's name, as the browser gave it.
    name            text        NOT NULL,
    -- JSON: what else the import was told, such as the author.
    about           text        NOT NULL DEFAULT '{}',
    size            bigint      NOT NULL,
    -- 'receiving', 'waiting', 'working', 'done' or 'failed'.
    state           text        NOT NULL DEFAULT 'receiving',
    done            bigint      NOT NULL DEFAULT 0,
    total           bigint      NOT NULL DEFAULT 0,
    -- JSON, or what went wrong.
    report          text,
    created_at      timestamptz NOT NULL,
    finished_at     timestamptz,
    PRIMARY KEY (user_id, id),
    FOREIGN KEY (user_id) REFERENCES users (id)
);

-- What was handed in, in pieces as it came, so that no process ever holds all of it; gone once it was read.
CREATE TABLE upload_parts (
    user_id         text        NOT NULL,
    upload_id       text        NOT NULL,
    -- 1, 2, 3 …
    part            bigint      NOT NULL,
    content         bytea       NOT NULL,
    PRIMARY KEY (user_id, upload_id, part),
    FOREIGN KEY (user_id, upload_id) REFERENCES uploads (user_id, id)
);

-- People for whom something is to be done off their path: an analysis, a summary, an import, a portrait.
CREATE TABLE waiting (
    -- Always the house.
    keeper          text        NOT NULL,
    user_id         text        NOT NULL,
    -- 'reflect', 'past', 'upload' or 'portrait'; of the house itself, 'scrub'.
    task            text        NOT NULL,
    since           timestamptz NOT NULL,
    -- Until when a process has taken it on; null: nobody has.
    taken           timestamptz,
    -- How often it failed, and when to try again.
    failures        bigint      NOT NULL DEFAULT 0,
    due             timestamptz NOT NULL,
    PRIMARY KEY (keeper, user_id, task)
);

-- How much happened, a day, nothing about anybody: for whoever keeps the house.
CREATE TABLE tallies (
    -- Always the house.
    keeper          text        NOT NULL,
    -- ISO, in UTC.
    day             text        NOT NULL,
    -- 'replies', 'accounts', 'erasures', 'failures' …
    what            text        NOT NULL,
    count           bigint      NOT NULL,
    PRIMARY KEY (keeper, day, what)
);

CREATE INDEX sign_ins_seen ON sign_ins (user_id, seen_at);
CREATE INDEX uploads_recent ON uploads (user_id, created_at);
CREATE INDEX waiting_due ON waiting (keeper, due);
