"""Made-up decisions of a team, some amended later: what sde-bench calls amended, in numbers that can be counted.

Each is about one rule of one component. The older note states it, the newer one states it anew in other words, with
another value; a question asks for what holds. A control has a newer note about another rule of another component.
"""

from __future__ import annotations

import random
from dataclasses import dataclass

_SEED = 20260611

_COMPONENTS = (
    "the upload worker", "the billing export", "the login service", "the search page", "the invoice mailer",
    "the image resizer", "the report scheduler", "the audit log", "the mobile sync", "the payment webhook",
    "the admin console", "the price importer", "the chat gateway", "the backup job", "the feature flag store",
    "the address parser", "the PDF renderer", "the order queue", "the session store", "the metrics collector",
)  # fmt: skip

#: A rule -> how the older and the newer note say it, with the values; and how somebody asks.
_RULES: tuple[tuple[str, str, str, tuple[str, str]], ...] = (
    (
        "{c} retries a failed call {v} times before it gives up",
        "after review: {c} makes at most {v} attempts when a call fails",
        "how often does {c} try again when a call fails",
        ("three", "five"),
    ),
    (
        "{c} waits {v} for an answer, then times out",
        "we raised the timeout of {c}, it is {v} now",
        "what is the timeout of {c}",
        ("5 seconds", "30 seconds"),
    ),
    (
        "{c} keeps its cache for {v}",
        "cached values of {c} now expire after {v}",
        "when does the cache of {c} expire",
        ("ten minutes", "a day"),
    ),
    (
        "dates in {c} are written as {v}",
        "{c} switched its date format to {v}",
        "which date format does {c} use",
        ("DD.MM.YYYY", "ISO 8601"),
    ),
    (
        "{c} shows {v} rows on a page",
        "page size in {c} is {v} from now on",
        "how many rows are on a page of {c}",
        ("20", "100"),
    ),
    (
        "{c} identifies records by {v}",
        "ids in {c} are {v} since the last meeting",
        "what kind of ids does {c} have",
        ("auto-increment integers", "random UUIDs"),
    ),
    (
        "{c} rounds amounts {v}",
        "amounts in {c} have to be rounded {v}, says accounting",
        "how are amounts rounded in {c}",
        ("half up to cents", "to even"),
    ),
    (
        "{c} stores its files in {v}",
        "files of {c} moved: they live in {v}",
        "where are the files of {c} stored",
        ("the local disk", "the S3 bucket"),
    ),
    (
        "{c} talks to the database through {v}",
        "we replaced the database access of {c} with {v}",
        "how does {c} reach the database",
        ("SQLAlchemy", "plain psycopg"),
    ),
    (
        "{c} writes its logs as {v}",
        "log lines of {c} are {v} now",
        "what do log lines of {c} look like",
        ("plain text", "JSON objects"),
    ),
    (
        "errors in {c} are returned as {v}",
        "{c} reports errors as {v} instead",
        "how does {c} report an error",
        ("HTTP 200 with an error field", "problem+json with the right status"),
    ),
    (
        "{c} deletes old records after {v}",
        "retention in {c} changed, records are kept for {v}",
        "how long does {c} keep records",
        ("30 days", "two years"),
    ),
    ("{c} runs every {v}", "the schedule of {c} is now every {v}", "how often does {c} run", ("hour", "five minutes")),
    (
        "text in {c} is encoded as {v}",
        "{c} reads and writes {v} now",
        "which encoding does {c} use",
        ("Latin-1", "UTF-8"),
    ),
    (
        "{c} locks rows with {v}",
        "locking in {c} is done by {v} since the deadlocks",
        "how does {c} lock rows",
        ("SELECT FOR UPDATE", "advisory locks"),
    ),
    (
        "{c} is configured by {v}",
        "configuration of {c} comes from {v} now",
        "where is the configuration of {c}",
        ("a YAML file", "environment variables"),
    ),
    (
        "users of {c} are authenticated by {v}",
        "sign-in of {c} goes through {v} now",
        "how do users of {c} sign in",
        ("session cookies", "OAuth tokens"),
    ),
    (
        "{c} sends at most {v} messages a minute",
        "the rate limit of {c} is {v} messages per minute",
        "what is the rate limit of {c}",
        ("60", "600"),
    ),
    (
        "{c} compresses data with {v}",
        "compression in {c} was changed to {v}",
        "what does {c} compress data with",
        ("gzip", "zstd"),
    ),
    (
        "tests of {c} run against {v}",
        "{c} is tested with {v} from now on",
        "what do tests of {c} run against",
        ("mocks", "a real database in a container"),
    ),
)

_BEFORE = ("Decision: {}.", "We agreed that {}.", "{}.", "Note for later: {}.", "For now {}.")
_LATER = ("Decision: {}.", "Changed: {}.", "{}.", "Correction, {}.", "Please note: {}.")
_ASKING = ("{}?", "Bug: it looks wrong, {}?", "I need to know {}", "{} - what did we decide", "before I change it: {}?")


@dataclass(frozen=True, slots=True)
class Decision:
    """A question, the note that answered it first, and the newer note."""

    question: str
    older: str
    newer: str


def amended(count: int) -> list[Decision]:
    """Decisions whose newer note is about the same thing."""
    return [_decision(place, place, chance) for place, chance in _places(count, 0)]


def unrelated(count: int) -> list[Decision]:
    """Decisions whose newer note is about another rule of another component."""
    found = []
    for place, chance in _places(count, count):
        component, rule = place
        other = (
            (component + chance.randrange(1, len(_COMPONENTS))) % len(_COMPONENTS),
            (rule + chance.randrange(1, len(_RULES))) % len(_RULES),
        )
        found.append(_decision(place, other, chance))
    return found


def _places(count: int, skip: int) -> list[tuple[tuple[int, int], random.Random]]:
    chance = random.Random(_SEED)
    every = [(component, rule) for component in range(len(_COMPONENTS)) for rule in range(len(_RULES))]
    chance.shuffle(every)
    return [(place, chance) for place in every[skip : skip + count]]


def _decision(place: tuple[int, int], later: tuple[int, int], chance: random.Random) -> Decision:
    before, _, asked, (value, _) = _RULES[place[1]]
    _, after, _, (_, other) = _RULES[later[1]]
    return Decision(
        _spoken(chance.choice(_ASKING), asked, place[0]),
        _spoken(chance.choice(_BEFORE), before, place[0], value),
        _spoken(chance.choice(_LATER), after, later[0], other),
    )


def _spoken(frame: str, rule: str, component: int, value: str = "") -> str:
    text = frame.format(rule.format(c=_COMPONENTS[component], v=value))
    return text[:1].upper() + text[1:]
