"""The Stoic library: import beside the embedder alone, and the check of a reply's quotations among 50,000 passages.

The import is of made-up prose with the real model: reading, cutting, embedding, writing and indexing, beside the model
alone over the same passages. The check is of replies with three quotations: one verbatim, one changed, one invented.
"""

from __future__ import annotations

import random
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

from benchmarks import data
from benchmarks.report import Figure, at_least, at_most, milliseconds
from benchmarks.servers import Servers
from capsa import Embedder, open_database, open_embedder
from stoic_emperor.library import Library, Verdict, check_quotations

_IMPORTED = 300
_REPLIES = 60
_LITTLE = ("the", "of", "and", "to", "in", "is", "that", "it", "not", "for")


def run(rows: int, servers: Servers) -> Iterator[Figure]:
    """See the module."""
    embedder = open_embedder("all-MiniLM-L6-v2")
    if embedder is None:
        raise AssertionError("the model was asked for")
    embedder.embed(["loads the model"])
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        addresses = {
            "SQLite": f"sqlite:///{folder / 'import.db'}",
            "PostgreSQL": stack.enter_context(servers.fresh()),
        }
        for name, url in addresses.items():
            yield _import(name, url, folder, embedder)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        addresses = {"SQLite": f"sqlite:///{folder / 'check.db'}", "PostgreSQL": stack.enter_context(servers.fresh())}
        for name, url in addresses.items():
            yield from _check(name, url, folder, rows)


def _import(name: str, url: str, folder: Path, embedder: Embedder) -> Figure:
    file = folder / "book.txt"
    file.write_text(_book(_IMPORTED, random.Random(1)), encoding="utf-8")
    with open_database(url) as database:
        library = Library(database, embedder)
        started = time.perf_counter()
        added = library.import_path(file).added
        ours = added / (time.perf_counter() - started)
        texts = [passage.text for passage in library.browse()]
    started = time.perf_counter()
    embedder.embed(texts)
    alone = len(texts) / (time.perf_counter() - started)
    return at_least(
        0.8,
        times=True,
        what=f"{name}: import of {added:,} passages",
        ours=ours,
        unit="passages/s",
        beside=alone,
        beside_what="the model alone",
    )


def _check(name: str, url: str, folder: Path, rows: int) -> Iterator[Figure]:
    file = folder / "library.txt"
    file.write_text(_book(rows, random.Random(2)), encoding="utf-8")
    with open_database(url) as database:
        library = Library(database)
        started = time.perf_counter()
        report = library.import_path(file)
        yield Figure(
            what=f"{name}: {report.added:,} passages imported without a model",
            ours=report.added / (time.perf_counter() - started),
            unit="passages/s",
        )
        chance = random.Random(3)
        passages = chance.sample(list(library.browse()), _REPLIES)
        seconds: list[float] = []
        for passage in passages:
            reply, expected = _reply(passage.text.split(), chance)
            started = time.perf_counter()
            found = check_quotations(reply, library)
            seconds.append(time.perf_counter() - started)
            if [quotation.verdict is Verdict.VERBATIM for quotation in found] != expected:
                raise AssertionError(f"{[quotation.verdict for quotation in found]} is wrong: {reply}")
        yield at_most(
            50,
            what=f"{name}: check of a reply with three quotations, p95",
            ours=milliseconds(seconds, 95),
            unit="ms",
            detail={"median": milliseconds(seconds)},
        )


def _reply(words: list[str], chance: random.Random) -> tuple[str, list[bool]]:
    first = chance.randrange(max(1, len(words) - 15))
    exact = words[first : first + 15]
    changed = [*exact[:7], "surely", *exact[7:]]
    invented = [f"{chance.choice(data.vocabulary()[:3000])}{chance.choice('xq')}" for _ in range(10)]
    reply = " and then ".join(f"“{' '.join(quoted)}”" for quoted in (exact, changed, invented))
    return f"As I once wrote, {reply}.", [True, False, False]


def _book(passages: int, chance: random.Random) -> str:
    """Prose that gives about so many passages: made-up words between the little ones of English."""
    words = data.vocabulary()
    paragraphs = []
    for _ in range(passages):
        sentences = []
        for _ in range(8):
            picked = [
                chance.choice(_LITTLE)
                if chance.random() < 0.5
                else words[min(int(50 * (chance.paretovariate(1) - 1)), 49_999)]
                for _ in range(15)
            ]
            sentences.append(" ".join(picked).capitalize() + ".")
        paragraphs.append(" ".join(sentences))
    return "\n\n".join(paragraphs)
