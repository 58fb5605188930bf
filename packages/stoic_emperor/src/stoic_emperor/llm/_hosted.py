"""What all models behind a server have in common: time, retries, and errors that can be shown."""

from __future__ import annotations

import contextlib
import importlib.util
import json
from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, Literal, TypeVar

from stoic_emperor.errors import ConfigurationError, EmptyReply, ReplyCutOff, ReplyTooLong
from stoic_emperor.llm._effort import Effort, Failed
from stoic_emperor.llm._failures import Endpoint
from stoic_emperor.llm._form import Form
from stoic_emperor.llm._privacy import keep_out_of_logs
from stoic_emperor.llm._structured import filled_in
from stoic_emperor.llm._text import SpokenText, clean
from stoic_emperor.llm.chat_model import Prompt, T, Timeouts, Turn

if TYPE_CHECKING:
    import httpx2

Client = TypeVar("Client")

#: How a reply ended: by itself, at the limit of its length, or held back by a filter.
Ending = Literal["stop", "length", "filtered"]


#: More than any text has on average: a server that does not keep to the tokens it was given is heard no longer.
_LETTERS_A_TOKEN = 16


@dataclass(frozen=True, slots=True)
class Piece:
    """A sign of life from a stream: some text, the ending, or neither while the model thinks unseen."""

    text: str = ""
    ended: Ending | None = None


