"""From settings to a model: which one, and where it is asked."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import urlsplit

from stoic_emperor.errors import ConfigurationError
from stoic_emperor.llm._addresses import OPENAI_URL, is_in_the_house
from stoic_emperor.llm._hosted import HostedModel
from stoic_emperor.llm.anthropic_messages import AnthropicModel
from stoic_emperor.llm.chat_model import ChatModel, Timeouts
from stoic_emperor.llm.openai_compatible import OpenAICompatible

#: What a model is for: to talk, to review what another wrote, or for small chores such as tagging.
Role = Literal["main", "reviewer", "light"]

_CLAUDE = re.compile(r"(?<![a-z])(claude|sonnet|opus|haiku)(?![a-z])", re.IGNORECASE)

_SETTING_OF = {"main": "LLM_MAIN_MODEL", "reviewer": "LLM_REVIEWER_MODEL", "light": "LLM_LIGHT_MODEL"}


@dataclass(frozen=True, slots=True)
class ModelSettings:
    """Which models there are, and how they are reached. Empty texts count as not set."""

    main: str | None = None
    #: The second opinion of an analysis; without it there is none.
    reviewer: str | None = None
    #: For small chores; the main model where it is not set.
    light: str | None = None
    #: An OpenAI-compatible server: Ollama is http://localhost:11434/v1.
    base_url: str | None = None
    openai_api_key: str | None = field(default=None, repr=False)
    anthropic_api_key: str | None = field(default=None, repr=False)
    timeouts: Timeouts = field(default_factory=Timeouts)


def open_chat_model(settings: ModelSettings, role: Role = "main") -> ChatModel | None:
    """The model for ``role``; None if there is none, which is the library mode for ``main``.

    A name that sounds like Claude goes to Anthropic where its key is there. All others go to the OpenAI-compatible
    server: the one at ``base_url``, or OpenAI's where only its key is set. With a ``base_url``, a name such as
    ``anthropic/claude-sonnet`` is a router's and goes there. Sends nothing.

    Raises:
        ConfigurationError: a setting is missing or impossible; the message names it.
    """
    base_url = _filled(settings.base_url)
    openai_key = _key(settings.openai_api_key, "OPENAI_API_KEY")
    anthropic_key = _key(settings.anthropic_api_key, "ANTHROPIC_API_KEY")
    if not (base_url or openai_key or anthropic_key):
        return None
    name = _name(settings, role)
    if name is None:
        return None
    routed = base_url is not None and "/" in name
    if anthropic_key and _CLAUDE.search(name) and not routed:
        return AnthropicModel(name, anthropic_key, timeouts=settings.timeouts)
    if base_url is None and openai_key is None:
        raise ConfigurationError(
            f"the model {name} needs OPENAI_API_KEY, or LLM_BASE_URL with the address of a server that has it; "
            "ANTHROPIC_API_KEY alone serves only Claude models"
        )
    if base_url is not None:
        _check_address(base_url, openai_key)
    return OpenAICompatible(name, base_url or OPENAI_URL, api_key=openai_key, timeouts=settings.timeouts)


def preload(model: ChatModel) -> None:
    """Import what ``model`` needs for its first reply, about a second's work; for a thread beside a waiting prompt."""
    if isinstance(model, HostedModel):
        model.preload()


def _name(settings: ModelSettings, role: Role) -> str | None:
    wanted = {"main": settings.main, "reviewer": settings.reviewer, "light": settings.light}[role]
    name = _filled(wanted) or (_filled(settings.main) if role == "light" else None)
    if name is None:
        if role == "reviewer":
            return None
        raise ConfigurationError(
            "a key or the address of a server is set, but LLM_MAIN_MODEL names no model: set it to one that "
            "the server has, or unset the key and the address to use the library mode"
        )
    if "${" in name or not name.isprintable():
        raise ConfigurationError(f"{_SETTING_OF[role]} is no name of a model: {name!r}")
    return name


def _key(value: str | None, setting: str) -> str | None:
    key = _filled(value)
    # In a header it would fail later, and with a message that shows it.
    if key is not None and (not key.isascii() or not key.isprintable() or " " in key or "${" in key):
        raise ConfigurationError(f"{setting} holds something that is no key: copy it again, on one line")
    return key


def _check_address(base_url: str, key: str | None) -> None:
    try:
        parts = urlsplit(base_url)
        usable = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable:
        raise ConfigurationError("LLM_BASE_URL is no address of a server: it looks like http://localhost:11434/v1")
    if key is None and not is_in_the_house(base_url):
        raise ConfigurationError(
            f"LLM_BASE_URL is {parts.hostname}, which is not on this machine or network: set OPENAI_API_KEY to its key"
        )


def _filled(value: str | None) -> str | None:
    return (value or "").strip() or None
