-- What the dialects spell differently.

-- name: days
-- How many entries each day has, in days since 1970-01-01 UTC.
SELECT created_at / 86400000000, count(*) FROM capsa_records
WHERE owner = :owner AND collection = :collection AND created_at >= :since AND created_at < :until
GROUP BY 1

-- name: projects
-- Id, name and number of entries of each project.
SELECT json_extract(metadata, '$.project'), max(json_extract(metadata, '$.project_name')), count(*)
FROM capsa_records
WHERE owner = :owner AND collection = :collection AND json_extract(metadata, '$.project') IS NOT NULL
GROUP BY 1
ORDER BY 3 DESC, 1
LIMIT :limit
