"""Many rows of the predecessor at once: what is plain is converted column by column, which is several times as fast.

Plain is nearly all that its versions wrote. What is not goes row by row through `Converter`, and so it does not
matter to the rows which way they came.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Mapping, Sequence
from json.encoder import encode_basestring
from typing import TypeVar

from capsa import MAX_KEY_BYTES, transfer
from stoic_emperor.legacy.condensed import Condensed
from stoic_emperor.legacy.layouts import MESSAGES, SUMMARIES, USERS, Layout
from stoic_emperor.legacy.rows import COMPLETE, Converter
from stoic_emperor.legacy.times import Times
from stoic_emperor.legacy.values import RESERVED, Value, is_plain

#: Fewer rows are as quick one by one.
_FEW = 8

T = TypeVar("T")
#: A number, the id, what is odd, and the other columns in the order of `Converter.columns`. Odd is None for a plain
#: row, else, separated by commas, 1 if an earlier one has the same id, and what SQLite says the columns are.
NumberedRow = Sequence[Value]
_ODD = 2
#: The numbers of rows -> the users they belong to as the table of users has them, by number.
Users = Callable[[Sequence[Value]], Mapping[Value, Value]]
Fields = Sequence[transfer.Field]
#: (values, places of rows that are not plain, to be added to) -> the fields; those of such rows do not count.
ColumnReader = Callable[[Sequence[Value], set[int]], Fields]


class ColumnConverter:
    """Makes our rows of many rows of one table, the same as `Converter` makes one by one."""

    def __init__(
        self, converter: Converter, layout: Layout, times: dict[str, Times], condensed: Condensed, users: Users
    ) -> None:
        self._converter = converter
        self._users = users
        self._condensed = condensed
        self._layout = layout
        self._times = times
        #: Column -> place in a row: its number comes first.
        self._places = {name: place for place, name in enumerate(converter.columns, 3)}
        #: The column by which a row is somebody's; without it, each is looked up by its number.
        self._named_by = self._places.get("session_id" if layout is MESSAGES else layout.user or "", 0)
        self._extra = [self._places[name] for name in converter.extra]
        self._readers: dict[str, ColumnReader] = dict.fromkeys(layout.texts, read_texts)
        self._readers |= dict.fromkeys((*layout.optional_texts, *layout.optional_json), read_optional_texts)
        self._readers |= {name: read_texts for name, _ in layout.json}
        self._readers |= dict.fromkeys(layout.optional_keys, read_optional_keys)
        self._readers |= {name: read_integers for name, _ in layout.integers}
        self._readers |= {"confidence": read_confidences, "session_id": read_keys}
        self._optional = {*layout.optional_times}
        self._labels = {name: f'{encode_basestring(name)}: "'.encode() for name in times}
        remark = times["created_at"].naive
        self._remarks = () if remark is None else (remark,)

    def convert(self, rows: Sequence[NumberedRow]) -> list[transfer.Item]:
        """Rows of the source, in their order."""
        values = list(zip(*rows, strict=True))
        users = self._users_of(values)
        if len(rows) < _FEW or (absent := self._converter.absent) is None:
            return list(map(self._one, rows, users))
        odd: set[int] = set()
        columns = self._columns(values, users, absent, odd)
        keys = list(map(str, values[0]))
        if not odd:
            return self._made(keys, columns)
        wanted = [place not in odd for place in range(len(rows))]
        plain = iter(self._made(_only(keys, wanted), [_only(column, wanted) for column in columns]))
        return [
            next(plain) if is_wanted else self._one(row, user)
            for is_wanted, row, user in zip(wanted, rows, users, strict=True)
        ]

    def _users_of(self, values: Sequence[Sequence[Value]]) -> Sequence[Value]:
        """Whose each row is: looked up once for all plain ones that name the same."""
        numbers, odd, names = values[0], values[_ODD], values[self._named_by]
        if self._layout is USERS:
            return [None] * len(numbers)
        # What is no text may look the same to us, and not to SQLite.
        shared = [name.__class__ is bytes and what is None for name, what in zip(names, odd, strict=True)]
        number_of = dict(itertools.compress(zip(names, numbers, strict=True), shared))
        alone = [number for number, is_shared in zip(numbers, shared, strict=True) if not is_shared]
        found = self._users([*number_of.values(), *alone])
        user_of = {name: found[number] for name, number in number_of.items()}
        return [
            user_of[name] if is_shared else found[number]
            for name, number, is_shared in zip(names, numbers, shared, strict=True)
        ]

    def _one(self, row: NumberedRow, user: Value) -> transfer.Item:
        number, id_, odd, *others = row
        has_same_id, *types = (odd or b"").decode().split(",")  # type: ignore[union-attr]
        named = dict(zip(("id", *self._converter.columns), types, strict=True)) if types else None
        return self._converter.convert(str(number), (id_, user, has_same_id == "1", *others), named)

    def _made(self, keys: Sequence[str], columns: Sequence[Fields]) -> list[transfer.Item]:
        return [*transfer.make_rows(keys, columns, remarks=self._remarks)] if keys else []

    def _columns(
        self,
        values: Sequence[Sequence[Value]],
        users: Sequence[Value],
        absent: dict[str, transfer.Field],
        odd: set[int],
    ) -> list[Fields]:
        """The columns of our table."""
        count = len(values[0])
        found: dict[str, Fields] = {name: [field] * count for name, field in absent.items()}
        ids, owners = self._ids(values, users, odd)
        if self._layout is not USERS:
            found["user_id"] = owners
        found["id"] = ids
        spelled: list[tuple[bytes, Sequence[bytes | None]]] = []
        for name in self._layout.table.names:
            if name not in self._places:
                continue
            column = values[self._places[name]]
            if name in self._times:
                found[name], spellings = self._read_times(name, column, odd)
                spelled.append((self._labels[name], spellings))
            elif name in self._readers:
                found[name] = self._readers[name](column, odd)
        found["original"] = _objects(spelled)
        if self._layout is MESSAGES:
            found["status"] = [COMPLETE] * count
            found["condensed_into"] = self._of_messages(owners, found["created_at"])
        elif self._layout is SUMMARIES:
            found["condensed_into"] = self._of_summaries(owners, ids)
        nothing = [None] * count
        return [found.get(name, nothing) for name in self._layout.table.names]

    def _ids(self, values: Sequence[Sequence[Value]], users: Sequence[Value], odd: set[int]) -> tuple[Fields, Fields]:
        """Ids and owners; also noted is what makes a whole row odd."""
        ids = read_keys(values[1], odd)
        owners = ids if self._layout is USERS else read_keys(users, odd)
        if not RESERVED.isdisjoint(owners):
            odd.update(place for place, owner in enumerate(owners) if owner in RESERVED)
        for column in (values[_ODD], *[values[extra] for extra in self._extra]):
            odd.update(_given(column))
        return ids, owners

    def _read_times(self, name: str, values: Sequence[Value], odd: set[int]) -> tuple[Fields, Sequence[bytes | None]]:
        """Fields, and the spellings that are to be kept."""
        if name in self._optional and None in values:
            places = _given(values)
            if not places:
                return values, values  # type: ignore[return-value]
            strange: set[int] = set()
            fields, spelled = self._read_given_times(name, [values[place] for place in places], strange)
            odd.update(places[place] for place in strange)
            return _scattered(fields, values), _scattered(spelled, values)
        return self._read_given_times(name, values, odd)

    def _read_given_times(
        self, name: str, values: Sequence[Value], odd: set[int]
    ) -> tuple[Fields, Sequence[bytes | None]]:
        since, plain = self._times[name].read_all(values)
        fields = transfer.pack_all(transfer.Kind.TIME, since.tolist())
        if plain.all():
            return fields, values  # type: ignore[return-value]
        usable = plain.tolist()
        odd.update(place for place, is_usable in enumerate(usable) if not is_usable)
        return fields, [value if is_usable else None for is_usable, value in zip(usable, values, strict=True)]  # type: ignore[misc]

    def _of_messages(self, users: Fields, times: Fields) -> Fields:
        """The summaries that stand for messages."""
        if not self._condensed:
            return [None] * len(users)
        find, unpack, kind = self._condensed.message, transfer.unpack, transfer.Kind.TIME
        return [
            None if user is None or time is None else find(user, int(unpack(kind, time) or 0))
            for user, time in zip(users, times, strict=True)
        ]

    def _of_summaries(self, users: Fields, ids: Fields) -> Fields:
        """The summaries that stand for summaries."""
        find = self._condensed.summary
        return [None if user is None or id_ is None else find(user, id_) for user, id_ in zip(users, ids, strict=True)]


def _only(values: Iterable[T], wanted: Iterable[bool]) -> list[T]:
    return list(itertools.compress(values, wanted))


def _objects(columns: Sequence[tuple[bytes, Sequence[bytes | None]]]) -> Fields:
    """JSON objects, None for one without a pair; columns are given as ``"name": "`` and the values."""
    if not columns:
        return []
    (label, first), *others = columns
    if None in first:
        pairs = [[None if v is None else b'%b%b"' % (label, v) for v in values] for label, values in columns]
        joined = (b", ".join(filter(None, one)) for one in zip(*pairs, strict=True))
        return [b"{%b}" % one if one else None for one in joined]
    # As it nearly always is: every row has the first.
    pieces = [[b"" if v is None else b', %b%b"' % (label, v) for v in values] for label, values in others]
    opening, quote, closing = map(itertools.repeat, (b"{" + label, b'"', b"}"))
    return list(map(b"".join, zip(opening, first, quote, *pieces, closing, strict=False)))


