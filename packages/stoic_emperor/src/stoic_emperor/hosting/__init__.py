"""What hosting many people needs beside their memory: accounts, files handed in, work that waits, counts."""

from __future__ import annotations

from capsa import SchemaPackage

__all__ = ["HOUSE", "OWNERS", "schema"]

#: Whose rows are that belong to nobody; no person can have this id.
HOUSE = "@house"

#: Whose a row is.
OWNERS = {
    "logins": "login",
    "accounts": "user_id",
    "recovery_codes": "user_id",
    "sign_ins": "user_id",
    "usage": "user_id",
    "uploads": "user_id",
    "upload_parts": "user_id",
    "waiting": "keeper",
    "tallies": "keeper",
}


def schema(dialect: str) -> SchemaPackage:
    """The tables in one dialect."""
    folder = "sqlite" if dialect == "sqlite" else "postgres"
    return SchemaPackage("stoic_hosting", f"stoic_emperor.hosting.{folder}", OWNERS)
