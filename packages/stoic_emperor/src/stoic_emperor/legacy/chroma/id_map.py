"""Reading ``index_metadata.pickle``: which id has which label in the vector index, and nothing else.

A pickle is a program. Running a stranger's would hand them this machine, so this is no unpickler: a
small interpreter that knows the two shapes Chroma writes (a ``PersistentData`` of 0.5 and 0.6, a plain
dictionary of 1.x), looks nothing up, calls nothing, and refuses every instruction that neither needs.
The one class name it lets pass becomes an inert mark on its stack.

Only ``id_to_label`` is wanted, which may have millions of entries. They are handed on as they come; of
the rest only kinds are looked at. A text that a later instruction refers to is read again from the
file, of which 8 bytes a text are remembered.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import BinaryIO, Final, NamedTuple

#: Where Chroma 0.5 and 0.6 have the class.
CLASS: Final = ("chromadb.segment.impl.vector.local_persistent_hnsw", "PersistentData")

#: Far beyond what Chroma writes, and small enough that a made-up file cannot fill the memory.
MAX_TEXT_BYTES = 1 << 20
MAX_STACK = 20_000
MAX_REFERENCES = 8_000_000
_MAX_FIELDS = 64

#: Called with an id and its label.
Sink = Callable[[str, int], None]


class InvalidIdMap(Exception):
    """Not an id map as Chroma writes it; the reason is the message. Never leaves this package."""


@dataclass(frozen=True, slots=True)
class IdMap:
    """What an id map says besides its pairs."""

    dimension: int | None
    #: The last record of the queue that the index holds, where this file says so (0.5).
    max_seq_id: int | None
    entries: int


def read_id_map(file: BinaryIO, sink: Sink) -> IdMap:
    """Read an id map, giving each pair of ``id_to_label`` to ``sink``.

    Raises:
        InvalidIdMap: it is cut off, or anything but what Chroma writes.
    """
    return _Interpreter(file, sink).run()


class _Mark(Enum):
    """What lies on the stack without a value."""

    MARK = "a mark"
    CLASS = "the class"
    ARGUMENTS = "its empty arguments"
    OBJECT = "the object"


class _Reference(NamedTuple):
    """A text that was met before, by where it stands in the file."""

    offset: int


class _Dictionary:
    """A dictionary that is being filled: the outermost keeps its fields, the inner ones only count."""

    __slots__ = ("fields", "role", "size")

    def __init__(self, role: str | None) -> None:
        self.role = role
        self.size = 0
        self.fields: dict[str, _Value] = {}


_Value = _Mark | _Reference | _Dictionary | str | int | bool | None


class _Interpreter:
    def __init__(self, file: BinaryIO, sink: Sink) -> None:
        self._file = file
        self._sink = sink
        self._stack: list[_Value] = []
        self._marks: list[int] = []
        # Where each remembered text begins; -1 for what is no text, which nothing may refer to.
        self._memo: array[int] = array("q")
        self._text_at = -1
        self._may_remember = False
        self._dictionaries = 0
        self._state: _Dictionary | None = None
        self._built = False

    def run(self) -> IdMap:
        try:
            if self._take(1) != b"\x80" or self._take(1)[0] not in range(2, 6):
                raise InvalidIdMap("it does not begin as a pickle of protocol 2 to 5")
            while (code := self._take(1)) != b".":
                step = _STEPS.get(code)
                if step is None:
                    raise InvalidIdMap(f"the instruction 0x{code.hex()} has no place in it")
                step(self)
                if len(self._stack) > MAX_STACK:
                    raise InvalidIdMap("it is nested or batched as Chroma never does")
        except UnicodeDecodeError:
            raise InvalidIdMap("it has a text that is not UTF-8") from None
        return self._result()

    def _result(self) -> IdMap:
        if self._file.read(1):
            raise InvalidIdMap("something follows after its end")
        state = self._state
        built = self._built and self._stack == [_Mark.OBJECT]
        whole = built or (len(self._stack) == 1 and self._stack[0] is state)
        if state is None or not whole or self._marks:
            raise InvalidIdMap("it ends in the middle")
        pairs = state.fields.get("id_to_label")
        if not isinstance(pairs, _Dictionary) or pairs.role != "id_to_label":
            raise InvalidIdMap("it has no id_to_label")
        return IdMap(_number(state, "dimensionality"), _number(state, "max_seq_id"), pairs.size)

    # Reading

    def _take(self, count: int) -> bytes:
        data = self._file.read(count)
        if len(data) != count:
            raise InvalidIdMap("it is cut off")
        return data

    def _text(self, length: int) -> str:
        if length > MAX_TEXT_BYTES:
            raise InvalidIdMap(f"it has a text of {length} bytes")
        return self._take(length).decode()

    def _push_text(self, width: int) -> None:
        self._text_at = self._file.tell() - 1
        self._push(self._text(int.from_bytes(self._take(width), "little")))

    def _push(self, value: _Value) -> None:
        self._stack.append(value)
        self._may_remember = True

    def _pop(self) -> _Value:
        bottom = self._marks[-1] + 1 if self._marks else 0
        if len(self._stack) <= bottom:
            raise InvalidIdMap("an instruction lacks what it works on")
        return self._stack.pop()

    def _string(self, value: _Value) -> str:
        """The text that a value is or refers to."""
        if isinstance(value, str):
            return value
        if not isinstance(value, _Reference):
            raise InvalidIdMap("it has something else where a text belongs")
        here = self._file.tell()
        self._file.seek(value.offset)
        width = _TEXT_WIDTHS[self._take(1)]
        text = self._text(int.from_bytes(self._take(width), "little"))
        self._file.seek(here)
        return text

    # Instructions

    def frame(self) -> None:
        self._take(8)

    def mark(self) -> None:
        self._marks.append(len(self._stack))
        self._stack.append(_Mark.MARK)

    def nothing(self) -> None:
        self._push(None)

    def integer(self, width: int, *, signed: bool) -> None:
        self._push(int.from_bytes(self._take(width), "little", signed=signed))

    def long_integer(self) -> None:
        width = self._take(1)[0]
        if width > 8:
            raise InvalidIdMap("it has a number of more than 64 bits")
        self.integer(width, signed=True)

    def short_text(self) -> None:
        self._push_text(1)

    def text(self) -> None:
        self._push_text(4)

    def long_text(self) -> None:
        self._push_text(8)

    def remember(self) -> None:
        if not self._may_remember or not self._stack or len(self._memo) >= MAX_REFERENCES:
            raise InvalidIdMap("it remembers what Chroma never does")
        self._may_remember = False
        self._memo.append(self._text_at if isinstance(self._stack[-1], str) else -1)

    def remember_at(self, width: int) -> None:
        if int.from_bytes(self._take(width), "little") != len(self._memo):
            raise InvalidIdMap("it remembers out of order")
        self.remember()

    def recall(self, width: int) -> None:
        index = int.from_bytes(self._take(width), "little")
        if index >= len(self._memo) or self._memo[index] < 0:
            raise InvalidIdMap("it refers to something other than an earlier text")
        self._stack.append(_Reference(self._memo[index]))
        self._may_remember = False

    def class_by_stack(self) -> None:
        name = self._string(self._pop())
        self._class(self._string(self._pop()), name)

    def class_by_line(self) -> None:
        lines = [self._file.readline(200).removesuffix(b"\n").decode() for _ in range(2)]
        self._class(*lines)

    def _class(self, module: str, name: str) -> None:
        if (module, name) != CLASS:
            raise InvalidIdMap(f"it asks for {module[:80]}.{name[:80]}, which is refused")
        if self._stack:
            raise InvalidIdMap("it has its class in the wrong place")
        self._push(_Mark.CLASS)

    def empty_arguments(self) -> None:
        if self._stack != [_Mark.CLASS]:
            raise InvalidIdMap("it has an empty tuple in the wrong place")
        self._push(_Mark.ARGUMENTS)

    def make_object(self) -> None:
        if self._stack != [_Mark.CLASS, _Mark.ARGUMENTS]:
            raise InvalidIdMap("it makes an object in the wrong place")
        self._stack.clear()
        self._push(_Mark.OBJECT)

    def dictionary(self) -> None:
        role = None
        if self._state is None:
            if self._stack not in ([], [_Mark.OBJECT]):
                raise InvalidIdMap("it has a dictionary in the wrong place")
        else:
            role = self._string(self._stack[-1]) if self._stack else None
            if role is None or self._dictionaries > _MAX_FIELDS:
                raise InvalidIdMap("it has a dictionary in the wrong place")
        self._dictionaries += 1
        made = _Dictionary(role)
        self._state = self._state or made
        self._push(made)

    def set_one(self) -> None:
        value = self._pop()
        key = self._pop()
        self._fill([key, value])

    def set_many(self) -> None:
        if not self._marks:
            raise InvalidIdMap("an instruction lacks what it works on")
        at = self._marks.pop()
        pairs = self._stack[at + 1 :]
        del self._stack[at:]
        self._fill(pairs)

    def _fill(self, pairs: list[_Value]) -> None:
        target = self._stack[-1] if self._stack else None
        if not isinstance(target, _Dictionary) or len(pairs) % 2:
            raise InvalidIdMap("it fills something other than a dictionary")
        if target is self._state:
            self._fill_state(target, pairs)
        elif target.role == "id_to_label":
            for key, label in zip(pairs[::2], pairs[1::2], strict=True):
                if not isinstance(label, int) or label < 0:
                    raise InvalidIdMap("it has a label that is no number")
                self._sink(self._string(key), label)
        elif not all(isinstance(value, str | int | _Reference) for value in pairs):
            raise InvalidIdMap("it has a value that is neither text nor number")
        target.size += len(pairs) // 2

    def _fill_state(self, state: _Dictionary, pairs: list[_Value]) -> None:
        for key, value in zip(pairs[::2], pairs[1::2], strict=True):
            name = self._string(key)
            if name in state.fields or len(state.fields) >= _MAX_FIELDS:
                raise InvalidIdMap("it says a thing twice")
            if isinstance(value, _Mark) or (isinstance(value, _Dictionary) and value.role != name):
                raise InvalidIdMap("it has something else where a value belongs")
            state.fields[name] = value

    def build(self) -> None:
        if len(self._stack) != 2 or self._stack[0] is not _Mark.OBJECT or self._stack[1] is not self._state:
            raise InvalidIdMap("it builds an object in the wrong place")
        self._stack.pop()
        self._built = True


def _number(state: _Dictionary, name: str) -> int | None:
    value = state.fields.get(name)
    if value is not None and not isinstance(value, int):
        raise InvalidIdMap(f"its {name} is no number")
    return value


_TEXT_WIDTHS = {b"\x8c": 1, b"X": 4, b"\x8d": 8}

#: Python's pickletools documents each of them.
_STEPS: dict[bytes, Callable[[_Interpreter], None]] = {
    b"\x95": _Interpreter.frame,
    b"(": _Interpreter.mark,
    b"N": _Interpreter.nothing,
    b"K": lambda machine: machine.integer(1, signed=False),
    b"M": lambda machine: machine.integer(2, signed=False),
    b"J": lambda machine: machine.integer(4, signed=True),
    b"\x8a": _Interpreter.long_integer,
    b"\x8c": _Interpreter.short_text,
    b"X": _Interpreter.text,
    b"\x8d": _Interpreter.long_text,
    b"\x94": _Interpreter.remember,
    b"q": lambda machine: machine.remember_at(1),
    b"r": lambda machine: machine.remember_at(4),
    b"h": lambda machine: machine.recall(1),
    b"j": lambda machine: machine.recall(4),
    b"c": _Interpreter.class_by_line,
    b"\x93": _Interpreter.class_by_stack,
    b")": _Interpreter.empty_arguments,
    b"\x81": _Interpreter.make_object,
    b"}": _Interpreter.dictionary,
    b"s": _Interpreter.set_one,
    b"u": _Interpreter.set_many,
    b"b": _Interpreter.build,
}
