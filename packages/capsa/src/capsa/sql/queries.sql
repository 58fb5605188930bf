-- The engine's statements that are the same in every dialect; the others stand in the dialects' own folders.

-- name: add_record
INSERT INTO capsa_records
    (owner, collection, id, seq, title, text, context, path, session_id, created_at, created_at_text, metadata)
VALUES
    (:owner, :collection, :id, :seq, :title, :text, :context, :path, :session_id, :created_at, :created_at_text,
     :metadata)

-- name: records_recent
SELECT seq, id, title, text, context, path, session_id, created_at, created_at_text, metadata
FROM capsa_records
WHERE owner = :owner AND collection = :collection /* filter */
ORDER BY created_at DESC, seq DESC
LIMIT :limit

-- name: ids
-- In order of arrival.
SELECT id FROM capsa_records
WHERE owner = :owner AND collection = :collection /* filter */
ORDER BY seq

-- name: seqs_matching
-- The records a filter lets through, ascending, at most :limit.
SELECT seq FROM capsa_records
WHERE owner = :owner AND collection = :collection /* filter */
ORDER BY seq
LIMIT :limit

-- name: count_records
SELECT count(*) FROM capsa_records WHERE owner = :owner AND collection = :collection /* filter */

-- name: statistics
SELECT count(*), count(DISTINCT path), count(DISTINCT session_id), min(created_at), max(created_at)
FROM capsa_records WHERE owner = :owner AND collection = :collection

-- name: statistics_embeddings
SELECT m.name, count(*)
FROM capsa_embeddings e JOIN capsa_models m ON m.id = e.model
WHERE e.owner = :owner AND e.collection = :collection
GROUP BY m.name ORDER BY m.name

-- name: clear_records
DELETE FROM capsa_records WHERE owner = :owner AND collection = :collection

-- name: filter_session
session_id = :filter_session

-- name: filter_since
created_at >= :filter_since

-- name: filter_until
created_at < :filter_until

-- name: model_by_name
SELECT id, dimensions FROM capsa_models WHERE name = :name

-- name: add_model
INSERT INTO capsa_models (name, dimensions) VALUES (:name, :dimensions) ON CONFLICT (name) DO NOTHING

-- name: models
SELECT id, name, dimensions FROM capsa_models ORDER BY id

-- name: add_embedding
INSERT INTO capsa_embeddings (owner, collection, model, seq, vector, raw)
VALUES (:owner, :collection, :model, :seq, :vector, :raw)

-- name: clear_embeddings
DELETE FROM capsa_embeddings WHERE owner = :owner AND collection = :collection

-- name: clear_other_models
DELETE FROM capsa_embeddings WHERE owner = :owner AND collection = :collection AND model <> :model

-- name: count_embeddings
SELECT count(*) FROM (
    SELECT 1 FROM capsa_embeddings
    WHERE owner = :owner AND collection = :collection AND model = :model LIMIT :limit
) AS bounded

-- name: count_without_vector
SELECT count(*) FROM capsa_records r
WHERE r.owner = :owner AND r.collection = :collection
  AND NOT EXISTS (
      SELECT 1 FROM capsa_embeddings e
      WHERE e.owner = r.owner AND e.collection = r.collection AND e.model = :model AND e.seq = r.seq
        AND e.vector IS NOT NULL)

-- name: lexical_add_pending
INSERT INTO capsa_lexical_pending (owner, collection, seq, tokens, terms)
VALUES (:owner, :collection, :seq, :tokens, :terms)

-- name: lexical_pending_size
-- Rows, and bytes of their terms.
SELECT count(*), coalesce(sum(length(terms)), 0) FROM capsa_lexical_pending
WHERE owner = :owner AND collection = :collection

-- name: lexical_state
-- What a search begins with, at once: the segments; and the pending rows, of which there are number, tokens and terms.
SELECT segment, first_seq, last_seq, records, tokens, blocks, target, made, NULL
FROM capsa_lexical_segments
WHERE owner = :owner AND collection = :collection
UNION ALL
SELECT seq, tokens, NULL, NULL, NULL, NULL, NULL, NULL, terms
FROM capsa_lexical_pending
WHERE owner = :owner AND collection = :collection

-- name: lexical_take_pending
-- The first so many.
DELETE FROM capsa_lexical_pending
WHERE owner = :owner AND collection = :collection AND seq <= (
    SELECT max(seq) FROM (
        SELECT seq FROM capsa_lexical_pending
        WHERE owner = :owner AND collection = :collection ORDER BY seq LIMIT :limit
    ) AS first
)
RETURNING seq, tokens, terms

-- name: lexical_clear_pending
DELETE FROM capsa_lexical_pending WHERE owner = :owner AND collection = :collection

-- name: lexical_add_document
INSERT INTO capsa_lexical_documents (owner, collection, seq, tokens, terms)
VALUES (:owner, :collection, :seq, :tokens, :terms)

-- name: lexical_clear_documents
DELETE FROM capsa_lexical_documents WHERE owner = :owner AND collection = :collection

-- name: lexical_clear_segments
DELETE FROM capsa_lexical_segments WHERE owner = :owner AND collection = :collection

-- name: lexical_clear_blocks
DELETE FROM capsa_lexical_blocks WHERE owner = :owner AND collection = :collection

-- name: lexical_add_segment
INSERT INTO capsa_lexical_segments
    (owner, collection, segment, first_seq, last_seq, records, tokens, blocks, target, made)
VALUES (:owner, :collection, :segment, :first_seq, :last_seq, :records, :tokens, :blocks, :target, :made)

-- name: lexical_segments
SELECT segment, first_seq, last_seq, records, tokens, blocks, target, made
FROM capsa_lexical_segments
WHERE owner = :owner AND collection = :collection
ORDER BY segment

-- name: lexical_shrink_segment
UPDATE capsa_lexical_segments SET records = records - :records, tokens = tokens - :tokens
WHERE owner = :owner AND collection = :collection AND segment = :segment

-- name: lexical_set_made
UPDATE capsa_lexical_segments SET made = :made, records = :records, tokens = :tokens
WHERE owner = :owner AND collection = :collection AND segment = :segment

-- name: lexical_delete_segment
DELETE FROM capsa_lexical_segments WHERE owner = :owner AND collection = :collection AND segment = :segment

-- name: lexical_add_block
INSERT INTO capsa_lexical_blocks (owner, collection, place, content) VALUES (:owner, :collection, :place, :content)

-- name: lexical_set_block
UPDATE capsa_lexical_blocks SET content = :content
WHERE owner = :owner AND collection = :collection AND place = :place

-- name: lexical_blocks_between
SELECT place, content FROM capsa_lexical_blocks
WHERE owner = :owner AND collection = :collection AND place BETWEEN :first AND :last
ORDER BY place
