-- What was erased, and where a past came from, go along with the memory.

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

INSERT INTO origins (keeper, id, location, brought_at, zone, left_out)
SELECT t.owner, t.transfer, t.source::json ->> 'location', t.started_at, t.source::json ->> 'zone',
    (SELECT count(*) FROM capsa_quarantine q WHERE q.owner = t.owner AND q.transfer = t.transfer)
    + (SELECT coalesce(sum((r.detail::json ->> 'conflicts')::bigint), 0) FROM capsa_transfer_ranges r
        WHERE r.owner = t.owner AND r.transfer = t.transfer)
FROM capsa_transfers t WHERE t.state = 'done' AND t.owner = '@house';

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
