"""The second wall between owners: row-level security.

The first wall is in every query: ``owner = :owner``. The second stands in the database, for the
query that forgot. A policy compares the owner of a row with the transaction's setting
``capsa.owner``; unset or empty, it matches nothing. Policies do not bind superusers, nor the owner of
a table unless they are forced, so a transaction takes on a role without rights of its own
(`Wall.ROLE`). Where the user may not create roles, the policies are forced upon the tables' owner
(`Wall.FORCED`), and lifted only inside a maintenance transaction. A superuser who may not create a
role does not exist; a user who is neither gets what the tables' owner has set up.
"""

from __future__ import annotations

import enum

import psycopg
from psycopg import sql

from capsa._schema import SchemaPackage
from capsa.records import PUBLIC_OWNER

#: Has no login and no rights but those on the tables; the same in every database of a server.
BOUND_ROLE = "capsa_bound"

#: As whom a Supabase project answers the world.
_PUBLIC_ROLES = ("anon", "authenticated")

#: Tables without an owner hold nothing of any user; what is needed of them.
_RIGHTS = {"capsa_migrations": "SELECT ON", "capsa_models": "SELECT, INSERT ON"}

_SETTING = sql.SQL("current_setting('capsa.owner', true)")
_PUBLIC = sql.Literal(PUBLIC_OWNER)

# Direct comparisons: with a sub-select the planner cannot see how many rows the owner has. What reads is as
# short as can be, for it is asked of every row; what writes leaves out the library and the empty owner.
_MINE = "({column} = {setting} AND {column} NOT IN ('', {public}))"
_POLICIES = {
    "capsa_owner": "FOR SELECT USING ({column} = {setting})",
    "capsa_public": "FOR SELECT USING ({column} = {public} AND {setting} <> '')",
    "capsa_insert": f"FOR INSERT WITH CHECK {_MINE}",
    "capsa_update": f"FOR UPDATE USING {_MINE} WITH CHECK {_MINE}",
    "capsa_delete": f"FOR DELETE USING {_MINE}",
}


class Wall(enum.StrEnum):
    """How owners are kept apart beyond the queries' own conditions."""

    #: Transactions run as a role that the policies bind.
    ROLE = "role"
    #: The policies are forced upon the tables' owner, who we are.
    FORCED = "forced"


def walled(connection: psycopg.Connection) -> list[str]:
    """The tables in the current schema that have the wall, whichever package they belong to, in name order."""
    rows = connection.execute(
        "SELECT c.relname FROM pg_policy p JOIN pg_class c ON c.oid = p.polrelid "
        "WHERE p.polname = 'capsa_owner' AND c.relnamespace = current_schema()::regnamespace ORDER BY 1"
    )
    return [name for (name,) in rows.fetchall()]


def build(connection: psycopg.Connection, package: SchemaPackage) -> Wall:
    """Put the wall round a package's tables, inside the caller's transaction, and say which one it is."""
    wall = Wall.ROLE if _bound_role(connection) else Wall.FORCED
    tables = package.tables()
    for table, column in _owner_columns(connection, package).items():
        name = sql.Identifier(table)
        connection.execute(sql.SQL("ALTER TABLE {} ENABLE ROW LEVEL SECURITY").format(name))
        force = sql.SQL("FORCE" if wall is Wall.FORCED else "NO FORCE")
        connection.execute(sql.SQL("ALTER TABLE {} {} ROW LEVEL SECURITY").format(name, force))
        for policy, rule in _POLICIES.items():
            written = sql.SQL(rule).format(column=sql.Identifier(column), setting=_SETTING, public=_PUBLIC)
            connection.execute(sql.SQL("DROP POLICY IF EXISTS {} ON {}").format(sql.Identifier(policy), name))
            connection.execute(sql.SQL("CREATE POLICY {} ON {} {}").format(sql.Identifier(policy), name, written))
    if wall is Wall.ROLE:
        _grant(connection, tables)
    _shut_out(connection, tables)
    return wall


def _owner_columns(connection: psycopg.Connection, package: SchemaPackage) -> dict[str, str]:
    """Table -> the column that says whose a row is; tables without one are left out."""
    rows = connection.execute(
        "SELECT attrelid::regclass::text FROM pg_attribute WHERE attname = 'owner' AND NOT attisdropped "
        "AND attrelid = ANY (SELECT to_regclass(quote_ident(t)) FROM unnest(%s::text[]) AS t) ORDER BY 1",
        (package.tables(),),
    )
    having = {name.strip('"') for (name,) in rows.fetchall()}
    named = {table: "owner" for table in package.tables() if table in having}
    return named | dict(package.owners)


def standing(connection: psycopg.Connection) -> Wall:
    """Which wall an existing schema has."""
    (forced,) = connection.execute(
        "SELECT relforcerowsecurity FROM pg_class WHERE oid = 'capsa_records'::regclass"
    ).fetchone() or (False,)
    return Wall.FORCED if forced else Wall.ROLE


