-- What the dialects spell differently.

-- name: days
-- How many entries each day has, in days since 1970-01-01 UTC.
SELECT floor(extract(epoch FROM created_at) / 86400)::bigint, count(*) FROM capsa_records
WHERE owner = :owner AND collection = :collection AND created_at >= :since AND created_at < :until
GROUP BY 1

-- name: projects
-- Id, name and number of entries of each project. Not by the operators of json: they refuse a text with \u0000 anywhere in
-- it. Inside of a value every quotation mark has a backslash, so these patterns are found at keys only.
SELECT substring(metadata FROM '"project": "([^"\\]*)"'),
       max(substring(metadata FROM '"project_name": "([^"\\]*)"')),
       count(*)
FROM capsa_records
WHERE owner = :owner AND collection = :collection AND substring(metadata FROM '"project": "([^"\\]*)"') IS NOT NULL
GROUP BY 1
ORDER BY 3 DESC, 1
LIMIT :limit
