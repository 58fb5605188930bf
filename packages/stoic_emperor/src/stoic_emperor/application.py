"""Putting it together: from the configuration to a companion that can be talked with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Self

from pydantic import SecretStr

import capsa
from stoic_emperor.config import Configuration, load_configuration
from stoic_emperor.infrastructure.database import Database
from stoic_emperor.infrastructure.opening import data_folder, database_url, is_older
from stoic_emperor.llm import ChatModel, ModelSettings, Timeouts, open_chat_model

if TYPE_CHECKING:
    from stoic_emperor.companion import Companion
    from stoic_emperor.hosting.auth_server import AuthServer
    from stoic_emperor.infrastructure.person import Person
    from stoic_emperor.library import Library
    from stoic_emperor.library.importing import Progress
    from stoic_emperor.memory.forgetting import Forgetting
    from stoic_emperor.memory.portraying import Portraying
    from stoic_emperor.memory.recall import Recall
    from stoic_emperor.safety.desk import SafetyDesk

#: Who speaks where only one person does; the name that programs of the predecessor's time use.
DEFAULT_USER = "default_user"


@dataclass(frozen=True, slots=True)
class _Models:
    main: ChatModel | None
    reviewer: ChatModel | None
    light: ChatModel | None


@dataclass(frozen=True, slots=True)
class Worked:
    """What was worked off."""

    turns: int
    summaries: int
    #: Turns that the model could not analyse: they go on waiting.
    left: int
    #: Turns that the model was asked about.
    asked: int = 0


class Application:
    """Everything that one process needs, loaded and opened when it is first used: a prompt comes before an answer."""

    def __init__(self, configuration: Configuration) -> None:
        """Nothing is opened yet."""
        self.configuration = configuration
        self._given_up: set[str] = set()

    @classmethod
    def load(cls, home: Path | None = None) -> Self:
        """The application as the configuration describes it.

        Raises:
            ConfigurationError: it cannot be used.
        """
        return cls(load_configuration(home))

    @property
    def database_url(self) -> capsa.DatabaseUrl:
        """Where everything is kept."""
        return database_url(self.configuration.settings.database.url, self.configuration.home)

    def waiting_past(self) -> Path | None:
        """An earlier program's file beside ours that has never been brought along; None if there is none."""
        from stoic_emperor.legacy.earlier import brought

        folder = data_folder(self.database_url)
        older = [path for path in sorted(folder.glob("*.db")) if is_older(path)] if folder.is_dir() else []
        origins = self.database.origins() if older else []
        return next((path for path in older if brought(path, origins) is None), None)

    @cached_property
    def database(self) -> Database:
        """The database, its tables created or migrated.

        Raises:
            capsa.CapsaError: or one of its kinds: it cannot be opened.
        """
        return Database(self.database_url)

    @cached_property
    def embedder(self) -> capsa.Embedder | None:
        """Makes vectors; None if there is to be none."""
        from stoic_emperor.memory.caching import CachingEmbedder

        embedder = capsa.open_embedder(
            self.configuration.settings.memory.embedding_model,
            base_url=self.configuration.settings.models.base_url,
            api_key=_plain(self.configuration.openai_key),
        )
        return None if embedder is None else CachingEmbedder(embedder)

    @cached_property
    def library(self) -> Library:
        """The texts of the Stoics."""
        from stoic_emperor.library import STOIC_WISDOM, Library

        return Library(self.database.engine, self.embedder, collection=STOIC_WISDOM)

    def fill_library(self, beginning: Callable[[], Progress | None] = lambda: None) -> None:
        """Read the starter library in, if that was never done: so that there is something to draw on.

        Texts that came with a past do not take its place; what somebody took out of it stays out. Half of it, as an
        interruption leaves it, is gone on with the next time.

        Args:
            beginning: called before that, if it is to be done; what it gives is told how far it is.
        """
        from stoic_emperor.library import STOIC_WISDOM, Library
        from stoic_emperor.library.starter import starter_library

        folder = starter_library()
        # To find that out, no model is loaded.
        if folder is None or Library(self.database.engine, collection=STOIC_WISDOM).had_starter():
            return
        self.library.import_path(folder, progress=beginning())
        self.library.note_starter()

    @cached_property
    def psychology(self) -> Library:
        """Texts of psychology, searched apart."""
        from stoic_emperor.library import PSYCHOANALYSIS, Library

        return Library(self.database.engine, self.embedder, collection=PSYCHOANALYSIS)

    @cached_property
    def _models(self) -> _Models:
        models = self.configuration.settings.models
        settings = ModelSettings(
            main=models.main,
            reviewer=models.reviewer,
            light=models.light,
            base_url=models.base_url,
            openai_api_key=_plain(self.configuration.openai_key),
            anthropic_api_key=_plain(self.configuration.anthropic_key),
            timeouts=Timeouts(total=models.timeout),
        )
        main = open_chat_model(settings, "main")
        if main is None:
            return _Models(None, None, None)
        return _Models(main, open_chat_model(settings, "reviewer"), open_chat_model(settings, "light"))

    def use_models(
        self, main: ChatModel | None, *, reviewer: ChatModel | None = None, light: ChatModel | None = None
    ) -> None:
        """Take these models and not the configured ones: before anything is opened."""
        self.__dict__["_models"] = _Models(main, reviewer, light)

    @property
    def model(self) -> ChatModel | None:
        """Speaks and reflects; None for the library mode.

        Raises:
            ConfigurationError: a setting is missing or impossible.
        """
        return self._models.main

    @property
    def reviewer(self) -> ChatModel | None:
        """Reviews portraits."""
        return self._models.reviewer

    @property
    def light_model(self) -> ChatModel | None:
        """For small tasks."""
        return self._models.light

    @cached_property
    def desk(self) -> SafetyDesk:
        """Tells who may be in danger; needs nothing else that may be away."""
        from stoic_emperor.safety.desk import SafetyDesk

        return SafetyDesk()

    @cached_property
    def companion(self) -> Companion:
        """Talks with people."""
        from stoic_emperor.companion import Companion

        return Companion(
            self.database,
            model=self.model,
            desk=self.desk,
            libraries=(self.library, self.psychology),
            embedder=self.embedder,
            memory=self.configuration.settings.memory,
            watcher=self.light_model if self.configuration.settings.safety.second_opinion else None,
        )

    @cached_property
    def _store(self) -> capsa.Store:
        return capsa.Store(self.database.engine, embedder=self.embedder)

    @property
    def auth_server(self) -> AuthServer | None:
        """Vouches for people of a Supabase project; None without one."""
        auth = self.configuration.settings.auth
        if auth.supabase_url is None:
            return None
        from stoic_emperor.hosting.auth_server import AuthServer

        return AuthServer(auth.supabase_url, auth.supabase_anon_key, _plain(self.configuration.supabase_service_key))

    def recall(self, user_id: str) -> Recall:
        """The searchable memory of one person."""
        from stoic_emperor.memory.recall import Recall

        return Recall(self._store, user_id)

    def forgetting(self, person: Person) -> Forgetting:
        """Erases what a person wants forgotten."""
        from stoic_emperor.memory.forgetting import Forgetting
        from stoic_emperor.memory.recall import Recall

        server = self.auth_server
        recall = Recall(self.database.store, person.user_id)
        return Forgetting(person, recall, None if server is None else server.forget)

    def portraying(self, person: Person, model: ChatModel) -> Portraying:
        """Writes a person's portrait."""
        from stoic_emperor.memory.portraying import Portraying

        rounds = self.configuration.settings.aegean_consensus.beta_threshold
        return Portraying(person, model, self.reviewer, rounds)

    async def reflect(self, person: Person, most: int = 20, *, past: bool = False, journals: bool = True) -> Worked:
        """Work off what waits to be analysed and condensed.

        Args:
            past: also what was said before the person agreed to it; they have asked for that.
            journals: also what they brought along to be analysed.

        Raises:
            ModelUnavailable, InvalidAnswer: the model failed; what is done is kept, the rest waits.
        """
        if self.model is None:
            return Worked(0, 0, 0)
        from stoic_emperor.memory.condensing import Condensation
        from stoic_emperor.memory.reflecting import Reflection

        recall = self.recall(person.user_id)
        reflection = Reflection(person, recall, self.model, given_up=self._given_up)
        reflected = await reflection.work_off(most, past=past, journals=journals)
        condensation = Condensation(person, self.model, self.configuration.settings.condensation)
        summaries = await condensation.work_off(most if past else 4, past=past)
        return Worked(reflected.turns, len(summaries), reflected.left, reflected.asked)

    async def aclose(self) -> None:
        """Give up all connections."""
        if "_models" in self.__dict__:
            for model in {self._models.main, self._models.reviewer, self._models.light} - {None}:
                if model is not None:
                    await model.close()
        self.close()

    def close(self) -> None:
        """Give up the connections to the database."""
        if "database" in self.__dict__:
            self.database.close()


def _plain(secret: SecretStr | None) -> str | None:
    return None if secret is None else secret.get_secret_value()
