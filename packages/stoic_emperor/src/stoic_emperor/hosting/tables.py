"""The tables of hosting, as a transfer carries them."""

from __future__ import annotations

from capsa import transfer

Column, Kind, Reference, Table = transfer.Column, transfer.Kind, transfer.Reference, transfer.Table

_USER = Reference(columns=("user_id",), table="users", key=("id",))

#: In an order in which what others refer to comes first.
TABLES = (
    Table(
        name="logins",
        columns=(
            Column("login"),
            Column("user_id"),
            Column("failures", Kind.INTEGER),
            Column("locked_until", Kind.TIME),
        ),
        key=("login",),
        scope=("login",),
    ),
    Table(
        name="accounts",
        columns=(
            Column("user_id"),
            Column("login"),
            Column("password_hash"),
            Column("provider"),
            Column("created_at", Kind.TIME),
            Column("adult_at", Kind.TIME),
        ),
        key=("user_id",),
        scope=("user_id",),
        references=(_USER,),
    ),
    Table(
        name="recovery_codes",
        columns=(Column("user_id"), Column("code_hash"), Column("created_at", Kind.TIME)),
        key=("user_id", "code_hash"),
        scope=("user_id",),
    ),
    Table(
        name="sign_ins",
        columns=(
            Column("user_id"),
            Column("id"),
            Column("secret_hash"),
            Column("previous_hash"),
            Column("created_at", Kind.TIME),
            Column("rotated_at", Kind.TIME),
            Column("confirmed_at", Kind.TIME),
            Column("seen_at", Kind.TIME),
            Column("browser"),
        ),
        key=("user_id", "id"),
        scope=("user_id",),
        references=(_USER,),
    ),
    Table(
        name="usage",
        columns=(Column("user_id"), Column("day"), Column("replies", Kind.INTEGER)),
        key=("user_id", "day"),
        scope=("user_id",),
    ),
    Table(
        name="uploads",
        columns=(
            Column("user_id"),
            Column("id"),
            Column("kind"),
            Column("name"),
            Column("about"),
            Column("size", Kind.INTEGER),
            Column("state"),
            Column("done", Kind.INTEGER),
            Column("total", Kind.INTEGER),
            Column("report"),
            Column("created_at", Kind.TIME),
            Column("finished_at", Kind.TIME),
        ),
        key=("user_id", "id"),
        scope=("user_id",),
        references=(_USER,),
    ),
    Table(
        name="upload_parts",
        columns=(Column("user_id"), Column("upload_id"), Column("part", Kind.INTEGER), Column("content", Kind.BYTES)),
        key=("user_id", "upload_id", "part"),
        scope=("user_id",),
        references=(Reference(columns=("user_id", "upload_id"), table="uploads", key=("user_id", "id")),),
    ),
    Table(
        name="waiting",
        columns=(
            Column("keeper"),
            Column("user_id"),
            Column("task"),
            Column("since", Kind.TIME),
            Column("taken", Kind.TIME),
            Column("failures", Kind.INTEGER),
            Column("due", Kind.TIME),
        ),
        key=("keeper", "user_id", "task"),
        scope=("keeper",),
    ),
    Table(
        name="tallies",
        columns=(Column("keeper"), Column("day"), Column("what"), Column("count", Kind.INTEGER)),
        key=("keeper", "day", "what"),
        scope=("keeper",),
    ),
)
