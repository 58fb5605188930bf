"""The foreign keys of a PostgreSQL table while it is filled: dropped before, and made again of all rows at once.

Only those that a `Reference` describes whole, and that a bare ``FOREIGN KEY … REFERENCES …`` makes again: one with
actions, or that is deferrable, is left as it is.
"""

from __future__ import annotations

import psycopg
from psycopg import sql

from capsa.database import Transaction
from capsa.transfer.tables import Reference, Table

_FIND = """
    SELECT c.conname, c.confdeltype = 'a' AND c.confupdtype = 'a' AND c.confmatchtype = 's' AND NOT c.condeferrable
    FROM pg_constraint AS c
    WHERE c.contype = 'f' AND c.conrelid = to_regclass(:table) AND c.confrelid = to_regclass(:other)
      AND (SELECT array_agg(a.attname::text ORDER BY k.place)
           FROM unnest(c.conkey) WITH ORDINALITY AS k(number, place)
           JOIN pg_attribute AS a ON a.attrelid = c.conrelid AND a.attnum = k.number) = :columns::text[]
      AND (SELECT array_agg(a.attname::text ORDER BY k.place)
           FROM unnest(c.confkey) WITH ORDINALITY AS k(number, place)
           JOIN pg_attribute AS a ON a.attrelid = c.confrelid AND a.attnum = k.number) = :key::text[]
"""


def drop(tx: Transaction, table: Table, reference: Reference) -> None:
    """Take the foreign key off, if `add` makes the same again."""
    for name, is_bare in _find(tx, table, reference):
        if is_bare:
            tx.connection.execute(
                sql.SQL("ALTER TABLE {} DROP CONSTRAINT {}").format(sql.Identifier(table.name), sql.Identifier(name))
            )


def add(tx: Transaction, table: Table, reference: Reference) -> str | None:
    """Make the foreign key if it is missing; why it could not be made, if it could not.

    That is so if others have deleted what rows refer to, while there was none. Their rows are not ours to delete.
    """
    if _find(tx, table, reference):
        return None
    connection = tx.connection
    try:
        with connection.transaction():
            connection.execute(
                sql.SQL("ALTER TABLE {} ADD FOREIGN KEY ({}) REFERENCES {} ({})").format(
                    sql.Identifier(table.name),
                    _list(reference.columns),
                    sql.Identifier(reference.table),
                    _list(reference.key),
                )
            )
    except psycopg.errors.ForeignKeyViolation as error:
        return (
            f"{table.name} has no foreign key to {reference.table}, as somebody deleted rows of it during a migration "
            f"({error.diag.message_detail}): delete what refers to them and run again"
        )
    return None


def _find(tx: Transaction, table: Table, reference: Reference) -> list[tuple[str, bool]]:
    values = {
        "table": table.name,
        "other": reference.table,
        "columns": list(reference.columns),
        "key": list(reference.key),
    }
    return [(name, is_bare) for name, is_bare in tx.execute(_FIND, values)]


def _list(columns: tuple[str, ...]) -> sql.Composable:
    return sql.SQL(", ").join(map(sql.Identifier, columns))
