"""Types for the forms that a model fills in: lenient in what can only mean one thing, strict in everything else.

    class Insight(BaseModel):
        patterns: Phrases
        confidence: Confidence

A value that could mean two things is refused, and the model is asked again; an insight with a made-up confidence would
be worse than none.
"""

from __future__ import annotations

import math
import re
from typing import Annotated

from pydantic import BeforeValidator, Field

#: What models write instead of a number. "Certain" is not 1: nobody is certain of another person's mind.
_WORDS = {
    "very high": 0.95,
    "certain": 0.95,
    "high": 0.85,
    "medium": 0.6,
    "moderate": 0.6,
    "low": 0.3,
    "very low": 0.1,
}

_NUMBER = re.compile(r"(?P<value>\d+(?:\.\d+)?|\.\d+)\s*(?:(?P<percent>%)|/\s*(?P<of>10|100|5|1))?", re.ASCII)

_ASK = "give a number from 0 to 1"


def confidence(value: object) -> float:
    """``value`` as a number from 0 to 1.

    0.85 stays; 85, "85%", "85/100" and "8.5/10" become .85; "high" is .85, "medium" .6, "low" .3. Refused are NaN and
    the infinities, negative numbers, true and false, null, and what lies between 1 and 10: 7 may be 7 of 10 or 7 %.

    Raises:
        ValueError: it is none of these.
    """
    if isinstance(value, str):
        return _from_words(value.strip().casefold().replace("_", " "))
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(_ASK)  # noqa: TRY004  # Pydantic turns a ValueError into the model's second chance
    return _from_number(float(value))


def _from_words(text: str) -> float:
    if text in _WORDS:
        return _WORDS[text]
    match = _NUMBER.fullmatch(text)
    if match is None:
        raise ValueError(_ASK)
    number = float(match["value"])
    scale = 100.0 if match["percent"] else float(match["of"] or 0)
    if not scale:
        return _from_number(number)
    if number > scale:
        raise ValueError(_ASK)
    return number / scale


def _from_number(number: float) -> float:
    if not math.isfinite(number) or number < 0 or number > 100 or 1 < number <= 10:
        raise ValueError(_ASK)
    return number if number <= 1 else number / 100


def _phrase(value: object) -> object:
    return " ".join(value.split()) if isinstance(value, str) else value


def _phrases(value: object) -> object:
    """A list of texts: null is an empty one, a single text a list of one; blanks and repetitions are dropped."""
    if value is None:
        return []
    if isinstance(value, str):
        value = [value]
    if not isinstance(value, list):
        return value
    kept: list[object] = []
    for item in value:
        phrase = _phrase(item)
        if phrase not in ("", None) and phrase not in kept:
            kept.append(phrase)
    return kept


#: A number from 0 to 1, also where the model wrote "high" or 85: see :func:`confidence`.
Confidence = Annotated[float, Field(ge=0, le=1), BeforeValidator(confidence)]

#: A list of lines of text with single spaces, without blanks and repetitions; null and a single text are understood.
Phrases = Annotated[list[str], BeforeValidator(_phrases)]
