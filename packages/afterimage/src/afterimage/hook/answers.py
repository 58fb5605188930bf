"""What is found, as each client takes it: bounded, marked as data, with where and when it is from."""

from time import gmtime, strftime

from . import files, jsons, marker
from .fingerprints import Lines
from .payloads import ALWAYS_ANSWERED

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .payloads import Event
    from .project import Project
    from .recall import Entry, Recall

#: Characters of all that is said at once: below the 10,000 of one client and, at three characters a token, the 2,500
#: tokens of another.
MOST = 7_000
#: Characters of the code of one entry.
_MOST_CODE = 1_800
#: Characters of a path.
_MOST_PATH = 300
#: How much of a file is read to see whether code still stands in it.
_MOST_FILE = 200_000
#: What stands after a part of an entry.
_MORE = "\n[…]"

#: Which project that is, is not for the agent to know before the user says that it is the same.
_ELSEWHERE = (
    "Nothing was written here in earlier sessions, but the memory has code that was written elsewhere at a commit "
    "which this checkout has, too. If it is the same project, moved or forked, the user can have its memory recalled "
    "here with `afterimage trust`, typed in this folder."
)
_WHY = {
    "identical": "the same code",
    "alike": "nearly the same code",
    "related": "shares rare names",
    "defines": "defines what you name",
    "file": "the file you name",
}


def standing(entry: "Entry", recall: "Recall", path: str, shown: str, first: int = 0) -> str:
    """FRESH, STALE or SUPERSEDED: whether what is shown of an entry, from a line of it on, still stands at ``path``.

    Empty of what never stood anywhere.
    """
    if not path or not shown.strip() or entry.change == "note":
        return ""
    written = files.modified(path) if path.startswith("/") else None
    if written is not None and stands(path, shown, entry.at):
        return "FRESH"
    last = first + shown.count("\n")
    if any(begin <= last and end >= first for begin, end in recall.replaced(entry)):
        return "SUPERSEDED: a later write changed it"
    return "STALE: the file has changed since" if written is not None else "STALE: the file is not there now"


def stands(path: str, code: str, at: int) -> bool:
    """Whether ``code``, written ``at`` that microsecond, still stands in a file, as far as that can be told."""
    written = files.modified(path)
    if written is None or written * 1_000_000 <= at:
        return written is not None
    return holds(path, code)


def holds(path: str, code: str) -> bool:
    """Whether ``code`` is in a file, line by line. What was redacted may be anything."""
    content = files.read_text(path, _MOST_FILE)
    if code and code in content:
        return True
    now = set(Lines(content).texts)
    return all(line in now for line in Lines(code).texts if "[redacted:" not in line)


def describe(entry: "Entry", recall: "Recall", here: "Project", near: str = "") -> str:
    """One entry: where and when it is from, why it is shown, and its code."""
    path = here.path_here(entry.path, entry.inside, entry.project)
    # All of a copy is near; of anything else the part that is.
    shown, first = part(recall.text(entry), near if entry.kind != "identical" else "")
    elsewhere = f"another project: {entry.project_name or entry.project}" if entry.project not in here.ids else ""
    facts = [
        _WHY.get(entry.kind, entry.kind),
        day(entry.at),
        f"by {entry.author}" if entry.author else "",
        f"session {entry.session[:8]}" if entry.session else "",
        elsewhere if entry.project else "project unknown",
        f"branch {entry.branch}" if entry.branch else "",
        standing(entry, recall, path, shown.removesuffix(_MORE), first),
    ]
    return block(_shortened(path) or "a note", [fact for fact in facts if fact], shown, first)


def block(path: str, facts: list[str], shown: str, first: int = 0) -> str:
    """Code with where and when it is from; ``first`` is its first line in what was written."""
    fence = "```"
    while fence in shown:
        fence += "`"
    place = f"{path}, from line {first + 1} of what was written" if first else path
    head = one_line(f"{place} ({'; '.join(facts)})")
    return marker.escape(f"{head}\n{fence}\n{shown}\n{fence}")


def _shortened(path: str) -> str:
    """``path``, of which the end says most."""
    return path if len(path) <= _MOST_PATH else f"…{path[-_MOST_PATH:]}"


def one_line(text: str) -> str:
    """``text`` in which a space stands for whatever would end its line or steer a terminal.

    A path or a branch is anybody's to name, and must not look like a paragraph of ours.
    """
    return text if text.isprintable() else "".join(letter if letter.isprintable() else " " for letter in text)


