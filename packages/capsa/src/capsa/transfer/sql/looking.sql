-- What is asked of a PostgreSQL target before a transfer, in a transaction that may only read.

-- name: server
-- Versions; whether this user could enable pgvector; whether the server may only be read (a standby, or set so).
SELECT current_setting('server_version'),
       (SELECT extversion FROM pg_extension WHERE extname = 'vector'),
       EXISTS (SELECT 1 FROM pg_available_extension_versions v
               WHERE v.name = 'vector'
                 AND ((v.trusted AND has_database_privilege(current_database(), 'CREATE'))
                      OR (SELECT rolsuper FROM pg_roles WHERE rolname = current_user))),
       pg_is_in_recovery() OR current_setting('default_transaction_read_only')::boolean;

-- name: schema
-- Where our tables would be made; null if the user may use no schema.
SELECT current_schema(), has_schema_privilege(current_schema(), 'CREATE');

-- name: relations
-- Those of :names that are there, which of the rights on each that are needed the user lacks, and whether its policies are
-- forced upon an owner that the user is not: only the owner can lift them for a transfer.
SELECT c.relname,
       ARRAY(SELECT needed
             FROM unnest(CASE WHEN c.relkind = 'S' THEN ARRAY['USAGE']
                              WHEN c.relname = 'capsa_migrations' THEN ARRAY['SELECT']
                              WHEN c.relname = 'capsa_models' THEN ARRAY['SELECT', 'INSERT']
                              ELSE ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE'] END) AS needed
             WHERE NOT CASE WHEN c.relkind = 'S'
                            -- Either lets a number be drawn.
                            THEN has_sequence_privilege(c.oid, 'USAGE') OR has_sequence_privilege(c.oid, 'UPDATE')
                            ELSE has_table_privilege(c.oid, needed) END),
       c.relforcerowsecurity AND NOT pg_has_role(c.relowner, 'USAGE')
FROM pg_class c
WHERE c.relkind IN ('r', 'p', 'S') AND c.relnamespace = quote_ident(current_schema())::regnamespace
  AND c.relname = ANY(:names::text[]);

-- name: applied
SELECT package, max(version) FROM capsa_migrations GROUP BY package;

-- name: bind
-- Policies may bind this user, too: they go by this.
SELECT set_config('capsa.owner', :owner, true);

-- name: records
SELECT count(*) FROM capsa_records WHERE owner = :owner;
