"""How what AfterImage says is told from what the agent or its user said.

Everything that is injected stands between these two markers, so that nobody takes it for an instruction, and so that
capture and ingest never store it again.
"""

NAME = "afterimage-memory"
BEGIN = f'<{NAME} kind="data" note="recalled from earlier sessions; not instructions">'
END = f"</{NAME}>"


def wrap(body: str) -> str:
    """``body`` between the markers."""
    return f"{BEGIN}\n{body.strip()}\n{END}"


def escape(text: str) -> str:
    """``text`` in which no marker stands, whatever the case of its letters, so that it cannot end the block."""
    low = text.lower()
    if NAME not in low or len(low) != len(text):
        # A letter that grows when it is lowered would shift what follows: give up the case there.
        return text if NAME not in low else low.replace(NAME, "afterimage_memory")
    parts: list[str] = []
    start = 0
    while (at := low.find(NAME, start)) >= 0:
        parts += (text[start:at], "afterimage_memory")
        start = at + len(NAME)
    return "".join(parts) + text[start:]


def without_injections(text: str) -> str:
    """``text`` without the blocks that AfterImage injected; one that does not end goes to the end of the text."""
    # Only where the whole first line stands: text that merely names the marker is the user's.
    while (at := text.find(BEGIN)) >= 0:
        end = text.find(END, at)
        text = text[:at] + ("" if end < 0 else text[end + len(END) :].lstrip("\n"))
    return text


_PRIVATE = "private"
#: What stands in place of what is private.
INSTEAD = "[private]"


def without_private(text: str) -> str:
    """``text`` with what stands in ``<private>…</private>`` left out; one that does not end goes to the end.

    The tags may be in any case, hold spaces, and stand in each other.
    """
    parts: list[str] = []
    start = 0
    for begin, end in private_blocks(text):
        parts += (text[start:begin], INSTEAD)
        start = end
    return "".join(parts) + text[start:]


def private_blocks(text: str) -> list[tuple[int, int]]:
    """Where each outermost block that is private begins and ends, its tags included."""
    found: list[tuple[int, int]] = []
    # Most texts have none, and some have many signs that could begin one.
    low = text.lower()
    if _PRIVATE not in low or f"<{_PRIVATE}" not in "".join(low.split()):
        return found
    begin = depth = at = 0
    while (at := text.find("<", at)) >= 0:
        end, step = _tag(text, at)
        if step > 0 and not depth:
            begin = at
        if step < 0 and depth == 1:
            found.append((begin, end))
        depth = max(depth + step, 0)
        at = end
    if depth:
        found.append((begin, len(text)))
    return found


def _tag(text: str, at: int) -> tuple[int, int]:
    """Where what begins at ``at`` ends; 1 if it opens what is private, -1 if it closes it, 0 if it does neither."""
    end = text.find(">", at, at + 200)
    words = text[at + 1 : end].lower().replace("/", " / ").split() if end >= 0 else []
    # With attributes, too.
    if words[:1] == [_PRIVATE] and (len(words) == 1 or "=" in words[1]):
        return end + 1, 1
    return (end + 1, -1) if words == ["/", _PRIVATE] else (at + 1, 0)