class HostedModel(ABC, Generic[Client]):
    """A :class:`~stoic_emperor.llm.ChatModel` behind a server.

    The SDK is imported at the first request, which takes a second on a slow machine: :meth:`preload` does it while
    the person still types. No connection is kept between requests – turns of a conversation are minutes apart – so one
    model may serve several event loops, one after the other.
    """

    #: The SDK's module, which is also the name of the extra that installs it.
    _sdk: str

    def __init__(self, endpoint: Endpoint, timeouts: Timeouts, *, local: bool) -> None:
        if importlib.util.find_spec(self._sdk) is None:
            raise ConfigurationError(
                f"the model {endpoint.model} needs the package {self._sdk}, which is not installed: "
                f'pip install "stoic-emperor[{self._sdk}]"'
            )
        self._endpoint = endpoint
        self._timeouts = timeouts
        self._local = local
        self._http: httpx2.AsyncClient | None = None
        self._client: Client | None = None

    @property
    def name(self) -> str:
        return self._endpoint.model

    @property
    def server(self) -> str:
        """Who reads what is sent: a host and its port."""
        return self._endpoint.server

    @property
    def local(self) -> bool:
        """Whether what is sent stays on this machine."""
        return self._local

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.name!r}, {self.server!r})"

    def preload(self) -> None:
        """Import what the first request needs; sends nothing. Meant for a thread beside a waiting prompt."""
        self._connect()

    async def stream(self, prompt: Prompt) -> AsyncGenerator[str, None]:
        effort = Effort(self._timeouts)
        while True:
            spoke = False
            try:
                async with contextlib.aclosing(self._attempt(prompt, effort)) as attempt:
                    async for text in attempt:
                        spoke = True
                        yield text
                return
            except Failed as failed:
                # After the first words a second attempt would say them again, differently.
                if spoke or not await effort.try_again(failed):
                    raise failed.error from None

    async def extract(self, prompt: Prompt, schema: type[T]) -> T:
        effort = Effort(self._timeouts)

        async def ask(asked: Prompt, form: Form[Any] | None) -> str:
            return await self._answer(asked, form, effort)

        try:
            return await filled_in(ask, prompt, Form(schema), model=self.name)
        except Failed as failed:
            raise failed.error from None

    async def close(self) -> None:
        http, self._http, self._client = self._http, None, None
        if http is not None:
            await http.aclose()

    async def _attempt(self, prompt: Prompt, effort: Effort) -> AsyncGenerator[str, None]:
        """One request's reply, as it can be shown."""
        spoken, alive, anything = SpokenText(), False, False
        letters = prompt.max_tokens * _LETTERS_A_TOKEN
        ended: Ending | None = None
        async with contextlib.aclosing(self._pieces(prompt)) as pieces:
            while ended is None:
                limit = self._timeouts.idle if anything else self._timeouts.first
                try:
                    with self._told_plainly(midway=alive):
                        piece = await effort.wait(pieces.__anext__, limit)
                except StopAsyncIteration:
                    break
                alive, ended = True, piece.ended
                text = spoken.feed(piece.text)
                if ended is not None:
                    text += spoken.end()
                if text:
                    anything = anything or not text.isspace()
                    yield text[:letters]
                letters -= len(text)
                if letters < 0:
                    ended = "length"
        if ended == "filtered":
            raise self._endpoint.filtered()
        if ended is None:
            raise self._cut_off()
        if not anything:
            raise self._empty(ended)
        if ended == "length":
            raise Failed(ReplyTooLong(f"the reply came to the end of its length, {prompt.max_tokens:,} tokens"))

    async def _answer(self, prompt: Prompt, form: Form[Any] | None, effort: Effort) -> str:
        """One whole answer; blank if the model said nothing, which is for the form to judge."""
        while True:
            try:
                with self._told_plainly(with_form=form is not None):
                    piece = await effort.wait(lambda: self._ask(prompt, form), self._timeouts.total)
                if piece.ended == "filtered":
                    raise self._endpoint.filtered()
                return clean(piece.text)
            except Failed as failed:
                if not await effort.try_again(failed):
                    raise

    @contextlib.contextmanager
    def _told_plainly(self, *, with_form: bool = False, midway: bool = False) -> Iterator[None]:
        """Turns what goes wrong into :class:`Failed`. The cause is cut off: a traceback of it may quote the prompt.

        Args:
            with_form: a refusal may be about the form that the answer should have had.
            midway: the answer had begun.
        """
        import httpx2

        try:
            yield
        except TimeoutError:
            raise self._endpoint.too_slow() from None
        except self._errors() as error:
            raise self._failed(error, with_form=with_form, midway=midway) from None
        except httpx2.TimeoutException:
            raise self._endpoint.too_slow() from None
        except (httpx2.HTTPError, httpx2.StreamError):
            raise self._broken(midway=midway) from None
        except json.JSONDecodeError:
            raise self._endpoint.garbled() from None

    def _failed(self, error: Exception, *, with_form: bool, midway: bool) -> Failed:
        """The SDK's exceptions have the same names in both."""
        kinds = {kind.__name__ for kind in type(error).__mro__}
        if "APITimeoutError" in kinds:
            return self._endpoint.too_slow()
        if "APIConnectionError" in kinds:
            return self._broken(midway=midway)
        if "APIResponseValidationError" in kinds or "APIError" not in kinds:
            return self._endpoint.garbled()
        return self._endpoint.refused(error, with_form=with_form)

    def _broken(self, *, midway: bool) -> Failed:
        return self._cut_off() if midway else self._endpoint.unreachable()

    def _cut_off(self) -> Failed:
        # Retried if nothing was said yet: the caller knows.
        return Failed(
            ReplyCutOff(f"{self.server} ended the connection before {self.name} had finished: ask again"),
            retryable=True,
        )

    def _empty(self, ended: Ending) -> Failed:
        if ended == "length":
            return Failed(
                EmptyReply(
                    f"{self.name} used up the length of its answer before it said anything: allow it more tokens"
                )
            )
        return Failed(
            EmptyReply(f"{self.name} answered with nothing: ask again, or choose another model"), retryable=True
        )

    def _connect(self) -> Client:
        """The SDK's client.

        A server on this machine is reached directly, whatever proxy the environment names. Redirects are not
        followed: they would carry a conversation to wherever a server points.
        """
        import httpx2

        if self._client is None:
            self._http = httpx2.AsyncClient(
                timeout=httpx2.Timeout(self._timeouts.total, connect=self._timeouts.connect),
                limits=httpx2.Limits(max_connections=20, max_keepalive_connections=0),
                follow_redirects=False,
                trust_env=not self._local,
            )
            self._client = self._client_over(self._http)
            keep_out_of_logs()
        return self._client

    @abstractmethod
    def _client_over(self, http: httpx2.AsyncClient) -> Client:
        """Import the SDK and make its client, without retries of its own, over ``http``."""

    @abstractmethod
    def _errors(self) -> tuple[type[Exception], ...]:
        """What the SDK raises."""

    @abstractmethod
    def _pieces(self, prompt: Prompt) -> AsyncGenerator[Piece, None]:
        """Sends ``prompt`` and yields what comes, up to and including the piece that tells the ending."""

    @abstractmethod
    async def _ask(self, prompt: Prompt, form: Form[Any] | None) -> Piece:
        """Sends ``prompt`` and gives the whole answer."""


def part_of(answer: object, name: str) -> object:
    """A part of what a server sent; None if it is not there: some send little.

    The SDKs are asked for the JSON as it came. Their objects check nothing, and making them takes more than twice as
    long as all else that is done for a token.
    """
    return answer.get(name) if isinstance(answer, dict) else None


def alternating(turns: tuple[Turn, ...]) -> list[dict[str, str]]:
    """The turns as messages that every server takes: none blank, the sides in turn, the user's first.

    Chat templates of local models fail on two messages of one side, or where the assistant begins – which happens when
    a long conversation is cut to what fits.
    """
    messages: list[dict[str, str]] = []
    for turn in turns:
        text = clean(turn.text).strip()
        if not text:
            continue
        if not messages and turn.role == "assistant":
            messages.append({"role": "user", "content": "…"})
        if messages and messages[-1]["role"] == turn.role:
            messages[-1]["content"] += f"\n\n{text}"
        else:
            messages.append({"role": turn.role, "content": text})
    if not messages or messages[-1]["role"] != "user":
        messages.append({"role": "user", "content": "…"})
    return messages
