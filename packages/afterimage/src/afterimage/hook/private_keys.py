"""Private keys are taken out by looking for their first and last lines, in time that grows with the text alone."""

_BEGIN = "-----BEGIN"
_END = "-----END"
_DASHES = "-----"
#: A label is at most this long, and a key with subkeys.
_LABEL = 130
_LONGEST = 1 << 16
#: A line of a key that has no end is at least this long, but for the last one.
_LINE = 16
_BASE64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=\\"
#: What may stand around a line: where it is quoted, commented or part of a diff.
_AROUND = " \t\r\"'`,;#*>|+-"
_HEADERS = ("Proc-Type:", "DEK-Info:", "Version:", "Comment:")


def without_private_keys(text: str, instead: str) -> str:
    """``text`` with ``instead`` for each private key; one that does not end goes to the end of its base64 lines."""
    parts: list[str] = []
    start = 0
    at, body = _marker(text, _BEGIN, 0)
    end = after = -1
    while at < len(text):
        following, following_body = _marker(text, _BEGIN, body)
        if end < body:
            end, after = _marker(text, _END, body)
        stop = after if end < following and end - body <= _LONGEST else _end_of_lines(text, body, following)
        if stop > body:
            parts += (text[start:at], instead)
            start = stop
        at, body = following, following_body
    return "".join(parts) + text[start:]


def _marker(text: str, opening: str, start: int) -> tuple[int, int]:
    """Where the next first or last line of a private key begins and ends; the text's end if there is none."""
    while (at := text.find(opening, start)) >= 0:
        start = at + len(opening)
        end = text.find(_DASHES, start, start + _LABEL)
        if end >= 0 and text[start:end].removesuffix(" BLOCK").endswith("PRIVATE KEY"):
            return at, end + len(_DASHES)
    return len(text), len(text)


def _end_of_lines(text: str, body: int, limit: int) -> int:
    stop = at = body
    full = False
    while at < limit:
        end = text.find("\n", at, limit)
        end = limit if end < 0 else end
        line = text[at:end].strip(_AROUND)
        if line.strip(_BASE64) and not line.startswith(_HEADERS):
            break
        if len(line) >= _LINE or (line and full):
            stop = at + len(text[at:end].rstrip(_AROUND))
        elif line and line.strip("\\nr"):
            break
        full = len(line) >= _LINE
        at = end + 1
    return stop
