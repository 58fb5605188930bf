-- The engine's statements for SQLite. Names and parameters are the same in every dialect; a test holds that.
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

-- name: add_record
INSERT INTO capsa_records
    (owner, collection, id, seq, title, text, context, path, session_id, created_at, created_at_text, metadata)
VALUES
    (:owner, :collection, :id, :seq, :title, :text, :context, :path, :session_id, :created_at, :created_at_text,
     :metadata)

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

-- name: records_recent
SELECT seq, id, title, text, context, path, session_id, created_at, created_at_text, metadata
FROM capsa_records
WHERE owner = :owner AND collection = :collection /* filter */
ORDER BY created_at DESC, seq DESC
LIMIT :limit

-- name: records_all
-- In order of arrival.
SELECT seq, id, title, text, context, path, session_id, created_at, created_at_text, metadata
FROM capsa_records
WHERE +owner = :owner AND +collection = :collection /* filter */
ORDER BY seq

-- name: ids
-- In order of arrival.
SELECT id FROM capsa_records
WHERE owner = :owner AND collection = :collection /* filter */
ORDER BY seq

-- name: records_all_with_vectors
SELECT r.seq, r.id, r.title, r.text, r.context, r.path, r.session_id, r.created_at, r.created_at_text, r.metadata,
       e.vector
FROM capsa_records r
LEFT JOIN capsa_embeddings e
       ON e.owner = r.owner AND e.collection = r.collection AND e.model = :model AND e.seq = r.seq
WHERE +r.owner = :owner AND +r.collection = :collection /* filter */
ORDER BY r.seq

-- name: seqs_matching
-- The records a filter lets through, ascending, at most :limit.
SELECT seq FROM capsa_records
WHERE owner = :owner AND collection = :collection /* filter */
ORDER BY seq
LIMIT :limit

-- name: seqs_alive
SELECT seq FROM capsa_records
WHERE +owner = :owner AND +collection = :collection AND seq IN (SELECT value FROM json_each(:seqs)) /* filter */

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

-- name: database_size
SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()

-- name: update_record
UPDATE capsa_records
SET title = :title, text = :text, context = :context, path = :path, session_id = :session_id,
    created_at = :created_at, created_at_text = :created_at_text, metadata = :metadata
WHERE +owner = :owner AND +collection = :collection AND seq = :seq

-- name: delete_records
DELETE FROM capsa_records WHERE +owner = :owner AND +collection = :collection AND seq IN (SELECT value FROM json_each(:seqs))

-- name: clear_records
DELETE FROM capsa_records WHERE owner = :owner AND collection = :collection

-- name: filter_path_contains
instr(path, :filter_path) > 0

-- name: filter_path_pattern
path GLOB :filter_path

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

-- name: delete_embeddings
DELETE FROM capsa_embeddings WHERE owner = :owner AND collection = :collection AND model IN (SELECT id FROM capsa_models)
  AND seq IN (SELECT value FROM json_each(:seqs))

-- name: delete_embeddings_of
DELETE FROM capsa_embeddings
WHERE owner = :owner AND collection = :collection AND model = :model AND seq IN (SELECT value FROM json_each(:seqs))

-- name: clear_embeddings
DELETE FROM capsa_embeddings WHERE owner = :owner AND collection = :collection

-- name: clear_other_models
DELETE FROM capsa_embeddings WHERE owner = :owner AND collection = :collection AND model <> :model

-- name: vectors_by_seq
SELECT seq, vector FROM capsa_embeddings
WHERE owner = :owner AND collection = :collection AND model = :model AND seq IN (SELECT value FROM json_each(:seqs)) AND vector IS NOT NULL

-- name: seqs_with_vector
SELECT seq FROM capsa_embeddings
WHERE owner = :owner AND collection = :collection AND model = :model AND seq IN (SELECT value FROM json_each(:seqs)) AND vector IS NOT NULL

-- name: count_embeddings
SELECT count(*) FROM (
    SELECT 1 FROM capsa_embeddings
    WHERE owner = :owner AND collection = :collection AND model = :model LIMIT :limit
) AS bounded

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

-- name: lexical_remove_pending
DELETE FROM capsa_lexical_pending
WHERE owner = :owner AND collection = :collection AND seq IN (SELECT value FROM json_each(:seqs)) RETURNING seq

