-- The engine's statements for SQLite, beside those of capsa/sql. Names and parameters are the same in every dialect;
-- a test holds that.
--
-- '+owner' keeps the planner, which knows no sizes here, from an index by owner where rows are asked for by their
-- numbers or in order of arrival: it would read every row of the owner, or sort them all in memory.

-- name: next_seqs
-- Sequence numbers for :n new records, ascending.
WITH RECURSIVE numbers (seq, n) AS (
    SELECT 1 + coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'capsa_records'), 0), 1
    UNION ALL SELECT seq + 1, n + 1 FROM numbers WHERE n < :n
)
SELECT seq FROM numbers

-- name: records_by_id
SELECT seq, id, title, text, context, path, session_id, created_at, created_at_text, metadata
FROM capsa_records
WHERE owner = :owner AND collection = :collection AND id IN (SELECT value FROM json_each(:ids))

-- name: records_by_seq
SELECT seq, id, title, text, context, path, session_id, created_at, created_at_text, metadata
FROM capsa_records
WHERE +owner = :owner AND +collection = :collection AND seq IN (SELECT value FROM json_each(:seqs)) /* filter */

-- name: texts_by_seq
-- What a literal match is looked for in; of very long texts the beginning.
SELECT seq, title, path, substr(text, 1, 200000), context
FROM capsa_records
WHERE +owner = :owner AND +collection = :collection AND seq IN (SELECT value FROM json_each(:seqs)) /* filter */

-- name: records_all
-- In order of arrival.
SELECT seq, id, title, text, context, path, session_id, created_at, created_at_text, metadata
FROM capsa_records
WHERE +owner = :owner AND +collection = :collection /* filter */
ORDER BY seq

-- name: records_all_with_vectors
SELECT r.seq, r.id, r.title, r.text, r.context, r.path, r.session_id, r.created_at, r.created_at_text, r.metadata,
       e.vector
FROM capsa_records r
LEFT JOIN capsa_embeddings e
       ON e.owner = r.owner AND e.collection = r.collection AND e.model = :model AND e.seq = r.seq
WHERE +r.owner = :owner AND +r.collection = :collection /* filter */
ORDER BY r.seq

-- name: seqs_alive
SELECT seq FROM capsa_records
WHERE +owner = :owner AND +collection = :collection AND seq IN (SELECT value FROM json_each(:seqs)) /* filter */

-- name: database_size
SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()

-- name: update_record
UPDATE capsa_records
SET title = :title, text = :text, context = :context, path = :path, session_id = :session_id,
    created_at = :created_at, created_at_text = :created_at_text, metadata = :metadata
WHERE +owner = :owner AND +collection = :collection AND seq = :seq

-- name: delete_records
DELETE FROM capsa_records WHERE +owner = :owner AND +collection = :collection AND seq IN (SELECT value FROM json_each(:seqs))

-- name: filter_path_contains
instr(path, :filter_path) > 0

-- name: filter_path_pattern
path GLOB :filter_path

-- name: delete_embeddings
DELETE FROM capsa_embeddings WHERE owner = :owner AND collection = :collection AND model IN (SELECT id FROM capsa_models)
  AND seq IN (SELECT value FROM json_each(:seqs))

-- name: delete_embeddings_of
DELETE FROM capsa_embeddings
WHERE owner = :owner AND collection = :collection AND model = :model AND seq IN (SELECT value FROM json_each(:seqs))

-- name: vectors_by_seq
SELECT seq, vector FROM capsa_embeddings
WHERE owner = :owner AND collection = :collection AND model = :model AND seq IN (SELECT value FROM json_each(:seqs)) AND vector IS NOT NULL

-- name: seqs_with_vector
SELECT seq FROM capsa_embeddings
WHERE owner = :owner AND collection = :collection AND model = :model AND seq IN (SELECT value FROM json_each(:seqs)) AND vector IS NOT NULL

