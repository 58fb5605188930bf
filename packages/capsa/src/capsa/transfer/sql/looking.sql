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

-- name: tables
-- Those of :tables that are there, and whether their rows may be read and written.
SELECT c.relname,
       has_table_privilege(c.oid, 'SELECT')
       AND (c.relname = 'capsa_migrations'
            OR has_table_privilege(c.oid, 'INSERT') AND has_table_privilege(c.oid, 'UPDATE')
               AND has_table_privilege(c.oid, 'DELETE'))
FROM pg_class c
WHERE c.relkind IN ('r', 'p') AND c.relnamespace = quote_ident(current_schema())::regnamespace AND c.relname = ANY(:tables::text[]);

-- name: applied
SELECT max(version) FROM capsa_migrations WHERE package = :package;

-- name: bind
-- Policies may bind this user, too: they go by this.
SELECT set_config('capsa.owner', :owner, true);

-- name: records
SELECT count(*) FROM capsa_records WHERE owner = :owner;
