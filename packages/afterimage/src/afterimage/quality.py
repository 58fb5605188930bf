"""How well recall works on a person's own data, measured on the spot: by asking for what is there, and looking.

A question that is made of an entry is easier than what a person asks, so these are upper bounds; what they are good
for is to see what does not work at all, and whether it becomes better or worse.
"""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from afterimage.hook import answers, recall
from afterimage.hook.fingerprints import Lines
from afterimage.hook.project import Project
from afterimage.identity import content_hash
from afterimage.quality_hook import HookTimes, time_hook
from afterimage.quality_sample import SEED, questions, sample
from afterimage.retrieval.retriever import Retriever
from afterimage.retrieval.where import Where

if TYPE_CHECKING:
    from afterimage.storage import StorageBackend
    from capsa import Record

Progress = Callable[[int, int | None], None]

#: Answers of a search that are looked through.
_DEEP = 10
#: Characters of a token, as the hooks' limit reckons.
_TOKEN = 3
_STANDINGS = ("FRESH", "STALE", "SUPERSEDED")


@dataclass(frozen=True, kw_only=True, slots=True)
class Measure:
    """One figure."""

    name: str
    #: A share from 0 to 1, or a number of what ``unit`` says; None if there was nothing to measure it by.
    value: float | None
    unit: str = "share"
    #: Of how many it is.
    of: int
    #: More of it, for a person.
    detail: str = ""
    #: What to do, where it is weak.
    advice: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Quality:
    """What was measured."""

    entries: int
    sample: int
    seed: int
    model: str | None
    measures: tuple[Measure, ...]
    #: What could not be measured, and why.
    left_out: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """For a program."""
        return asdict(self)


@dataclass(slots=True)
class _Answers:
    """What was asked, and what came."""

    #: Kind of question -> the rank of each entry asked for, 0 where it did not come.
    ranks: dict[str, list[int]] = field(default_factory=dict)
    #: Entries whose code the hooks recognise under another name, and that were asked for.
    recognised: list[bool] = field(default_factory=list)
    standings: Counter[str] = field(default_factory=Counter)
    #: Characters of what a hook would add, where it adds something.
    said: list[int] = field(default_factory=list)


def measure(
    backend: StorageBackend, directory: Path, size: int, *, threshold: float = 0.3, progress: Progress | None = None
) -> Quality:
    """Ask for some entries, and look through all for what is noted of them.

    Args:
        directory: AfterImage's folder, with the recall index.
        size: entries that are asked for, at most.
        threshold: the least relevance of an answer, as agents get it.

    Raises:
        capsa.CapsaError: the memory cannot be read.
        OSError: Python cannot be started.
    """
    chosen = sample(backend, size)
    left_out: list[str] = []
    index = recall.open_index(str(directory), lambda: False, 2.0)
    try:
        asked = _ask(Retriever(backend, directory, threshold=threshold), index, chosen, progress)
    finally:
        if index is not None:
            index.close()
    if index is None:
        left_out.append("the hooks' recall: there is no recall index yet (afterimage sync)")
    if backend.embedder is None:
        left_out.append("meaning: there is no model (embeddings.model), so everything was found by words")
    times = time_hook(directory, chosen[0].text) if chosen else None
    noted = _noted(backend)
    measures = [
        *_of_entries(backend, noted),
        *_of_recall(asked, indexed=index is not None),
        *_of_searches(asked, with_model=backend.embedder is not None),
        *_of_hook(asked, times),
    ]
    model = backend.embedder.name if backend.embedder else None
    entries = noted["entries"]
    return Quality(
        entries=entries, sample=len(chosen), seed=SEED, model=model, measures=tuple(measures), left_out=tuple(left_out)
    )


def _ask(
    retriever: Retriever, index: recall.Recall | None, chosen: Sequence[Record], progress: Progress | None
) -> _Answers:
    found = _Answers()
    everywhere, nowhere = Where((), everywhere=True), Project("", "", "")
    for number, record in enumerate(chosen, 1):
        for kind, question in questions(record):
            items = retriever.search(question, everywhere, _DEEP).items
            path = retriever.redactor()(record.path or "")
            ours = (
                n
                for n, item in enumerate(items, 1)
                # Another version of the same file answers as well; which of them comes first, standing says.
                if record.id in {item.id, *(other.id for other in item.others)} or item.path == path
            )
            found.ranks.setdefault(kind, []).append(next(ours, 0))
            found.standings.update(word for item in items for word in _STANDINGS if word in item.standing)
        if index is not None:
            near = index.near(record.text, lambda _: True, 5)
            whole = Lines(record.text).whole()
            found.recognised.append(any(entry.kind == "identical" and entry.whole == whole for entry in near))
            if said := answers.recall_text(
                "", [answers.describe(entry, index, nowhere, record.text) for entry in near]
            ):
                found.said.append(len(said))
        if progress:
            progress(number, len(chosen))
    return found


