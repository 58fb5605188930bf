"""Models behind OpenAI's interface: OpenAI itself, and Ollama, llama.cpp, vLLM, LM Studio, OpenRouter and others."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import TYPE_CHECKING, Any

from stoic_emperor.llm._addresses import OPENAI_URL, is_loopback, server_of
from stoic_emperor.llm._failures import Endpoint
from stoic_emperor.llm._form import BOUNDS, Form
from stoic_emperor.llm._hosted import Ending, HostedModel, Piece, alternating, part_of
from stoic_emperor.llm._text import clean
from stoic_emperor.llm.chat_model import Prompt, Timeouts

if TYPE_CHECKING:
    import httpx2
    from openai import AsyncOpenAI

_ENDINGS: dict[str, Ending] = {"length": "length", "content_filter": "filtered"}


class OpenAICompatible(HostedModel["AsyncOpenAI"]):
    """Talks through ``POST {base_url}/chat/completions``.

    Protocol: https://platform.openai.com/docs/api-reference/chat

    Args:
        model: as the server calls it.
        base_url: usually ends in ``/v1``.
        api_key: sent as a bearer token; local servers mostly need none. It appears in no message.
        timeouts: how long to wait for what.

    Raises:
        ConfigurationError: the package ``openai`` is not installed.
    """

    _sdk = "openai"

    def __init__(
        self, model: str, base_url: str = OPENAI_URL, *, api_key: str | None = None, timeouts: Timeouts | None = None
    ) -> None:
        endpoint = Endpoint(server_of(base_url), model, "OPENAI_API_KEY", "LLM_BASE_URL")
        super().__init__(endpoint, timeouts or Timeouts(), local=is_loopback(base_url))
        self._base_url = base_url
        self._api_key = api_key

    def _client_over(self, http: httpx2.AsyncClient) -> AsyncOpenAI:
        import openai

        client = openai.AsyncOpenAI(
            # The SDK wants some key, and would take one of another service from the environment.
            api_key=self._api_key or "none",
            base_url=self._base_url,
            max_retries=0,
            http_client=http,
        )
        if not self._is_openai:
            # Taken from the environment too; no other server has to know them.
            client.organization = client.project = None
        # Imported on demand, so it is asked for here and not in the middle of the first reply.
        _ = client.chat.completions
        return client

    @property
    def _is_openai(self) -> bool:
        return self.server == server_of(OPENAI_URL)

    def _errors(self) -> tuple[type[Exception], ...]:
        import openai

        return (openai.OpenAIError,)

    def _request(self, prompt: Prompt) -> dict[str, Any]:
        # OpenAI's own newer models refuse max_tokens; other servers know only that.
        limit = "max_completion_tokens" if self._is_openai else "max_tokens"
        system = clean(prompt.system).strip()
        messages = [{"role": "system", "content": system}] if system else []
        return {
            "model": self.name,
            "messages": messages + alternating(prompt.turns),
            limit: prompt.max_tokens,
        }

    async def _pieces(self, prompt: Prompt) -> AsyncGenerator[Piece, None]:
        from openai import AsyncStream

        completions = self._connect().chat.completions.with_streaming_response
        async with (
            completions.create(**self._request(prompt), stream=True) as response,
            await response.parse(to=AsyncStream[object]) as chunks,
        ):
            async for chunk in chunks:
                choice = _first(chunk)
                delta = part_of(choice, "delta")
                ended = _ending(choice)
                if part_of(delta, "refusal"):
                    ended = "filtered"
                yield Piece(_text(delta), ended)

    async def _ask(self, prompt: Prompt, form: Form[Any] | None) -> Piece:
        request = self._request(prompt)
        if form is not None:
            schema = {"name": form.name, "strict": True, "schema": form.json_schema(BOUNDS)}
            request["response_format"] = {"type": "json_schema", "json_schema": schema}
        async with self._connect().chat.completions.with_streaming_response.create(**request) as response:
            choice = _first(await response.parse(to=object))
        if choice is None:
            raise self._endpoint.garbled()
        message = part_of(choice, "message")
        if part_of(message, "refusal"):
            return Piece(ended="filtered")
        return Piece(_text(message), _ending(choice))


def _first(answer: object) -> object:
    """The first choice, or None."""
    choices = part_of(answer, "choices")
    return choices[0] if isinstance(choices, list) and choices else None


def _ending(choice: object) -> Ending | None:
    reason = part_of(choice, "finish_reason")
    return _ENDINGS.get(reason, "stop") if isinstance(reason, str) and reason else None


def _text(part: object) -> str:
    content = part_of(part, "content")
    return content if isinstance(content, str) else ""
