-- The ledger of transfers, in the target; the same statements in both dialects.

-- name: find_transfer
SELECT state, source FROM capsa_transfers WHERE owner = :owner AND transfer = :transfer;

-- name: add_transfer
INSERT INTO capsa_transfers (owner, transfer, started_at, state, source)
VALUES (:owner, :transfer, :started_at, :state, :source);

-- name: set_transfer
UPDATE capsa_transfers SET state = :state, source = :source, started_at = :started_at
WHERE owner = :owner AND transfer = :transfer;

-- name: set_state
UPDATE capsa_transfers SET state = :state WHERE owner = :owner AND transfer = :transfer;

-- name: forget_ranges
DELETE FROM capsa_transfer_ranges WHERE owner = :owner AND transfer = :transfer;

-- name: forget_keys
-- What became of the rows stays, for the report.
UPDATE capsa_transfer_ranges SET first_key = '', last_key = '' WHERE owner = :owner AND transfer = :transfer;

-- name: forget_quarantine
DELETE FROM capsa_quarantine WHERE owner = :owner AND transfer = :transfer;

-- name: add_range
INSERT INTO capsa_transfer_ranges (owner, transfer, part, ordinal, first_key, last_key, indexed)
VALUES (:owner, :transfer, :part, :ordinal, :first_key, :last_key, :indexed);

-- name: ranges
SELECT part, ordinal, first_key, last_key, records, detail, indexed
FROM capsa_transfer_ranges WHERE owner = :owner AND transfer = :transfer ORDER BY part, ordinal;

-- name: range_state
SELECT records FROM capsa_transfer_ranges
WHERE owner = :owner AND transfer = :transfer AND part = :part AND ordinal = :ordinal;

-- name: range_indexed
SELECT indexed FROM capsa_transfer_ranges
WHERE owner = :owner AND transfer = :transfer AND part = :part AND ordinal = :ordinal;

-- name: finish_range
UPDATE capsa_transfer_ranges SET records = :records, detail = :detail
WHERE owner = :owner AND transfer = :transfer AND part = :part AND ordinal = :ordinal;

-- name: mark_indexed
UPDATE capsa_transfer_ranges SET indexed = :indexed, detail = :detail
WHERE owner = :owner AND transfer = :transfer AND part = :part AND ordinal = :ordinal;

-- name: drop_quarantined
DELETE FROM capsa_quarantine
WHERE owner = :owner AND transfer = :transfer AND part = :part AND source_key = :source_key;

-- name: add_quarantined
INSERT INTO capsa_quarantine (owner, transfer, part, source_key, reason, content, created_at)
VALUES (:owner, :transfer, :part, :source_key, :reason, :content, :created_at);

-- name: quarantined
SELECT part, source_key, reason FROM capsa_quarantine
WHERE owner = :owner AND transfer = :transfer ORDER BY part, source_key LIMIT :limit;

-- name: models
SELECT id, name, dimensions FROM capsa_models;

-- name: add_model
INSERT INTO capsa_models (name, dimensions) VALUES (:name, :dimensions) ON CONFLICT (name) DO NOTHING;