# Columns


def _of_bytes(values: Sequence[Value], odd: set[int]) -> Sequence[bytes]:
    """A column of texts, those that are no texts noted."""
    if set(map(type, values)) == {bytes}:
        return values  # type: ignore[return-value]
    odd.update(place for place, value in enumerate(values) if not isinstance(value, bytes))
    return [value if isinstance(value, bytes) else b"" for value in values]


def _stored(texts: Sequence[bytes]) -> Sequence[bytes]:
    """Texts as ours has them. Looked at together: what is between them is valid, so all are if the whole is."""
    whole = b"\n".join(texts)
    if is_plain(whole) or transfer.bytes_to_stored(whole) == whole:
        return texts
    return [text if is_plain(text) else transfer.bytes_to_stored(text) for text in texts]


def _given(values: Sequence[Value]) -> list[int]:
    """The places where there is something."""
    return [place for place, value in enumerate(values) if value is not None]


def _scattered(fields: Fields, values: Sequence[Value]) -> Fields:
    """One field for each of the values that there are, and none for the others."""
    rest = iter(fields)
    return [None if value is None else next(rest) for value in values]


def read_texts(values: Sequence[Value], odd: set[int]) -> Fields:
    """Texts; where there is none, it is to be said."""
    return _stored(_of_bytes(values, odd))


