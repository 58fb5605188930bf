-- The engine's tables in PostgreSQL: the state that the numbered migrations lead to.
--
-- The owner leads every key, so the tables can be distributed by it. Texts are kept in the
-- reversible spelling of capsa.text (PostgreSQL's text cannot hold NUL).

CREATE SEQUENCE capsa_sequence;

CREATE TABLE capsa_records (
    owner           text        NOT NULL CHECK (owner <> ''),
    collection      text        NOT NULL,
    id              text        NOT NULL,
    -- Order of arrival, never reused; what the lexical index and the vectors refer to.
    seq             bigint      NOT NULL DEFAULT nextval('capsa_sequence'),
    title           text,
    text            text        NOT NULL,
    context         text,
    path            text,
    session_id      text,
    created_at      timestamptz NOT NULL,
    -- The original spelling of an imported time, where it is not the canonical one.
    created_at_text text,
    -- JSON, kept as its text: jsonb would reorder keys and reject what SQLite holds.
    metadata        text        NOT NULL,
    PRIMARY KEY (owner, collection, id)
);
-- The planner needs no statistics of these, which would keep words of records that are erased.
ALTER TABLE capsa_records
    ALTER COLUMN title SET STATISTICS 0,
    ALTER COLUMN text SET STATISTICS 0,
    ALTER COLUMN context SET STATISTICS 0,
    ALTER COLUMN path SET STATISTICS 0,
    ALTER COLUMN created_at_text SET STATISTICS 0,
    ALTER COLUMN metadata SET STATISTICS 0;

-- One row a model; dimensions are part of its identity. Holds nothing of any user.
CREATE TABLE capsa_models (
    id         integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name       text    NOT NULL UNIQUE,
    dimensions integer NOT NULL
);

CREATE TABLE capsa_embeddings (
    owner      text    NOT NULL,
    collection text    NOT NULL,
    model      integer NOT NULL,
    seq        bigint  NOT NULL,
    -- Null where pgvector cannot hold it (NaN, infinity, a length no model has): then raw has it.
    vector     vector,
    raw        bytea,
    PRIMARY KEY (owner, collection, model, seq)
);
-- In the row while it fits a page: an exact scan reads it three times as fast as from TOAST.
ALTER TABLE capsa_embeddings ALTER COLUMN vector SET STORAGE MAIN;

-- The lexical index. A new record is one row in `pending`; folded later into a segment, whose postings are cut into
-- blocks; capsa/search/blocks.py has the layout.
CREATE TABLE capsa_lexical_pending (
    owner      text   NOT NULL,
    collection text   NOT NULL,
    seq        bigint NOT NULL,
    -- Number of words in the record.
    tokens     bigint NOT NULL,
    -- For n terms: n keys of eight bytes, and n bytes, how often each occurs.
    terms      bytea  NOT NULL,
    PRIMARY KEY (owner, collection, seq)
);

CREATE TABLE capsa_lexical_segments (
    owner      text   NOT NULL,
    collection text   NOT NULL,
    segment    bigint NOT NULL,
    first_seq  bigint NOT NULL,
    last_seq   bigint NOT NULL,
    records    bigint NOT NULL,
    tokens     bigint NOT NULL,
    blocks     bigint NOT NULL,
    -- The segment this one is merged into, and of such a one how many parts are made; null if it is whole.
    target     bigint,
    made       bigint,
    PRIMARY KEY (owner, collection, segment)
);

CREATE TABLE capsa_lexical_blocks (
    owner      text   NOT NULL,
    collection text   NOT NULL,
    -- Segment, block and slot in one number.
    place      bigint NOT NULL,
    content    bytea  NOT NULL,
    PRIMARY KEY (owner, collection, place)
) WITH (toast_tuple_target = 8160);

-- The terms of each record that is in a segment; capsa/search/forward.py has the layout.
CREATE TABLE capsa_lexical_documents (
    owner      text   NOT NULL,
    collection text   NOT NULL,
    seq        bigint NOT NULL,
    -- Number of words in the record.
    tokens     bigint NOT NULL,
    terms      bytea  NOT NULL,
    PRIMARY KEY (owner, collection, seq)
) WITH (toast_tuple_target = 8160);
-- In the row while it fits a page, and uncompressed: it hardly compresses, and elsewhere it takes twice as long to read.
ALTER TABLE capsa_lexical_pending ALTER COLUMN terms SET STORAGE EXTERNAL;
ALTER TABLE capsa_lexical_documents ALTER COLUMN terms SET STORAGE EXTERNAL;
ALTER TABLE capsa_lexical_blocks ALTER COLUMN content SET STORAGE EXTERNAL;

-- Transfers into this database: what was planned, what is done. A row a range is committed
-- together with the rows of the range.
CREATE TABLE capsa_transfers (
    owner      text        NOT NULL,
    transfer   text        NOT NULL,
    started_at timestamptz NOT NULL,
    state      text        NOT NULL,
    -- JSON: where from, which layout, which zone naive times were read in.
    source     text        NOT NULL,
    PRIMARY KEY (owner, transfer)
);

CREATE TABLE capsa_transfer_ranges (
    owner     text    NOT NULL,
    transfer  text    NOT NULL,
    part      text    NOT NULL,
    ordinal   integer NOT NULL,
    -- Empty once the transfer is through.
    first_key text    NOT NULL,
    last_key  text    NOT NULL,
    -- Null until the range is committed.
    records   bigint,
    -- JSON: what became of the rows (capsa.transfer.ledger.Tally).
    detail    text,
    -- Whether the lexical index has them.
    indexed   boolean NOT NULL DEFAULT false,
    PRIMARY KEY (owner, transfer, part, ordinal)
);

-- Rows of a source that this database cannot hold, byte for byte, with the reason.
CREATE TABLE capsa_quarantine (
    owner      text        NOT NULL,
    transfer   text        NOT NULL,
    part       text        NOT NULL,
    source_key text        NOT NULL,
    reason     text        NOT NULL,
    content    bytea       NOT NULL,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (owner, transfer, part, source_key)
);
ALTER TABLE capsa_quarantine
    ALTER COLUMN reason SET STATISTICS 0,
    ALTER COLUMN content SET STATISTICS 0;

CREATE UNIQUE INDEX capsa_records_seq ON capsa_records (owner, seq);
CREATE INDEX capsa_records_recent ON capsa_records (owner, collection, created_at, seq);
CREATE INDEX capsa_records_session ON capsa_records (owner, collection, session_id, created_at)
    WHERE session_id IS NOT NULL;
