"""What happens during one turn, for whoever shows it: a terminal or a page."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from stoic_emperor.library import Passage
    from stoic_emperor.models import Message
    from stoic_emperor.safety import ResourceCard


@dataclass(frozen=True, slots=True)
class Started:
    """What the person said is stored, and a reply is on its way."""

    said: Message
    reply: Message


@dataclass(frozen=True, slots=True)
class HelpShown:
    """Somebody may be in danger: show this before anything else, and whatever else fails."""

    card: ResourceCard
    #: Nothing was found: the second look failed.
    to_be_safe: bool = False
    #: It is the reply that said what must not be said, and was stopped.
    reply_stopped: bool = False


@dataclass(frozen=True, slots=True)
class Piece:
    """More of the reply."""

    text: str


@dataclass(frozen=True, slots=True)
class Finished:
    """The reply is complete and stored; or stopped, and what was shown of it is stored."""

    reply: Message
    #: A line for each quotation: where it stands, or that it is a paraphrase.
    sources: tuple[str, ...] = ()
    #: The passages that were at hand.
    passages: tuple[Passage, ...] = ()


@dataclass(frozen=True, slots=True)
class Failed:
    """The model failed; what the person said is stored, and what came of the reply, too."""

    reply: Message
    message: str
    #: Whether the message tells nothing of the server.
    is_for_everybody: bool = False


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """Somebody else answers in this conversation; what is kept of that so far. Ours begins when it has ended."""

    reply: Message


Event = Started | HelpShown | Piece | Finished | Failed | Elsewhere