-- name: lexical_count_pending
SELECT count(*) FROM capsa_lexical_pending WHERE owner = :owner AND collection = :collection

-- name: lexical_pending_size
SELECT count(*), sum(tokens) FROM capsa_lexical_pending WHERE owner = :owner AND collection = :collection

-- name: lexical_take_pending
DELETE FROM capsa_lexical_pending WHERE owner = :owner AND collection = :collection RETURNING seq, tokens, terms

-- name: lexical_pending_with
-- The pending records that have one of the terms, given as ' term:'.
SELECT seq, tokens, terms FROM capsa_lexical_pending
WHERE owner = :owner AND collection = :collection
  AND EXISTS (SELECT 1 FROM json_each(:marks) WHERE instr(terms, value) > 0)

-- name: lexical_clear_pending
DELETE FROM capsa_lexical_pending WHERE owner = :owner AND collection = :collection

-- name: lexical_clear_segments
DELETE FROM capsa_lexical_segments WHERE owner = :owner AND collection = :collection

-- name: lexical_clear_postings
DELETE FROM capsa_lexical_postings WHERE owner = :owner AND collection = :collection

-- name: lexical_next_segment
SELECT 1 + coalesce(max(segment), 0) FROM capsa_lexical_segments
WHERE owner = :owner AND collection = :collection

-- name: lexical_add_segment
INSERT INTO capsa_lexical_segments (owner, collection, segment, first_seq, last_seq, records, tokens)
VALUES (:owner, :collection, :segment, :first_seq, :last_seq, :records, :tokens)

-- name: lexical_add_postings
INSERT INTO capsa_lexical_postings (owner, collection, segment, term, postings)
VALUES (:owner, :collection, :segment, :term, :postings)

-- name: lexical_segments
SELECT segment, first_seq, last_seq, records, tokens
FROM capsa_lexical_segments
WHERE owner = :owner AND collection = :collection
ORDER BY segment

-- name: lexical_postings
-- By equality alone: all that a policy lets an index do.
SELECT segment, term, postings FROM capsa_lexical_postings
WHERE owner = :owner AND collection = :collection AND segment IN (SELECT value FROM json_each(:segments)) AND term IN (SELECT value FROM json_each(:terms))

-- name: lexical_sizes
-- Bytes of postings of a term in each segment; not summed here, as sorting would drag the postings themselves along.
-- length() of a stored value is known without reading it.
SELECT term, length(postings) FROM capsa_lexical_postings
WHERE owner = :owner AND collection = :collection AND segment IN (SELECT value FROM json_each(:segments)) AND term IN (SELECT value FROM json_each(:terms))

-- name: lexical_all_postings
SELECT segment, term, postings FROM capsa_lexical_postings
WHERE owner = :owner AND collection = :collection AND segment IN (SELECT value FROM json_each(:segments))

-- name: lexical_set_postings
UPDATE capsa_lexical_postings SET postings = :postings
WHERE owner = :owner AND collection = :collection AND segment = :segment AND term = :term

-- name: lexical_delete_postings
DELETE FROM capsa_lexical_postings
WHERE owner = :owner AND collection = :collection AND segment = :segment AND term = :term

-- name: lexical_drop_postings
DELETE FROM capsa_lexical_postings WHERE owner = :owner AND collection = :collection AND segment IN (SELECT value FROM json_each(:segments))

-- name: lexical_drop_segments
DELETE FROM capsa_lexical_segments WHERE owner = :owner AND collection = :collection AND segment IN (SELECT value FROM json_each(:segments))

-- name: lexical_shrink_segment
UPDATE capsa_lexical_segments SET records = records - :records, tokens = tokens - :tokens
WHERE owner = :owner AND collection = :collection AND segment = :segment

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
SELECT entry, seq, code FROM capsa_codes
WHERE entry > :after AND +owner = :owner AND +collection = :collection AND +model = :model
ORDER BY entry

-- name: codes_all
-- By the owner's index, as reading everybody's codes would cost a small owner too much.
SELECT entry, seq, code FROM capsa_codes
WHERE owner = :owner AND collection = :collection AND model = :model
ORDER BY seq
