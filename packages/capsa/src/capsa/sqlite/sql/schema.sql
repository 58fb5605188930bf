-- The engine's tables in SQLite: the state that the numbered migrations lead to.
--
-- The same tables and columns as in PostgreSQL, so that rows move both ways unchanged. Times are
-- integers, microseconds since 1970-01-01 UTC. Texts are kept in the reversible spelling of capsa.text.

CREATE TABLE capsa_records (
    -- Order of arrival. AUTOINCREMENT: a number must never be used twice, as caches go by it.
    seq             INTEGER PRIMARY KEY AUTOINCREMENT,
    owner           TEXT    NOT NULL CHECK (owner <> ''),
    collection      TEXT    NOT NULL,
    id              TEXT    NOT NULL,
    path            TEXT,
    session_id      TEXT,
    created_at      INTEGER NOT NULL,
    created_at_text TEXT,
    title           TEXT,
    text            TEXT    NOT NULL,
    context         TEXT,
    metadata        TEXT    NOT NULL,
    UNIQUE (owner, collection, id)
);

CREATE TABLE capsa_models (
    id         INTEGER PRIMARY KEY,
    name       TEXT    NOT NULL UNIQUE,
    dimensions INTEGER NOT NULL
);

CREATE TABLE capsa_embeddings (
    owner      TEXT    NOT NULL,
    collection TEXT    NOT NULL,
    model      INTEGER NOT NULL,
    seq        INTEGER NOT NULL,
    -- float32, little-endian, as many as the model has dimensions.
    vector     BLOB,
    -- Null, or what came in place of a vector that can be compared.
    raw        BLOB,
    PRIMARY KEY (owner, collection, model, seq)
);

-- The signs of each vector, one bit a dimension: what a search scans before it compares exactly.
CREATE TABLE capsa_codes (
    owner      TEXT    NOT NULL,
    collection TEXT    NOT NULL,
    model      INTEGER NOT NULL,
    seq        INTEGER NOT NULL,
    code       BLOB    NOT NULL,
    -- In order of arrival, so that a process can read what came since it last looked.
    PRIMARY KEY (owner, collection, model, seq)
) WITHOUT ROWID;

-- Counts removals of vectors, so that a process knows when its copy of the codes holds too many.
CREATE TABLE capsa_code_generations (
    -- sha256 of the owner: nobody is named who was erased.
    owner      TEXT    NOT NULL,
    collection TEXT    NOT NULL,
    generation INTEGER NOT NULL,
    PRIMARY KEY (owner, collection)
) WITHOUT ROWID;

-- The lexical index. A new record is one row in `pending`; folded later into a segment, whose postings are cut into
-- blocks; capsa/search/blocks.py has the layout.
CREATE TABLE capsa_lexical_pending (
    owner      TEXT    NOT NULL,
    collection TEXT    NOT NULL,
    seq        INTEGER NOT NULL,
    -- Number of words in the record.
    tokens     INTEGER NOT NULL,
    -- For n terms: n keys of eight bytes, and n bytes, how often each occurs.
    terms      BLOB    NOT NULL,
    PRIMARY KEY (owner, collection, seq)
) WITHOUT ROWID;

CREATE TABLE capsa_lexical_segments (
    owner      TEXT    NOT NULL,
    collection TEXT    NOT NULL,
    segment    INTEGER NOT NULL,
    first_seq  INTEGER NOT NULL,
    last_seq   INTEGER NOT NULL,
    records    INTEGER NOT NULL,
    tokens     INTEGER NOT NULL,
    blocks     INTEGER NOT NULL,
    -- The segment this one is merged into, and of such a one how many parts are made; null if it is whole.
    target     INTEGER,
    made       INTEGER,
    PRIMARY KEY (owner, collection, segment)
) WITHOUT ROWID;

CREATE TABLE capsa_lexical_blocks (
    owner      TEXT    NOT NULL,
    collection TEXT    NOT NULL,
    -- Segment, block and slot in one number.
    place      INTEGER NOT NULL,
    content    BLOB    NOT NULL,
    -- Not WITHOUT ROWID: kilobytes inside the index would make it much slower to look up.
    PRIMARY KEY (owner, collection, place)
);

-- The terms of each record that is in a segment; capsa/search/forward.py has the layout.
CREATE TABLE capsa_lexical_documents (
    owner      TEXT    NOT NULL,
    collection TEXT    NOT NULL,
    seq        INTEGER NOT NULL,
    -- Number of words in the record.
    tokens     INTEGER NOT NULL,
    terms      BLOB    NOT NULL,
    PRIMARY KEY (owner, collection, seq)
);

CREATE TABLE capsa_transfers (
    owner      TEXT    NOT NULL,
    transfer   TEXT    NOT NULL,
    started_at INTEGER NOT NULL,
    state      TEXT    NOT NULL,
    source     TEXT    NOT NULL,
    PRIMARY KEY (owner, transfer)
);

CREATE TABLE capsa_transfer_ranges (
    owner     TEXT    NOT NULL,
    transfer  TEXT    NOT NULL,
    part      TEXT    NOT NULL,
    ordinal   INTEGER NOT NULL,
    -- Empty once the transfer is through.
    first_key TEXT    NOT NULL,
    last_key  TEXT    NOT NULL,
    records   INTEGER,
    -- JSON: what became of the rows (capsa.transfer.ledger.Tally).
    detail    TEXT,
    -- Whether the lexical index has them.
    indexed   INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (owner, transfer, part, ordinal)
);

CREATE TABLE capsa_quarantine (
    owner      TEXT    NOT NULL,
    transfer   TEXT    NOT NULL,
    part       TEXT    NOT NULL,
    source_key TEXT    NOT NULL,
    reason     TEXT    NOT NULL,
    content    BLOB    NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (owner, transfer, part, source_key)
);

-- With the path, so that a filter by path or time reads no texts.
CREATE INDEX capsa_records_recent ON capsa_records (owner, collection, created_at, seq, path);
CREATE INDEX capsa_records_session ON capsa_records (owner, collection, session_id, created_at)
    WHERE session_id IS NOT NULL;