def _noted(backend: StorageBackend) -> Counter[str]:
    """Of how many entries what is noted, in one pass."""
    counts: Counter[str] = Counter()
    hashes: set[bytes] = set()
    for record in backend.collection.iterate():
        counts["entries"] += 1
        for name in ("project", "outcome"):
            counts[name] += bool(record.metadata.get(name))
        counts["session"] += record.session_id is not None
        if record.text.strip():
            counts["texts"] += 1
            key = bytes.fromhex(content_hash(record.text))[:12]
            counts["repeated"] += key in hashes
            hashes.add(key)
    return counts


def _of_entries(backend: StorageBackend, noted: Counter[str]) -> list[Measure]:
    entries, texts = noted["entries"], noted["texts"]
    found = []
    if backend.embedder is not None:
        waiting = backend.collection.waiting()
        share = _share(texts - waiting, texts)
        advice = "afterimage sync embeds what is new, afterimage reembed all" if _below(share, 0.98) else ""
        found.append(Measure(name="can be found by meaning", value=share, of=texts, advice=advice))
    for name, least, what in (
        ("project", 0.8, "what earlier versions stored names none and is told by its path; hooks note it"),
        ("session", 0.8, "entries without one were not stored by a hook; hooks note it"),
        ("outcome", 0.0, ""),
    ):
        share = _share(noted[name], entries)
        found.append(
            Measure(name=f"its {name} is noted", value=share, of=entries, advice=_if_below(share, least, what))
        )
    repeated = _share(noted["repeated"], texts)
    found.append(Measure(name="the same code as another", value=repeated, of=texts, detail="is shown once"))
    return found


def _of_recall(asked: _Answers, *, indexed: bool) -> list[Measure]:
    if not indexed:
        return []
    share = _share(sum(asked.recognised), len(asked.recognised))
    advice = _if_below(share, 0.99, "the hooks' index lacks some: afterimage sync --rebuild")
    name = "recognised by a hook under another file's name"
    return [Measure(name=name, value=share, of=len(asked.recognised), advice=advice)]


def _of_searches(asked: _Answers, *, with_model: bool) -> list[Measure]:
    meaning = "a longer question, or --path, finds them" if with_model else "a model finds them by meaning"
    kinds = {
        "identifiers": ("found by its own identifiers", 0.8, "names that many entries share: add --path to a search"),
        "line": ("found by a line of it", 0.8, "lines that many entries share: add --path to a search"),
        "sentence": ("found by what its first comment says", 0.7, meaning),
    }
    found = []
    for kind, (name, least, advice) in kinds.items():
        ranks = asked.ranks.get(kind, [])
        share = _share(sum(map(bool, ranks)), len(ranks))
        first = sum(rank == 1 for rank in ranks)
        mean = statistics.fmean(1 / rank if rank else 0.0 for rank in ranks) if ranks else 0.0
        detail = f"{first} of {len(ranks)} first, MRR {mean:.2f}" if ranks else ""
        found.append(
            Measure(name=name, value=share, of=len(ranks), detail=detail, advice=_if_below(share, least, advice))
        )
    total = asked.standings.total()
    found += [
        Measure(
            name=f"of what searches gave was {word}",
            value=_share(asked.standings[word], total),
            of=total,
            detail={"FRESH": "stands in its file", "STALE": "the file changed or went"}.get(
                word, "a later write changed it"
            ),
        )
        for word in _STANDINGS
    ]
    return found


def _of_hook(asked: _Answers, times: HookTimes | None) -> list[Measure]:
    found = []
    if asked.said:
        tokens = [length / _TOKEN for length in asked.said]
        detail = f"at most {max(tokens):.0f}, at {_TOKEN} characters a token"
        found.append(
            Measure(
                name="added to a write", value=statistics.median(tokens), unit="tokens", of=len(tokens), detail=detail
            )
        )
    if times is not None:
        slow = times.ratio > 3
        found.append(
            Measure(
                name="a hook before a write",
                value=times.hook * 1000,
                unit="ms",
                of=times.runs,
                detail=f"{times.ratio:.1f} × python -c pass ({times.bare * 1000:.0f} ms)",
                advice="afterimage setup compiles the hook anew; afterimage doctor looks at the rest" if slow else "",
            )
        )
    return found


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None


def _below(share: float | None, least: float) -> bool:
    return share is not None and share < least


def _if_below(share: float | None, least: float, advice: str) -> str:
    return advice if _below(share, least) else ""