def recall_text(opening: str, parts: list[str], closing: str = "") -> str:
    """``parts`` between the markers, as many as there is room for."""
    body = [opening]
    room = MOST - len(opening) - len(closing) - len(marker.BEGIN) - len(marker.END) - 8
    for part in parts:
        if len(part) + 2 > room:
            break
        body.append(part)
        room -= len(part) + 2
    if len(body) == 1 and parts:
        return ""
    return marker.wrap("\n\n".join([*body, *([closing] if closing else [])]))


def recent_text(found: "list[tuple[Entry, int]]", here: "Project") -> str:
    """What was written last in a project, a line a file, with how often it was written in all."""
    lines = []
    for entry, count in found:
        path = here.path_here(entry.path, entry.inside, entry.project)
        times = f"{count} changes, last " if count > 1 else ""
        author = f", by {entry.author}" if entry.author else ""
        branch = f", branch {entry.branch}" if entry.branch else ""
        title = f": {entry.title}" if entry.title else ""
        lines.append(
            marker.escape(one_line(f"- {_shortened(path) or 'a note'} ({times}{day(entry.at)}{author}{branch}){title}"))
        )
    kept: list[str] = []
    for line in lines:
        if sum(map(len, kept)) + len(line) < MOST // 4:
            kept.append(line)
    if len(kept) < len(lines):
        kept.append(f"- and {len(lines) - len(kept)} more")
    said = ["\n".join(["Files written in this project in earlier sessions, newest first:", *kept])]
    if here.withheld:
        said.append(marker.escape(one_line(withheld(here))))
    return marker.wrap("\n\n".join(said))


def nothing_text(here: "Project", *, elsewhere: bool) -> str:
    """What there is to say of a project of which nothing is shown.

    Args:
        elsewhere: whether a project by another name was written in at a commit of this one.
    """
    if here.withheld:
        return marker.wrap(marker.escape(one_line(withheld(here))))
    return marker.wrap(_ELSEWHERE) if elsewhere else ""


def withheld(here: "Project") -> str:
    """Why the memory of what a checkout calls its remote is not shown there."""
    return (
        f"The memory also has code of {here.remote}, written elsewhere. It is not shown in {here.root}, as that has "
        "none of the commits at which it was written: if it is the same project, the user can say so with "
        "`afterimage trust`."
    )


def reply(event: "Event", context: str, *, deny: bool = False) -> bytes:
    """The JSON that ``event``'s client expects; nothing to say is nothing, or an empty object where that is asked."""
    if not context:
        return b"{}" if event.client in ALWAYS_ANSWERED else b""
    said: dict[str, Any]
    if event.client == "cursor":
        if deny:
            said = {"permission": "deny", "agent_message": context, "user_message": "AfterImage: this code exists"}
        else:
            said = {"additional_context": context}
    elif event.client == "gemini" and deny:
        said = {"decision": "deny", "reason": context}
    elif deny:
        decision = {"permissionDecision": "deny", "permissionDecisionReason": context}
        said = {"hookSpecificOutput": {"hookEventName": event.name, **decision}}
    else:
        said = {"hookSpecificOutput": {"hookEventName": event.name, "additionalContext": context}}
    return jsons.dumps(said)


def day(microseconds: int) -> str:
    """A moment, for the model."""
    return strftime("%Y-%m-%d %H:%M UTC", gmtime(microseconds // 1_000_000))


def part(code: str, near: str) -> tuple[str, int]:
    """The part of ``code`` to show, and its first line: where it has most in common with ``near``."""
    if len(code) <= _MOST_CODE:
        return code.rstrip(), 0
    lines = code.split("\n")
    first = 0
    if near:
        wanted = set(Lines(near).texts)
        known = Lines(code)
        hits = [number for text, number in zip(known.texts, known.numbers, strict=True) if text in wanted]
        if hits:
            first = max(0, _densest(hits) - 2)
    shown: list[str] = []
    room = _MOST_CODE
    for line in lines[first:]:
        if len(line) + 1 > room:
            break
        shown.append(line)
        room -= len(line) + 1
    text = "\n".join(shown) if shown else lines[first][:_MOST_CODE]
    return text.rstrip() + _MORE, first


def _densest(numbers: list[int], span: int = 40) -> int:
    """Where a stretch begins that has more of ``numbers`` than any other."""
    best = most = end = 0
    for start in range(len(numbers)):
        while end < len(numbers) and numbers[end] < numbers[start] + span:
            end += 1
        if end - start > most:
            best, most = numbers[start], end - start
    return best
