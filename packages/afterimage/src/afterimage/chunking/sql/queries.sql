-- Statements on the memory, for both dialects: which entries lack vectors, and what an entry is now.

-- name: waiting
-- Numbers and ids, after :after and in order of arrival, of entries that say something and lack a vector of :model, or
-- are longer than :window and lack those of their units; and whether it is the first. What cannot be compared is none.
SELECT r.seq, r.id, CASE WHEN EXISTS (
    SELECT 1 FROM capsa_embeddings e
    WHERE e.owner = r.owner AND e.collection = r.collection AND e.seq = r.seq AND e.vector IS NOT NULL
      AND e.model = (SELECT m.id FROM capsa_models m WHERE m.name = :model)) THEN 0 ELSE 1 END
FROM capsa_records r
WHERE r.owner = :owner AND r.collection = :entries AND r.seq > :after AND trim(r.text, :blank) <> ''
  AND (NOT EXISTS (
          SELECT 1 FROM capsa_embeddings e
          WHERE e.owner = r.owner AND e.collection = r.collection AND e.seq = r.seq AND e.vector IS NOT NULL
            AND e.model = (SELECT m.id FROM capsa_models m WHERE m.name = :model))
       OR length(r.text) > :window AND length(r.id) <= :longest AND NOT EXISTS (
          SELECT 1 FROM capsa_records u JOIN capsa_embeddings e
            ON e.owner = u.owner AND e.collection = u.collection AND e.seq = u.seq AND e.vector IS NOT NULL
          WHERE u.owner = r.owner AND u.collection = :units AND u.id = r.id || :first
            AND e.model = (SELECT m.id FROM capsa_models m WHERE m.name = :model)))
ORDER BY r.seq
LIMIT :limit

-- name: now
SELECT text, path FROM capsa_records WHERE owner = :owner AND collection = :entries AND id = :id

-- name: blank
-- How many entries say nothing: they get no vector.
SELECT count(*) FROM capsa_records
WHERE owner = :owner AND collection = :entries AND trim(text, :blank) = ''