def read_optional_texts(values: Sequence[Value], odd: set[int]) -> Fields:
    """Texts, or none."""
    if None not in values:
        return read_texts(values, odd)
    places = _given(values)
    strange: set[int] = set()
    texts = read_texts([values[place] for place in places], strange) if places else []
    odd.update(places[place] for place in strange)
    return _scattered(texts, values)


def read_keys(values: Sequence[Value], odd: set[int]) -> Fields:
    """Parts of keys."""
    keys = _of_bytes(values, odd)
    lengths = list(map(len, keys))
    if min(lengths) == 0 or max(lengths) > MAX_KEY_BYTES or not is_plain(b"".join(keys)):
        odd.update(place for place, key in enumerate(keys) if not (0 < len(key) <= MAX_KEY_BYTES and is_plain(key)))
    return keys


def read_optional_keys(values: Sequence[Value], odd: set[int]) -> Fields:
    """Ids that refer to something, or none."""
    strange: set[int] = set()
    read_keys(values, strange)
    odd.update(place for place in strange if values[place] is not None and values[place] != b"")
    return [value if isinstance(value, bytes) else None for value in values]


def read_integers(values: Sequence[Value], odd: set[int]) -> Fields:
    """Whole numbers."""
    odd.update(place for place, value in enumerate(values) if not isinstance(value, int))
    return transfer.pack_all(transfer.Kind.INTEGER, [value if isinstance(value, int) else 0 for value in values])


def read_confidences(values: Sequence[Value], odd: set[int]) -> Fields:
    """Numbers that should be from 0 to 1."""
    odd.update(place for place, value in enumerate(values) if not isinstance(value, int | float))
    numbers = [float(value) if isinstance(value, int | float) else 0.5 for value in values]
    return transfer.pack_all(transfer.Kind.FLOAT, numbers)