-- name: records_without_vector
-- After :after, in order of arrival; a vector that cannot be compared counts as none.
SELECT r.seq, r.id, r.title, r.text, r.context, r.path, r.session_id, r.created_at, r.created_at_text, r.metadata
FROM capsa_records r
WHERE +r.owner = :owner AND +r.collection = :collection AND r.seq > :after
  AND NOT EXISTS (
      SELECT 1 FROM capsa_embeddings e
      WHERE e.owner = r.owner AND e.collection = r.collection AND e.model = :model AND e.seq = r.seq
        AND e.vector IS NOT NULL)
ORDER BY r.seq
LIMIT :limit

-- name: lexical_remove_pending
DELETE FROM capsa_lexical_pending
WHERE owner = :owner AND collection = :collection AND seq IN (SELECT value FROM json_each(:seqs)) RETURNING seq

-- name: lexical_documents
SELECT seq, tokens, terms FROM capsa_lexical_documents
WHERE owner = :owner AND collection = :collection AND seq IN (SELECT value FROM json_each(:seqs))

-- name: lexical_take_documents
DELETE FROM capsa_lexical_documents
WHERE owner = :owner AND collection = :collection AND seq IN (SELECT value FROM json_each(:seqs)) RETURNING seq, tokens, terms

-- name: lexical_next_segment
SELECT 1 + coalesce(max(segment), 0) FROM capsa_lexical_segments
WHERE owner = :owner AND collection = :collection

-- name: lexical_set_target
UPDATE capsa_lexical_segments SET target = :target
WHERE owner = :owner AND collection = :collection AND segment IN (SELECT value FROM json_each(:segments))

-- name: lexical_blocks
-- By equality alone: all that a policy lets an index do.
SELECT place, content FROM capsa_lexical_blocks
WHERE owner = :owner AND collection = :collection AND place IN (SELECT value FROM json_each(:places))

-- name: lexical_delete_blocks
DELETE FROM capsa_lexical_blocks WHERE owner = :owner AND collection = :collection AND place IN (SELECT value FROM json_each(:places))

-- name: lexical_delete_some_blocks
-- At most :limit of a range, chunks before the block that tells of them: a deletion of records finds either both or none.
DELETE FROM capsa_lexical_blocks
WHERE owner = :owner AND collection = :collection AND place IN (
    SELECT place FROM capsa_lexical_blocks
    WHERE owner = :owner AND collection = :collection AND place BETWEEN :first AND :last ORDER BY place DESC LIMIT :limit)
RETURNING place

-- name: lexical_texts
SELECT seq, title, path, text, context FROM capsa_records
WHERE +owner = :owner AND +collection = :collection AND seq BETWEEN :first AND :last
ORDER BY seq

-- name: add_code
INSERT INTO capsa_codes (owner, collection, model, seq, code) VALUES (:owner, :collection, :model, :seq, :code)

-- name: delete_codes
DELETE FROM capsa_codes WHERE owner = :owner AND collection = :collection AND model IN (SELECT id FROM capsa_models)
  AND seq IN (SELECT value FROM json_each(:seqs))

-- name: delete_codes_of
-- Of one model.
DELETE FROM capsa_codes
WHERE owner = :owner AND collection = :collection AND model = :model AND seq IN (SELECT value FROM json_each(:seqs))

-- name: clear_codes
DELETE FROM capsa_codes WHERE owner = :owner AND collection = :collection

-- name: clear_other_codes
DELETE FROM capsa_codes WHERE owner = :owner AND collection = :collection AND model <> :model

-- name: code_generation
SELECT generation FROM capsa_code_generations WHERE owner = :owner AND collection = :collection

-- name: next_code_generation
INSERT INTO capsa_code_generations (owner, collection, generation) VALUES (:owner, :collection, 1)
ON CONFLICT (owner, collection) DO UPDATE SET generation = generation + 1

-- name: codes_since
SELECT seq, code FROM capsa_codes
WHERE owner = :owner AND collection = :collection AND model = :model AND seq > :after
ORDER BY seq
