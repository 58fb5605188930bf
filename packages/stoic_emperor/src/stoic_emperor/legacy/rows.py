"""Rows of the predecessor's tables as rows of ours.

Names and columns are nearly the same. What ours cannot hold as it was spelled is held as it is meant, and the
spelling is kept in ``original``, a JSON object by column: every time without a zone, a missing value where ours needs
one, a confidence in words, and the columns that only the predecessor had. JSON columns are texts and stay what they
are, letter by letter: ``null``, NaN and what was cut off included. A row without a usable id or a person is refused.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

from capsa import transfer
from stoic_emperor.legacy import values as read_as
from stoic_emperor.legacy.condensed import Condensed
from stoic_emperor.legacy.layouts import LEFT_BEHIND, MESSAGES, SUMMARIES, USERS, Layout
from stoic_emperor.legacy.times import Times
from stoic_emperor.legacy.values import Notes, Reader, RefusedRow, Value, checked_owner, key

EXTRA_COLUMN = "column that only the earlier program had, kept with the row"
COMPLETE = b"complete"


class Converter:
    """Makes our rows of the rows of one table.

    A row is given as its id, the id of the user it belongs to as the table of users has it (None: there is none),
    whether an earlier row has the same id, then the other columns, in the order of `columns`.
    """

    def __init__(
        self,
        layout: Layout,
        present: Sequence[str],
        times: dict[str, Times],
        condensed: Condensed,
    ) -> None:
        """Prepare.

        Args:
            present: the columns that the table has.
            times: how the times of each column are read.
        """
        self._layout = layout
        self._condensed = condensed
        self.extra = tuple(name for name in present if name not in layout.known and name not in LEFT_BEHIND)
        self.columns = tuple(name for name in present if name in layout.known and name != "id") + self.extra
        self._places = {name: place for place, name in enumerate(self.columns, 3)}
        readers = self._readers(times)
        wanted = [(position, name) for position, name in enumerate(layout.table.names) if name in readers]
        #: Position among the fields, position among the values, reader.
        self._steps = [(at, self._places[name], readers[name]) for at, name in wanted if name in self._places]
        #: What the source has no column for.
        self._absent = [(at, readers[name]) for at, name in wanted if name not in self._places]
        self._names = layout.table.names
        self._session_at = self._places.get("session_id", -1)
        self._user_at = self._places.get(layout.user or "", -1)
        self._extra_at = [(name, self._places[name]) for name in self.extra]
        self._own_key = layout.table.names.index("user_id") if layout.name != "users" else 0
        self._time_at = self._names.index("created_at")
        self._made = self._made_columns()

    def _made_columns(self) -> dict[str, int]:
        names = self._names
        return {
            name: names.index(name)
            for name in ("id", "user_id", "status", "condensed_into", "original")
            if name in names
        }

    @cached_property
    def absent(self) -> dict[str, transfer.Field] | None:
        """The fields that the source has no column for; None if that is to be said of every row."""
        notes = Notes({})
        fields = {self._names[position]: read(None, notes) for position, read in self._absent}
        return None if notes.original or notes.remarks else fields

    def _readers(self, times: dict[str, Times]) -> dict[str, Reader]:
        layout = self._layout
        readers: dict[str, Reader] = {name: read_as.read_text(name, b"") for name in layout.texts}
        readers |= {name: read_as.read_optional_text(name) for name in (*layout.optional_texts, *layout.optional_json)}
        readers |= {name: read_as.read_text(name, otherwise.encode()) for name, otherwise in layout.json}
        readers |= {name: read_as.read_optional_key(name) for name in layout.optional_keys}
        readers |= {name: read_as.read_time(name, times[name]) for name in layout.times}
        readers |= {name: read_as.read_optional_time(name, times[name]) for name in layout.optional_times}
        readers |= {name: read_as.read_integer(name, otherwise) for name, otherwise in layout.integers}
        if "confidence" in layout.table.names:
            readers["confidence"] = read_as.read_confidence("confidence")
        if "session_id" in layout.table.names:
            readers["session_id"] = lambda value, notes: key("session_id", value, notes)
        return readers

    def convert(self, source_key: str, values: Sequence[Value], types: dict[str, str] | None = None) -> transfer.Item:
        """One row of the source."""
        try:
            return self._row(source_key, values, Notes(types or {}))
        except RefusedRow as error:
            named = dict(zip(("id", "(user)", "(same id)", *self.columns), values, strict=False))
            del named["(user)"], named["(same id)"]
            # Where no types are told, nothing is a BLOB.
            types = types or {name: "text" for name, value in named.items() if isinstance(value, bytes)}
            return transfer.Refused(source_key, str(error), transfer.describe_row(named, types))

    def _row(self, source_key: str, values: Sequence[Value], notes: Notes) -> transfer.Row:
        fields: list[transfer.Field] = [None] * len(self._names)
        id_ = key("id", values[0], notes)
        if values[2]:
            raise RefusedRow("an earlier row has the same id")
        user = self._user(id_, values, notes)
        fields[self._own_key] = user
        fields[self._made["id"]] = id_
        for position, place, read in self._steps:
            fields[position] = read(values[place], notes)
        for position, read in self._absent:
            fields[position] = read(None, notes)
        for name, place in self._extra_at:
            if values[place] is not None:
                notes.original[name] = transfer.json_value(values[place], notes.types.get(name))
                notes.remarks.append(EXTRA_COLUMN)
        if self._layout is MESSAGES:
            fields[self._made["status"]] = COMPLETE
            if self._condensed and "created_at" not in notes.unknown:
                when = transfer.unpack(transfer.Kind.TIME, fields[self._time_at])
                fields[self._made["condensed_into"]] = self._condensed.message(user, int(when or 0))
        elif self._layout is SUMMARIES:
            fields[self._made["condensed_into"]] = self._condensed.summary(user, id_)
        fields[self._made["original"]] = notes.field()
        remarks = notes.remarks if len(notes.remarks) < 2 else dict.fromkeys(notes.remarks)
        return transfer.make_row(source_key, tuple(fields), (), tuple(remarks))

    def _user(self, id_: bytes, values: Sequence[Value], notes: Notes) -> bytes:
        """The person whose row it is."""
        if self._layout is USERS:
            return checked_owner(id_)
        if values[1] is None:
            raise RefusedRow(self._why_nobodys(values))
        return checked_owner(key("user_id", values[1], notes))

    def _why_nobodys(self, values: Sequence[Value]) -> str:
        if self._layout is MESSAGES:
            if self._session_at < 0 or values[self._session_at] is None:
                return "it names no session"
            return "its session is missing, or has no user"
        if self._user_at < 0 or values[self._user_at] is None:
            return "it names no user"
        return "its user is missing"
