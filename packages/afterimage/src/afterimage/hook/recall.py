"""What the memory has that is near, from the recall index: a small SQLite file that warm processes keep in step.

Read-only, without waiting, and within its time: where the file is missing, locked, damaged, older or newer than this
code, there is nothing to recall. What is found by marks (see `fingerprints`) is *identical* or *alike*; what shares
rare identifiers is *related*.
"""

from time import time_ns

from . import files, fingerprints
from .fingerprints import WINDOW, Lines, digest
from .sqlite import sqlite3

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any

#: Of the file's form; `afterimage.recalling` writes the same.
VERSION = 4
NAME = "recall.db"
#: A mark of more entries than this says nothing; no more are kept.
COMMON = 24
#: Marks asked for in one statement.
_AT_ONCE = 400
#: Marks of a very large text that are looked for.
_MOST = 2_000
#: Terms of a text that are looked for; how many entries with rare ones are looked at; how many words such an entry
#: must have, and how many of them in common.
_TERMS = 48
_LOOKED_AT = 8
_LEAST_WORDS = 8
_WORDS_IN_COMMON = 0.75
#: The least share of lines in common that makes two texts alike, and how many marks that must be, at least, where it
#: is not nearly all of them.
ALIKE = 0.5
ALL = 0.9
_SHARED = 3
_TRIES = 64

_ENTRY = "e, id, path, project, project_name, session, branch, at, grams, whole, title, author, inside, change"
_NEWEST = "SELECT e FROM about WHERE h = ? ORDER BY at DESC, e DESC LIMIT ?"


class Entry:
    """An entry that was found, and why."""

    __slots__ = (
        *("at", "author", "branch", "change", "e", "grams", "id", "inside", "kind", "near", "path", "project"),
        *("project_name", "score", "session", "title", "whole"),
    )

    def __init__(self, row: "tuple[Any, ...]", kind: str = "", score: float = 0.0) -> None:
        (self.e, self.id, self.path, self.project, self.project_name, self.session) = row[:6]
        (self.branch, self.at, self.grams, self.whole, self.title, self.author, self.inside, self.change) = row[6:]
        #: "identical", "alike", "related", "defines", "file" or "recent".
        self.kind = kind
        self.score = score
        #: The part of its code that was asked for, where that is known.
        self.near = ""


