-- What counting reads, for both dialects: no code where the hash of the code is noted.

-- name: changes
SELECT id, path, session_id, created_at, metadata,
       CASE WHEN metadata LIKE '%"content_hash": "%' THEN NULL ELSE text END
FROM capsa_records
WHERE owner = :owner AND collection = :collection AND path IS NOT NULL

-- name: changes_of_file
-- In their order.
SELECT id, path, session_id, created_at, metadata,
       CASE WHEN metadata LIKE '%"content_hash": "%' THEN NULL ELSE text END
FROM capsa_records
WHERE owner = :owner AND collection = :collection AND path = :path
ORDER BY created_at, seq

-- name: churn_transfers
-- The churn databases of earlier versions that were carried over, whole.
SELECT source FROM capsa_transfers
WHERE owner = :owner AND state = 'done' AND source LIKE '%"layout": "AfterImage churn"%'
