-- Statements on the memory, for both dialects: which entries lack vectors, and what an entry is now.

-- name: waiting
-- Numbers and ids, after :after and in order of arrival, of entries that say something and lack a vector of :model (1),
-- or have it (0), are longer than :window and lack those of their units. A vector that cannot be compared is none.
SELECT seq, id, CASE WHEN had = 0 THEN 1 ELSE 0 END FROM (
    SELECT r.seq, r.id, r.text, (
        SELECT count(*) FROM capsa_embeddings e
        WHERE e.owner = r.owner AND e.collection = r.collection AND e.seq = r.seq AND e.vector IS NOT NULL
          AND e.model = (SELECT m.id FROM capsa_models m WHERE m.name = :model)) AS had
    FROM capsa_records r
    WHERE r.owner = :owner AND r.collection = :entries AND r.seq > :after) entry
WHERE CASE
    WHEN had = 0 THEN trim(text, :blank) <> ''
    -- Of a long text only so much is read.
    WHEN substr(text, :window + 1, 1) = '' OR length(id) > :longest THEN 1 = 0
    ELSE NOT EXISTS (
        SELECT 1 FROM capsa_records u JOIN capsa_embeddings e
          ON e.owner = u.owner AND e.collection = u.collection AND e.seq = u.seq AND e.vector IS NOT NULL
        WHERE u.owner = :owner AND u.collection = :units AND u.id = entry.id || :first
          AND e.model = (SELECT m.id FROM capsa_models m WHERE m.name = :model)) END
ORDER BY seq
LIMIT :limit

-- name: now
SELECT text, path FROM capsa_records WHERE owner = :owner AND collection = :entries AND id = :id

-- name: blank
-- How many entries say nothing: they get no vector.
SELECT count(*) FROM capsa_records
WHERE owner = :owner AND collection = :entries AND trim(text, :blank) = ''
