-- What the pages list, for both dialects. Every list goes on behind the last row of the page before, so that the
-- last page costs what the first does. No texts but their beginnings.

-- name: sessions
-- The sessions written in last. The files are counted of those that are shown only.
SELECT s.last_at, s.seq, s.entries, s.first_at, r.id, r.session_id, r.metadata,
       (SELECT count(DISTINCT p.path) FROM capsa_records p
        WHERE p.owner = :owner AND p.collection = :collection AND p.session_id = r.session_id)
FROM (
    SELECT max(created_at) AS last_at, max(seq) AS seq, count(*) AS entries, min(created_at) AS first_at
    FROM capsa_records
    WHERE owner = :owner AND collection = :collection AND session_id IS NOT NULL
    GROUP BY session_id
    HAVING (max(created_at), max(seq)) < (:at, :seq)
    ORDER BY max(created_at) DESC, max(seq) DESC
    LIMIT :limit
) s JOIN capsa_records r ON r.owner = :owner AND r.seq = s.seq
ORDER BY s.last_at DESC, s.seq DESC

-- name: files
-- The files written last whose path is like the pattern.
SELECT f.last_at, f.seq, f.entries, f.first_at, r.id, r.path, r.metadata, 1
FROM (
    SELECT max(created_at) AS last_at, max(seq) AS seq, count(*) AS entries, min(created_at) AS first_at
    FROM capsa_records
    WHERE owner = :owner AND collection = :collection AND path <> '' AND lower(path) LIKE :pattern ESCAPE '!'
    GROUP BY path
    HAVING (max(created_at), max(seq)) < (:at, :seq)
    ORDER BY max(created_at) DESC, max(seq) DESC
    LIMIT :limit
) f JOIN capsa_records r ON r.owner = :owner AND r.seq = f.seq
ORDER BY f.last_at DESC, f.seq DESC

-- name: of_session_after
SELECT id, path, session_id, created_at, seq, substr(text, 1, :head), length(text), metadata
FROM capsa_records
WHERE owner = :owner AND collection = :collection AND session_id = :name AND (created_at, seq) > (:at, :seq)
ORDER BY created_at, seq
LIMIT :limit

-- name: of_session_before
SELECT id, path, session_id, created_at, seq, substr(text, 1, :head), length(text), metadata
FROM capsa_records
WHERE owner = :owner AND collection = :collection AND session_id = :name AND (created_at, seq) < (:at, :seq)
ORDER BY created_at DESC, seq DESC
LIMIT :limit

-- name: of_file_after
SELECT id, path, session_id, created_at, seq, substr(text, 1, :head), length(text), metadata
FROM capsa_records
WHERE owner = :owner AND collection = :collection AND path = :name AND (created_at, seq) > (:at, :seq)
ORDER BY created_at, seq
LIMIT :limit

-- name: of_file_before
SELECT id, path, session_id, created_at, seq, substr(text, 1, :head), length(text), metadata
FROM capsa_records
WHERE owner = :owner AND collection = :collection AND path = :name AND (created_at, seq) < (:at, :seq)
ORDER BY created_at DESC, seq DESC
LIMIT :limit

-- name: place
-- Where an entry stands in every list.
SELECT created_at, seq FROM capsa_records WHERE owner = :owner AND collection = :collection AND id = :id

-- name: ids_of_session
SELECT id FROM capsa_records
WHERE owner = :owner AND collection = :collection AND session_id = :name
ORDER BY created_at, seq

-- name: ids_of_file
SELECT id FROM capsa_records
WHERE owner = :owner AND collection = :collection AND path = :name
ORDER BY created_at, seq

-- name: stamp
-- Changes whenever entries come or go.
SELECT count(*), coalesce(max(seq), 0) FROM capsa_records WHERE owner = :owner AND collection = :collection

-- name: often_written
-- The entries since then of the files that have most of them, newest first.
SELECT id, path, session_id, created_at, metadata
FROM capsa_records
WHERE owner = :owner AND collection = :collection AND created_at >= :since AND path IN (
    SELECT path FROM capsa_records
    WHERE owner = :owner AND collection = :collection AND created_at >= :since AND path <> ''
    GROUP BY path
    ORDER BY count(*) DESC, path
    LIMIT :files
)
ORDER BY created_at DESC
LIMIT :limit
