"""Putting right what was understood wrongly, in the person's own words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stoic_emperor.errors import NotFound
from stoic_emperor.memory.doubles import others_like
from stoic_emperor.memory.erased import note_erased
from stoic_emperor.memory.recall import Recall
from stoic_emperor.memory.words import MAX_ASSERTION
from stoic_emperor.models import SemanticInsight, now

if TYPE_CHECKING:
    from stoic_emperor.infrastructure.person import Person


def correct_insight(person: Person, recall: Recall, given: str, assertion: str) -> SemanticInsight:
    """Reword an insight, and be sure of it: the person knows best. Others that said the same as it did go.

    Args:
        given: its id, or the beginning of it.

    Raises:
        NotFound: this person has no such insight, or several; or nothing is said in its place.
    """
    assertion = " ".join(assertion.split())
    if not 0 < len(assertion) <= MAX_ASSERTION:
        raise NotFound(f"say what is right in its place, in at most {MAX_ASSERTION} characters; /forget erases it")
    insights = person.insights()
    found = [insight for insight in insights if given and insight.id.startswith(given)]
    if len(found) != 1:
        raise NotFound(
            f"{'several insights begin' if found else 'no insight of yours begins'} with {given!r}: see /memory"
        )
    corrected = found[0].model_copy(update={"assertion": assertion, "confidence": 1.0, "edited_at": now()})
    same = [other.id for other in others_like(found[0], insights)]
    recall.prepare(assertion)
    with person.writing() as tx:
        recall.insights.delete(same, tx=tx)
        for id_ in same:
            person.run(tx, "delete_insight", id=id_)
        note_erased(person, tx, "semantic_insights", same)
        person.run(tx, "update_insight", **corrected.model_dump(include={"id", "assertion", "confidence", "edited_at"}))
        recall.add_insight(corrected, tx)
    person.database.scrub()
    return corrected
