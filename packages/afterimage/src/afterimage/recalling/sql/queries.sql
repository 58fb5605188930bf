-- Statements on the memory, for both dialects: arrivals are numbered by the engine, ascending, never twice.

-- name: arrivals
-- Numbers and ids after :after, in order of arrival.
SELECT seq, id FROM capsa_records
WHERE owner = :owner AND collection = :collection AND seq > :after
ORDER BY seq
LIMIT :limit

-- name: arrived
-- How many there are up to :upto: fewer than were indexed, and some were forgotten.
SELECT count(*) FROM capsa_records
WHERE owner = :owner AND collection = :collection AND seq <= :upto

-- name: all_arrivals
SELECT seq, id FROM capsa_records
WHERE owner = :owner AND collection = :collection AND seq <= :upto

-- name: arrival
-- What arrived as this number: if it is not what was indexed, this is another memory.
SELECT seq, id FROM capsa_records
WHERE owner = :owner AND collection = :collection AND seq = :seq
