"""The database: Stoic Emperor's own tables and the searchable memory, in one place."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import capsa
from stoic_emperor.companion.lately import Lately
from stoic_emperor.config import load_configuration
from stoic_emperor.hosting import HOUSE
from stoic_emperor.infrastructure._rows import Rows, read_json
from stoic_emperor.infrastructure.of_person import Place
from stoic_emperor.infrastructure.opening import database_url, open_engine
from stoic_emperor.infrastructure.person import Person
from stoic_emperor.models import CondensedSummary, Message, Profile, SemanticInsight, Session, User, new_id, now
from stoic_emperor.safety.findings import Referral

#: A database, however it is named: a URL, or the path of a SQLite file.
Name = str | Path | capsa.DatabaseUrl


@dataclass(frozen=True, slots=True)
class Origin:
    """A past that was brought."""

    #: Paths of files and folders, and URLs without a password, with `` + `` between them.
    location: str
    #: The zone that times without one were read in; None if it had none.
    zone: str | None
    #: Rows that were put aside, or kept out by others in their place.
    left_out: int

    @property
    def locations(self) -> list[str]:
        return self.location.split(" + ")


class Database:
    """Everything that is kept, of every person. Thread-safe.

    `person` gives what one person may see, which is how the application works. The other methods have the names
    that programs of the predecessor's time call; each names the person whose data it touches.
    """

    def __init__(self, url: Name | None = None) -> None:
        """Open the database; its tables are created or migrated here.

        Args:
            url: default ``DATABASE_URL``, else ``database.url`` of ``settings.yaml``, else a SQLite file under
                ``data/``. A path of an older program's file is never written: ours lies beside it.

        Raises:
            ConfigurationError: the configuration names no usable database.
            capsa.CapsaError: or one of its kinds: it cannot be opened.
        """
        if url is None:
            configuration = load_configuration()
            named = database_url(configuration.settings.database.url, configuration.home)
        else:
            named = database_url(url, Path.cwd())
        self.engine = open_engine(named)
        self.rows = Rows(self.engine)
        #: Person -> where they are, as it was read last here: for help while the database is away.
        self.countries = Lately(Place)
        self._scrub: Callable[[], tuple[str, ...]] = self.engine.scrub
        self._statements = capsa.named_statements("stoic_emperor.infrastructure")

    @property
    def url(self) -> capsa.DatabaseUrl:
        """Where it is; ``str()`` of it shows no password."""
        return self.engine.url

    @functools.cached_property
    def store(self) -> capsa.Store:
        """The searchable memory, without an embedder: for what needs none."""
        return capsa.Store(self.engine)

    def person(self, user_id: str) -> Person:
        """What one person may see and change; they need not exist yet."""
        return Person(self, user_id)

    def scrub(self) -> tuple[str, ...]:
        """Leave no trace of erased rows in the database's files; what could not be done, for a person."""
        return self._scrub()

    def scrub_later(self, have_it_done: Callable[[], tuple[str, ...]]) -> None:
        """Let scrubbing be done off a person's path from now on: it takes as long as the whole file is large.

        Args:
            have_it_done: sees to it that ``engine.scrub`` is called soon; what it returns is told to the person.
        """
        self._scrub = have_it_done

    def close(self) -> None:
        """Give up all connections."""
        self.engine.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def statement(self, name: str) -> str:
        """The SQL of a statement in ``sql/queries.sql``."""
        return self._statements[name]

    def origins(self) -> list[Origin]:
        """What a past was brought from, oldest first; as the memory moves on, this goes along."""
        with self.engine.read(HOUSE) as tx:
            rows = tx.execute(self.statement("origins"), {"keeper": HOUSE})
        return [Origin(capsa.from_stored(location), zone, left_out) for location, zone, left_out in rows]

    def add_origin(self, origin: Origin) -> None:
        """Note that a past was brought."""
        values = {"keeper": HOUSE, "location": origin.location, "zone": origin.zone, "left_out": origin.left_out}
        with self.engine.write(HOUSE) as tx:
            tx.execute(
                self.statement("add_origin"), self.rows.parameters({**values, "id": new_id(), "brought_at": now()})
            )

    def sources(self) -> tuple[Path, ...]:
        """The files and folders that a past was brought from, if they are still there, wherever they lie."""
        with self.engine.read(HOUSE) as tx:
            # One that was broken off is no origin yet.
            rows = tx.execute(self.statement("sources_of_transfers"), {"owner": HOUSE})
        begun = (Origin(str(read_json(source)["location"]), None, 0) for (source,) in rows)
        locations = dict.fromkeys(location for origin in (*self.origins(), *begun) for location in origin.locations)
        return tuple(path for path in map(Path, locations) if path.is_absolute() and _is_there(path))

    def users(self) -> list[User]:
        """Everybody, for whoever keeps the house."""
        with self.engine.maintain() as tx:
            return [self.rows.user(row) for row in tx.execute(self.statement("users"))]

    def count_referral(self, referral: Referral) -> None:
        """Count that help was shown: a day and what for, nothing about anybody."""
        values = {
            "id": new_id(),
            "day": referral.day.isoformat(),
            "category": referral.category,
            "level": referral.level,
        }
        with self.engine.write(HOUSE) as tx:
            tx.execute(self.statement("add_referral"), values)

    def referrals(self) -> list[tuple[str, str, str, int]]:
        """Day, category and level -> how often help was shown."""
        with self.engine.read(HOUSE) as tx:
            return [(day, category, level, n) for day, category, level, n in tx.execute(self.statement("referrals"))]

    # Names of the predecessor's time

    def get_or_create_user(self, user_id: str, name: str | None = None) -> User:
        return self.person(user_id).ensure(name)

    def get_user(self, user_id: str) -> User | None:
        return self.person(user_id).get()

    def update_user_name(self, user_id: str, name: str) -> User:
        return self.person(user_id).change(name=name)

    def create_session(
        self, user_id: str, metadata: Mapping[str, Any] | None = None, session_id: str | None = None
    ) -> Session:
        return self.person(user_id).begin_session(metadata=metadata, session_id=session_id)

    def get_session(self, session_id: str, user_id: str) -> Session | None:
        return self.person(user_id).session(session_id)

    def get_latest_session(self, user_id: str) -> Session | None:
        return self.person(user_id).latest_session()

    def get_user_sessions(self, user_id: str, limit: int = 1000) -> list[Session]:
        return [listed.session for listed in self.person(user_id).sessions(limit)]

    def save_message(self, message: Message, user_id: str) -> Message:
        return self.person(user_id).add_message(message)

    def get_session_messages(self, session_id: str, user_id: str) -> list[Message]:
        return self.person(user_id).messages(session_id)

    def get_recent_messages(self, user_id: str, limit: int = 100) -> list[Message]:
        return self.person(user_id).recent_messages(limit)

    def get_unprocessed_messages(self, user_id: str, limit: int = 1000) -> list[Message]:
        return self.person(user_id).unprocessed_replies(limit)

    def mark_messages_processed(self, message_ids: Sequence[str], user_id: str) -> None:
        self.person(user_id).mark_processed(message_ids)

    def save_semantic_insight(self, insight: SemanticInsight) -> SemanticInsight:
        return self.person(insight.user_id).add_insight(insight)

    def get_semantic_insights(self, user_id: str, limit: int = 1000) -> list[SemanticInsight]:
        return self.person(user_id).insights(limit)

    def save_condensed_summary(self, summary: CondensedSummary) -> CondensedSummary:
        return self.person(summary.user_id).add_summary(summary)

    def get_condensed_summaries(self, user_id: str, level: int | None = None) -> list[CondensedSummary]:
        found = self.person(user_id).summaries()
        return found if level is None else [summary for summary in found if summary.level == level]

    def save_profile(self, user_id: str, content: str, consensus_log: Any = None) -> Profile:
        return self.person(user_id).add_profile(content, consensus_log)

    def get_latest_profile(self, user_id: str) -> Profile | None:
        return next(iter(self.person(user_id).profiles(1)), None)


def _is_there(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:
        # In a folder that may not be read.
        return False