def lift(connection: psycopg.Connection, tables: list[str]) -> None:
    """Let the tables' owner see and load everything for the rest of this transaction; see `restore`."""
    if tables:
        # In the order in which writers come by them, or one that has the records and wants an index would wait
        # for us, and we for it.
        names = sorted(tables, key=lambda name: (name != "capsa_records", name))
        listed = sql.SQL(", ").join(map(sql.Identifier, names))
        connection.execute(sql.SQL("LOCK TABLE {} IN ACCESS EXCLUSIVE MODE").format(listed))
    for table in tables:
        connection.execute(sql.SQL("ALTER TABLE {} NO FORCE ROW LEVEL SECURITY").format(sql.Identifier(table)))


def restore(connection: psycopg.Connection, tables: list[str]) -> None:
    """Force the policies again. If the transaction fails, it never was otherwise."""
    for table in tables:
        connection.execute(sql.SQL("ALTER TABLE {} FORCE ROW LEVEL SECURITY").format(sql.Identifier(table)))


def _shut_out(connection: psycopg.Connection, tables: list[str]) -> None:
    """Take from a host's public roles what it grants them on every new table, sequence and function.

    A Supabase project serves its schema ``public`` to anybody who has its public key, as one of `_PUBLIC_ROLES`.
    """
    known = connection.execute("SELECT rolname FROM pg_roles WHERE rolname = ANY (%s)", (list(_PUBLIC_ROLES),))
    roles = [sql.Identifier(name) for (name,) in known.fetchall()]
    if not roles:
        return
    functions = connection.execute(
        "SELECT DISTINCT tgfoid::regprocedure::text FROM pg_trigger JOIN pg_class c ON c.oid = tgrelid "
        "WHERE NOT tgisinternal AND c.relnamespace = current_schema()::regnamespace AND c.relname = ANY (%s)",
        (tables,),
    ).fetchall()
    whom = sql.SQL(", ").join([sql.SQL("PUBLIC"), *roles])
    for name, kind in _relations(connection, tables):
        what = sql.SQL("SEQUENCE" if kind == "S" else "TABLE")
        connection.execute(sql.SQL("REVOKE ALL ON {} {} FROM {}").format(what, sql.Identifier(name), whom))
    for (name,) in functions:
        connection.execute(sql.SQL("REVOKE ALL ON FUNCTION {} FROM {}").format(sql.SQL(name), whom))


def _bound_role(connection: psycopg.Connection) -> bool:
    """Whether this user can take on the bound role, creating it if need be."""
    role = sql.Identifier(BOUND_ROLE)
    try:
        with connection.transaction():
            known = connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", (BOUND_ROLE,)).fetchone()
            if not known:
                connection.execute(sql.SQL("CREATE ROLE {} NOLOGIN NOINHERIT").format(role))
                if not connection.execute(
                    "SELECT 1 FROM pg_roles WHERE rolname = current_user AND rolsuper"
                ).fetchone():
                    connection.execute(sql.SQL("GRANT {} TO CURRENT_USER").format(role))
    except psycopg.errors.InsufficientPrivilege:
        return False
    except (psycopg.errors.DuplicateObject, psycopg.errors.UniqueViolation):
        # Another database of this server was faster: roles are shared.
        pass
    try:
        with connection.transaction():
            connection.execute(sql.SQL("SET LOCAL ROLE {}").format(role))
            connection.execute("RESET ROLE")
    except psycopg.errors.InsufficientPrivilege:
        return False
    return True


def _grant(connection: psycopg.Connection, tables: list[str]) -> None:
    role = sql.Identifier(BOUND_ROLE)
    (schema,) = connection.execute("SELECT current_schema()").fetchone() or ("public",)
    where = sql.Identifier(schema)
    connection.execute(sql.SQL("GRANT USAGE ON SCHEMA {} TO {}").format(where, role))
    for name, kind in _relations(connection, tables):
        rights = sql.SQL("USAGE ON SEQUENCE" if kind == "S" else _RIGHTS.get(name, "SELECT, INSERT, UPDATE, DELETE ON"))
        connection.execute(sql.SQL("GRANT {} {} TO {}").format(rights, sql.Identifier(name), role))


def _relations(connection: psycopg.Connection, tables: list[str]) -> list[tuple[str, str]]:
    """A package's tables, the record of migrations, and the sequences that their columns draw on: (name, kind)."""
    return connection.execute(
        "WITH ours AS (SELECT to_regclass(quote_ident(t))::oid AS id FROM unnest(%s::text[]) AS t), "
        "drawn AS (SELECT refobjid AS id FROM pg_depend JOIN pg_attrdef a ON a.oid = objid "
        "JOIN ours ON ours.id = adrelid "
        "UNION SELECT objid FROM pg_depend JOIN ours ON ours.id = refobjid WHERE deptype IN ('a', 'i')) "
        "SELECT relname, relkind FROM pg_class WHERE oid IN (SELECT id FROM ours) AND relkind IN ('r', 'p') "
        "OR oid IN (SELECT id FROM drawn) AND relkind = 'S'",
        ([*tables, "capsa_migrations"],),
    ).fetchall()
