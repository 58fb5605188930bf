"""Two memories agree on what is erased before one is carried into the other, and so nothing of it comes back.

What the target has erased is left out of what is carried there, unless the source knows of it. What only a source has
erased, and still is at the target, is erased there as well, or kept: that is for a person to say.
"""

from __future__ import annotations

import enum
import functools
import operator
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from capsa import transfer
from stoic_emperor.errors import ErasedElsewhere
from stoic_emperor.infrastructure.database import Database
from stoic_emperor.legacy.erasures import Entry, Erasures, Unwanted, entry_of, erased_at, erased_in, people_at
from stoic_emperor.legacy.tables import ERASED
from stoic_emperor.memory.erased import mark_of
from stoic_emperor.memory.forgetting import Forgetting
from stoic_emperor.memory.recall import Recall
from stoic_emperor.memory.receipts import NAMES
from stoic_emperor.memory.things import Thing, things_of

STAYS = "erased here before, and stays so (--bring-back-erased brings it back)"

#: So many people are named in a question.
_NAMED = 8


class OnErased(enum.StrEnum):
    """What to do with what was erased in the source, and still is at the target."""

    ASK = "ask"
    ERASE = "erase"
    KEEP = "keep"


@dataclass(frozen=True, slots=True)
class Doomed:
    """What there is of one person at a target that was erased elsewhere."""

    user_id: str
    things: Sequence[Thing]
    #: The erasure of the whole person, as it was noted, if that is what it was.
    event: str | None
    #: Whether nothing of theirs is newer.
    everything: bool

    def __str__(self) -> str:
        counts = Counter(thing.kind for thing in self.things)
        said = (f"{count:,} {NAMES[kind][count > 1]}" for kind, count in counts.items())
        return f"of {self.user_id}: {', '.join(said) or 'their name with its settings'}"

    @property
    def entries(self) -> frozenset[Entry]:
        """How erasing the things is noted."""
        return frozenset((self.user_id, thing.kind, mark_of(thing.id)) for thing in self.things)


@dataclass(frozen=True, slots=True)
class Reconciled:
    """How source and target stand to each other once they agree."""

    #: Without what stays erased.
    sources: Sequence[transfer.Source]
    #: What was erased on either side; what is noted later was erased while the one was carried into the other.
    known: Erasures
    #: What the target held, or holds, of what was erased in a source: a line for each person.
    doomed: tuple[str, ...]


def reconcile(
    sources: Sequence[transfer.Source],
    database: Database,
    choice: OnErased | None,
    *,
    ask: Callable[[str], bool] | None = None,
    bring_back: bool = False,
) -> Reconciled:
    """Have a target agree with sources, which must happen before they are read.

    Args:
        choice: None: nothing is written, for a dry run.
        ask: puts a question that is answered by yes or no; None: there is nobody to be asked.
        bring_back: whether what was erased at the target comes back.

    Raises:
        ErasedElsewhere: somebody had to say what is to be done, and did not; nothing was changed.
    """
    here = erased_in(database)
    there = functools.reduce(operator.or_, map(erased_at, sources), Erasures(frozenset()))
    doomed = _doomed_at(database, there - here)
    if doomed and choice is OnErased.ASK:
        choice = _asked(doomed, sources, database, ask)
    if doomed and choice is OnErased.ERASE:
        _erase(database, doomed)
    if doomed and choice is OnErased.KEEP:
        # Else the target would have what it says is erased.
        contested = (there - here).about(one.user_id for one in doomed).entries
        sources = [_without(source, contested) for source in sources]
    stay = here - there
    if stay and not bring_back:
        sources = [transfer.leaving_out(source, Unwanted(source, stay), STAYS) for source in sources]
    known = (here | there).entries.union(*(one.entries for one in doomed))
    return Reconciled(sources, Erasures(known), _lines(doomed))


def _lines(doomed: Sequence[Doomed]) -> tuple[str, ...]:
    more = len(doomed) - _NAMED
    return (*map(str, doomed[:_NAMED]), *([f"and of {more:,} more people"] if more > 0 else []))


def _asked(
    doomed: Sequence[Doomed],
    sources: Sequence[transfer.Source],
    database: Database,
    ask: Callable[[str], bool] | None,
) -> OnErased:
    where = " and ".join(source.description.location for source in sources)
    what = f"{database.url} holds what was erased in {where} since: {'; '.join(_lines(doomed))}"
    if ask is not None and ask(f"{what}. Erase it there too, with what was made of it?"):
        return OnErased.ERASE
    raise ErasedElsewhere(
        f"{what}. Say what is to become of it: --on-erased erase erases it there too, with what was made of it, "
        f"--on-erased keep leaves it; nothing was changed"
    )


def _without(source: transfer.Source, contested: frozenset[Entry]) -> transfer.Source:
    def unwanted(part: transfer.Part) -> Callable[[transfer.Item], bool] | None:
        if part.table.name != ERASED.name:
            return None
        return lambda item: isinstance(item, transfer.Row) and entry_of(item) in contested

    return transfer.leaving_out(source, unwanted, None)


def _doomed_at(database: Database, erasures: Erasures, people: Iterable[str] = ()) -> list[Doomed]:
    """What a database holds of what was erased elsewhere.

    Args:
        people: who may have something there beside those who are known there.
    """
    users = {user.id: user.created_at for user in database.users()} if erasures else {}
    erasures = erasures.but_for(users)
    found = (_doomed(database, erasures, user_id, known=user_id in users) for user_id in sorted({*users, *people}))
    return [one for one in found if one is not None]


def _doomed(database: Database, erasures: Erasures, user_id: str, *, known: bool) -> Doomed | None:
    of_person = erasures.of(user_id)
    if of_person is None:
        return None
    things = list(things_of(database.person(user_id), Recall(database.store, user_id)))
    living = of_person.living(things)
    everything = of_person.gone is not None and not living.messages
    gone = things if everything else [thing for thing in things if of_person.is_erased(thing, living)]
    if not gone and not (everything and known):
        return None
    return Doomed(user_id, gone, of_person.event, everything)


def erase_meanwhile(database: Database, known: Erasures, source: transfer.Source) -> int:
    """Erase again what was erased in a database while a source was carried there, and came along; how much that was.

    Args:
        known: what was erased before.
    """
    new = erased_in(database) - known
    return _erase(database, _doomed_at(database, new, people_at(source))) if new else 0


def _erase(database: Database, doomed: Iterable[Doomed]) -> int:
    """Erase it, and scrub the files; how many rows and records went."""
    done = 0
    # Once, in the end: it takes as long as the whole file is large.
    database.scrub_later(lambda: ())
    for one in doomed:
        forgetting = Forgetting(database.person(one.user_id), Recall(database.store, one.user_id))
        receipt = forgetting.everything(one.event) if one.everything else forgetting.things(one.things, one.event)
        done += sum(receipt.erased.values())
    if done:
        database.engine.scrub()
    return done
