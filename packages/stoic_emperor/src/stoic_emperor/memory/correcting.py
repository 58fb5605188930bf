"""Putting right what was understood wrongly, in the person's own words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stoic_emperor.errors import NotFound
from stoic_emperor.memory.recall import Recall
from stoic_emperor.memory.words import MAX_ASSERTION
from stoic_emperor.models import SemanticInsight, now

if TYPE_CHECKING:
    from stoic_emperor.infrastructure.person import Person


def correct_insight(person: Person, recall: Recall, given: str, assertion: str) -> SemanticInsight:
    """Reword an insight, and be sure of it: the person knows best.

    Args:
        given: its id, or the beginning of it.

    Raises:
        NotFound: this person has no such insight, or several; or nothing is said in its place.
    """
    assertion = " ".join(assertion.split())
    if not 0 < len(assertion) <= MAX_ASSERTION:
        raise NotFound(f"say what is right in its place, in at most {MAX_ASSERTION} characters; /forget erases it")
    found = [insight for insight in person.insights() if given and insight.id.startswith(given)]
    if len(found) != 1:
        raise NotFound(
            f"{'several insights begin' if found else 'no insight of yours begins'} with {given!r}: see /memory"
        )
    corrected = found[0].model_copy(update={"assertion": assertion, "confidence": 1.0, "edited_at": now()})
    recall.prepare(assertion)
    with person.writing() as tx:
        person.run(tx, "update_insight", **corrected.model_dump(include={"id", "assertion", "confidence", "edited_at"}))
        recall.add_insight(corrected, tx)
    person.database.scrub()
    return corrected
