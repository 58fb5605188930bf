-- The engine's statements for PostgreSQL, beside those of capsa/sql. Names and parameters are the same in every dialect;
-- a test holds that.

-- name: next_seqs
-- Sequence numbers for :n new records, ascending.
SELECT nextval('capsa_sequence') FROM generate_series(1, :n)

-- name: records_by_id
SELECT seq, id, title, text, context, path, session_id, created_at, created_at_text, metadata
FROM capsa_records
WHERE owner = :owner AND collection = :collection AND id = ANY(:ids::text[])

-- name: records_by_seq
SELECT seq, id, title, text, context, path, session_id, created_at, created_at_text, metadata
FROM capsa_records
WHERE owner = :owner AND collection = :collection AND seq = ANY(:seqs::bigint[]) /* filter */

-- name: texts_by_seq
-- What a literal match is looked for in; of very long texts the beginning.
SELECT seq, title, path, substr(text, 1, 200000), context
FROM capsa_records
WHERE owner = :owner AND collection = :collection AND seq = ANY(:seqs::bigint[]) /* filter */

-- name: records_all
-- In order of arrival.
SELECT seq, id, title, text, context, path, session_id, created_at, created_at_text, metadata
FROM capsa_records
WHERE owner = :owner AND collection = :collection /* filter */
ORDER BY seq

-- name: records_all_with_vectors
SELECT r.seq, r.id, r.title, r.text, r.context, r.path, r.session_id, r.created_at, r.created_at_text, r.metadata,
       vector_send(e.vector)
FROM capsa_records r
LEFT JOIN capsa_embeddings e
       ON e.owner = r.owner AND e.collection = r.collection AND e.model = :model AND e.seq = r.seq
WHERE r.owner = :owner AND r.collection = :collection /* filter */
ORDER BY r.seq

-- name: seqs_alive
SELECT seq FROM capsa_records
WHERE owner = :owner AND collection = :collection AND seq = ANY(:seqs::bigint[]) /* filter */

-- name: database_size
SELECT pg_database_size(current_database())

-- name: update_record
UPDATE capsa_records
SET title = :title, text = :text, context = :context, path = :path, session_id = :session_id,
    created_at = :created_at, created_at_text = :created_at_text, metadata = :metadata
WHERE owner = :owner AND collection = :collection AND seq = :seq

-- name: delete_records
DELETE FROM capsa_records WHERE owner = :owner AND collection = :collection AND seq = ANY(:seqs::bigint[])

-- name: filter_path_contains
strpos(path, :filter_path) > 0

-- name: filter_path_pattern
path LIKE :filter_path

-- name: delete_embeddings
DELETE FROM capsa_embeddings WHERE owner = :owner AND collection = :collection AND seq = ANY(:seqs::bigint[])

-- name: delete_embeddings_of
DELETE FROM capsa_embeddings
WHERE owner = :owner AND collection = :collection AND model = :model AND seq = ANY(:seqs::bigint[])

-- name: vectors_by_seq
SELECT seq, vector_send(vector) FROM capsa_embeddings
WHERE owner = :owner AND collection = :collection AND model = :model AND seq = ANY(:seqs::bigint[]) AND vector IS NOT NULL

-- name: seqs_with_vector
SELECT seq FROM capsa_embeddings
WHERE owner = :owner AND collection = :collection AND model = :model AND seq = ANY(:seqs::bigint[]) AND vector IS NOT NULL

-- name: records_without_vector
-- After :after, in order of arrival; a vector that cannot be compared counts as none.
SELECT r.seq, r.id, r.title, r.text, r.context, r.path, r.session_id, r.created_at, r.created_at_text, r.metadata
FROM capsa_records r
WHERE r.owner = :owner AND r.collection = :collection AND r.seq > :after
  AND NOT EXISTS (
      SELECT 1 FROM capsa_embeddings e
      WHERE e.owner = r.owner AND e.collection = r.collection AND e.model = :model AND e.seq = r.seq
        AND e.vector IS NOT NULL)
ORDER BY r.seq
LIMIT :limit

-- name: lexical_remove_pending
DELETE FROM capsa_lexical_pending
WHERE owner = :owner AND collection = :collection AND seq = ANY(:seqs::bigint[]) RETURNING seq

-- name: lexical_documents
SELECT seq, tokens, terms FROM capsa_lexical_documents
WHERE owner = :owner AND collection = :collection AND seq = ANY(:seqs::bigint[])

-- name: lexical_take_documents
DELETE FROM capsa_lexical_documents
WHERE owner = :owner AND collection = :collection AND seq = ANY(:seqs::bigint[]) RETURNING seq, tokens, terms

-- name: lexical_next_segment
SELECT nextval('capsa_sequence')

-- name: lexical_set_target
UPDATE capsa_lexical_segments SET target = :target
WHERE owner = :owner AND collection = :collection AND segment = ANY(:segments::bigint[])

-- name: lexical_blocks
-- By equality alone: all that a policy lets an index do.
SELECT place, content FROM capsa_lexical_blocks
WHERE owner = :owner AND collection = :collection AND place = ANY(:places::bigint[])

-- name: lexical_delete_blocks
DELETE FROM capsa_lexical_blocks WHERE owner = :owner AND collection = :collection AND place = ANY(:places::bigint[])

-- name: lexical_delete_some_blocks
-- At most :limit of a range, chunks before the block that tells of them: a deletion of records finds either both or none.
DELETE FROM capsa_lexical_blocks
WHERE owner = :owner AND collection = :collection AND place = ANY(ARRAY(
    SELECT place FROM capsa_lexical_blocks
    WHERE owner = :owner AND collection = :collection AND place BETWEEN :first AND :last ORDER BY place DESC LIMIT :limit))
RETURNING place

-- name: lexical_texts
SELECT seq, title, path, text, context FROM capsa_records
WHERE owner = :owner AND collection = :collection AND seq BETWEEN :first AND :last
ORDER BY seq

-- name: search_exact
-- Every vector of the owner compared; the zero keeps the planner from the approximate index.
SELECT seq, 1 - (vector <=> :query) FROM capsa_embeddings
WHERE owner = :owner AND collection = :collection AND model = :model AND vector IS NOT NULL /* allowed */
ORDER BY (vector <=> :query) + 0, seq DESC
LIMIT :limit
