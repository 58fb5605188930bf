"""JSON by the two C functions under the package `json`, which itself takes as long to load as the hook to run."""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class _Plain:
    """How the scanner is to read: everything as Python has it, control characters in strings allowed."""

    strict = False
    object_hook = None
    object_pairs_hook = None
    parse_float = float
    parse_int = int
    memo: "dict[str, str]" = {}  # noqa: RUF012  # the scanner wants an attribute

    @staticmethod
    def parse_constant(name: str) -> float:
        return float(name)


def loads(data: bytes) -> "Any":
    """The value in ``data``; None if it is not JSON. Half characters come as they are."""
    text = data.decode("utf-8", "surrogateescape").lstrip("\ufeff \t\r\n")
    scanner: Any
    try:
        from _json import make_scanner as scanner
    except ImportError:
        from json.scanner import py_make_scanner as scanner  # type: ignore[attr-defined, no-redef]
    try:
        value, end = scanner(_Plain())(text, 0)
    except (StopIteration, ValueError, RecursionError):
        return None
    return None if text[end:].strip() else value


def dumps(value: "Any") -> bytes:
    """``value`` as JSON, in ASCII, so that any text survives. Raises ValueError for what JSON cannot say."""
    try:
        from _json import encode_basestring_ascii, make_encoder
    except ImportError:
        import json

        return json.dumps(value).encode()
    encode = make_encoder(None, _refuse, encode_basestring_ascii, None, ": ", ", ", False, False, True)  # noqa: FBT003
    return "".join(encode(value, 0)).encode()


def _refuse(value: object) -> None:
    raise ValueError(f"{type(value).__name__} has no form in JSON")