class Recall:
    """The recall index, open for reading."""

    def __init__(self, path: str, late: "Callable[[], bool]", patience: float = 0.01) -> None:
        """Raises `Unreadable` if there is none that can be read."""
        name = path.replace("%", "%25").replace("?", "%3f").replace("#", "%23")
        self._sql = sqlite3.connect(f"file:{name}?mode=ro", uri=True, timeout=patience, isolation_level=None)
        self._sql.set_progress_handler(late, 2_000)
        # Our own writers never make the file shorter: they put another in its place.
        self._sql.execute("PRAGMA mmap_size = 268435456")
        ((version,),) = self._sql.execute("PRAGMA user_version").fetchall()
        if version != VERSION:
            raise sqlite3.DatabaseError(f"the recall index is of version {version}, not {VERSION}")

    def near(self, text: str, wanted: "Callable[[Entry], bool]", limit: int = 5) -> list[Entry]:
        """The entries that ``text`` is like, nearest first, one of each content."""
        lines = Lines(text)
        if not lines.worthwhile():
            return []
        found = self._alike(lines)
        if len(found) < limit:
            found += self._related(text, lines, {entry.e for entry in found})
        chosen: list[Entry] = []
        contents = set()
        for entry in found:
            if entry.whole not in contents and wanted(entry):
                contents.add(entry.whole)
                chosen.append(entry)
                if len(chosen) == limit:
                    break
        return chosen

    def _alike(self, lines: Lines) -> list[Entry]:
        whole = lines.whole()
        grams = sorted(lines.grams())[:_MOST]
        wholes = lines.units() | {whole: len(lines.texts)}
        same: dict[int, int] = {}
        counts: dict[int, int] = {}
        for mark, e in self._rows([*wholes, *grams]):
            if mark in wholes:
                same[e] = wholes[mark]
            else:
                counts[e] = counts.get(e, 0) + 1
        likely = sorted(counts, key=lambda e: (counts[e], e), reverse=True)[:_TRIES]
        found = []
        sizes: dict[int, float] = {}
        for entry in self._entries([*same, *(e for e in likely if e not in same)]):
            shared = counts.get(entry.e, 0)
            of_entry = shared / entry.grams if entry.grams else 0.0
            of_text = shared / len(grams) if grams else 0.0
            entry.kind, entry.score = "alike", max(of_entry, of_text)
            if entry.e in same:
                entry.kind, entry.score = "identical", 2.0 if entry.whole == whole else 1.0
            if entry.score >= ALL or (entry.score >= ALIKE and shared >= _SHARED):
                sizes[entry.e] = same.get(entry.e, shared * (WINDOW + 1) / 2) * entry.score
                found.append(entry)
        # What is there as a whole comes first, the largest first; then what has most in common.
        return sorted(found, key=lambda entry: (entry.score // ALL, sizes[entry.e], *_newness(entry)), reverse=True)

    def _related(self, text: str, lines: Lines, known: set[int]) -> list[Entry]:
        """What shares rare identifiers, looked at word by word: shared names alone say little."""
        weights: dict[int, float] = {}
        entries: dict[int, list[int]] = {}
        for mark, e in self._rows(fingerprints.terms(text, _TERMS)):
            entries.setdefault(mark, []).append(e)
        for having in entries.values():
            if len(having) <= COMMON:
                for e in having:
                    weights[e] = weights.get(e, 0.0) + 1.0 / len(having) ** 0.5
        best = sorted((e for e in weights if e not in known), key=lambda e: (weights[e], e), reverse=True)
        found = []
        ours, our_lines = fingerprints.vocabulary(text), set(lines.texts)
        for entry in self._entries(best[:_LOOKED_AT]):
            code = self.text(entry)
            theirs, their_lines = fingerprints.vocabulary(code), set(Lines(code).texts)
            words = len(ours & theirs) / (len(theirs) or 1)
            shared = len(our_lines & their_lines) / (len(their_lines) or 1)
            if len(theirs) >= _LEAST_WORDS and words >= _WORDS_IN_COMMON:
                entry.kind = "alike" if shared >= ALIKE else "related"
                entry.score = min(words, ALL - 0.01) if shared < ALIKE else (words + shared) / 2
                found.append(entry)
        return sorted(found, key=lambda entry: (entry.score, *_newness(entry)), reverse=True)

    def named(self, prompt: str, wanted: "Callable[[Entry], bool]", limit: int = 3) -> list[Entry]:
        """The entries of the files and definitions that ``prompt`` names, one a file.

        Of a file the newest; of a definition the newest that holds all of it, which then stands in `Entry.near`.
        """
        names, identifiers = mentioned(prompt)
        marks = {digest(b"define", word.encode("utf-8", "surrogatepass")): word for word in identifiers}
        marks |= {fingerprints.name_mark(name): "" for name in names}
        defined: dict[int, str] = {}
        scores: dict[int, float] = {}
        for mark, word in marks.items():
            for (e,) in self._sql.execute(_NEWEST, (mark, COMMON)):
                scores[e] = scores.get(e, 0.0) + 1.0
                if word:
                    defined.setdefault(e, word)
        found = []
        for entry in self._entries(scores):
            entry.kind, entry.score = "defines" if entry.e in defined else "file", scores[entry.e]
            if wanted(entry):
                found.append(entry)
        found.sort(key=lambda entry: (entry.score, entry.kind == "defines", *_newness(entry)), reverse=True)
        files_: dict[str, list[Entry]] = {}
        for entry in found:
            files_.setdefault(entry.path, []).append(entry)
        return [self._whole(entries, defined) for entries in list(files_.values())[:limit]]

    def _whole(self, entries: list[Entry], defined: dict[int, str]) -> Entry:
        """The first of ``entries``, or if it only has a part of what it defines, the newest that has all of it."""
        from . import definitions

        word = defined.get(entries[0].e, "")
        if not word:
            return entries[0]
        same = sorted((one for one in entries if defined.get(one.e) == word), key=_newness, reverse=True)
        number, code = definitions.whole(word, [self.text(entry) for entry in same])
        if number < 0:
            return entries[0]
        same[number].near = code
        return same[number]

    def recent(
        self, projects: "Iterable[str]", wanted: "Callable[[Entry], bool]", limit: int = 8
    ) -> "list[tuple[Entry, int]]":
        """The files of a project that were written last, each by its newest entry, with how many there are in all.

        Args:
            projects: the ids that the project has or had (`Project.ids`).
        """
        found: list[Entry] = []
        for project in projects:
            found += self._newest(fingerprints.project_mark(project), 120)
        newest: dict[str, Entry] = {}
        for entry in sorted(found, key=_newness, reverse=True):
            if wanted(entry):
                newest.setdefault(entry.inside or entry.path, entry)
        return [(entry, self._times(entry)) for entry in list(newest.values())[:limit]]

    def _times(self, entry: Entry) -> int:
        """How many entries the file of ``entry`` has, in every clone."""
        marks = fingerprints.path_mark(entry.path), fingerprints.place_mark(entry.project, entry.inside)
        ((count,),) = self._sql.execute("SELECT count(DISTINCT e) FROM about WHERE h IN (?, ?)", marks).fetchall()
        return int(count)

    def text(self, entry: Entry) -> str:
        """The code of an entry, as far as the index keeps it."""
        row = self._sql.execute("SELECT text FROM code WHERE e = ?", (entry.e,)).fetchone()
        return row[0] if row and isinstance(row[0], str) else ""

    def replaced(self, entry: Entry) -> "list[tuple[int, int]]":
        """The stretches of an entry's code that later writes of its file changed, each by its first and last line."""
        row = self._sql.execute("SELECT lines FROM replaced WHERE e = ?", (entry.e,)).fetchone()
        stretches = row[0].split() if row and isinstance(row[0], str) else []
        return [(int(first), int(last)) for first, _, last in (one.partition("-") for one in stretches)]

    def latest(self, path: str) -> "Entry | None":
        """The entry by which a file was written last."""
        return next(iter(self._newest(fingerprints.path_mark(path), 1)), None)

    # Whose memory a checkout is given (`belonging`)

    def projects_in(self, checkout: str) -> set[str]:
        """The ids of the projects that were written in there."""
        return {id_ for (id_,) in self._sql.execute("SELECT project FROM checkout WHERE checkout = ?", (checkout,))}

    def projects_beside(self, project: str) -> set[str]:
        """The ids of what was written in where ``project`` was, its own among them if there is any."""
        rows = self._sql.execute(
            "SELECT project FROM checkout WHERE checkout IN (SELECT checkout FROM checkout WHERE project = ?)",
            (project,),
        )
        return {id_ for (id_,) in rows}

    def commits(self, project: str, limit: int) -> list[str]:
        """The commits at which ``project`` was written in: the first ``limit``, and the last."""
        rows = self._sql.execute(
            "SELECT commit_ FROM (SELECT * FROM base WHERE project = ?1 ORDER BY at LIMIT ?2) UNION "
            "SELECT commit_ FROM (SELECT * FROM base WHERE project = ?1 ORDER BY at DESC LIMIT ?2)",
            (project, limit),
        )
        return [commit for (commit,) in rows]

    def projects_at(self, commits: "list[str]") -> set[str]:
        """The ids of the projects that were written in at one of ``commits``."""
        signs = ",".join("?" * len(commits))
        return {id_ for (id_,) in self._sql.execute(f"SELECT project FROM base WHERE commit_ IN ({signs})", commits)}

    def close(self) -> None:
        """Let go of the file; a hook just ends."""
        self._sql.close()

    def note(self, path: str) -> str:
        """The line that the memory has to say about a file, or nothing."""
        marked = (fingerprints.path_mark(path), time_ns() // 1000)
        row = self._sql.execute("SELECT line FROM note WHERE h = ? AND until > ?", marked).fetchone()
        return row[0] if row and isinstance(row[0], str) else ""

    def _rows(self, marks: "list[int]") -> "list[tuple[int, int]]":
        found: list[tuple[int, int]] = []
        for start in range(0, len(marks), _AT_ONCE):
            some = marks[start : start + _AT_ONCE]
            signs = ",".join("?" * len(some))
            found += self._sql.execute(f"SELECT h, e FROM mark WHERE h IN ({signs})", some).fetchall()
        return found

    def _newest(self, mark: int, limit: int) -> list[Entry]:
        """The entries about ``mark`` that were written last, in no order."""
        return self._entries(e for (e,) in self._sql.execute(_NEWEST, (mark, limit)))

    def _entries(self, numbers: "Iterable[int]") -> list[Entry]:
        some = list(numbers)[:_AT_ONCE]
        signs = ",".join("?" * len(some))
        return [Entry(row) for row in self._sql.execute(f"SELECT {_ENTRY} FROM entry WHERE e IN ({signs})", some)]


def _newness(entry: Entry) -> tuple[int, int]:
    """By when it was written; by arrival where that is the same."""
    return entry.at, entry.e


def open_index(directory: str, late: "Callable[[], bool]", patience: float = 0.01) -> "Recall | None":
    """The recall index of a memory; None if there is none that can be read within ``patience`` seconds."""
    path = f"{directory}/{NAME}"
    if not files.exists(path):
        return None
    try:
        return Recall(path, late, patience)
    except (sqlite3.Error, ValueError):
        return None


#: What `Recall` raises when the index cannot be read, or its time is up.
Unreadable = sqlite3.Error

_AROUND = "`'\"()[]{}<>,;:!?*.…“”‘’"


def mentioned(prompt: str) -> tuple[list[str], list[str]]:
    """The file names and the identifiers in what a person wrote; ordinary words are neither."""
    names: dict[str, None] = {}
    identifiers: dict[str, None] = {}
    for raw in prompt[:20_000].split():
        word = raw.strip(_AROUND)
        if "://" in word or not 3 <= len(word) <= 200:
            continue
        name = files.name_of(word.partition(":")[0])
        stem, dot, ending = name.rpartition(".")
        if dot and stem and 0 < len(ending) <= 5 and ending.isalnum() and not ending.isdigit():
            names[name] = None
        for part in word.partition("(")[0].replace("::", ".").replace("#", ".").split("."):
            if 3 < len(part) < 64 and part.isidentifier() and (raw[0] == "`" or "(" in raw or _is_code(part)):
                identifiers[part] = None
    return list(names)[:8], list(identifiers)[:16]


def _is_code(word: str) -> bool:
    inner = word.strip("_")
    return "_" in inner or (inner[1:] != inner[1:].lower() and not inner.isupper())
