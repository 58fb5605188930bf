"""Anthropic's models, through its own interface."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import TYPE_CHECKING, Any

from stoic_emperor.llm._addresses import ANTHROPIC_URL, is_loopback, server_of
from stoic_emperor.llm._failures import Endpoint
from stoic_emperor.llm._form import Form
from stoic_emperor.llm._hosted import Ending, HostedModel, Piece, alternating, part_of
from stoic_emperor.llm._text import clean
from stoic_emperor.llm.chat_model import Prompt, Timeouts

if TYPE_CHECKING:
    import httpx2
    from anthropic import AsyncAnthropic

_ENDINGS: dict[str, Ending] = {
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "refusal": "filtered",
}


class AnthropicModel(HostedModel["AsyncAnthropic"]):
    """Talks through ``POST {base_url}/v1/messages``.

    Protocol: https://platform.claude.com/docs/en/api/messages

    Args:
        model: as Anthropic calls it.
        api_key: appears in no message.
        base_url: another address, for tests and gateways.
        timeouts: how long to wait for what.

    Raises:
        ConfigurationError: the package ``anthropic`` is not installed.
    """

    _sdk = "anthropic"

    def __init__(
        self, model: str, api_key: str, *, base_url: str = ANTHROPIC_URL, timeouts: Timeouts | None = None
    ) -> None:
        endpoint = Endpoint(server_of(base_url), model, "ANTHROPIC_API_KEY", None)
        super().__init__(endpoint, timeouts or Timeouts(), local=is_loopback(base_url))
        self._base_url = base_url
        self._api_key = api_key

    def _client_over(self, http: httpx2.AsyncClient) -> AsyncAnthropic:
        import anthropic

        client = anthropic.AsyncAnthropic(
            api_key=self._api_key,
            base_url=self._base_url,
            max_retries=0,
            http_client=http,
            # The SDK traces by itself where OpenTelemetry is set up, and can be told by the environment to put
            # whole conversations into the traces.
            open_telemetry={"traces": False, "propagation": False},
        )
        # Imported on demand, so it is asked for here and not in the middle of the first reply.
        _ = client.messages
        return client

    def _errors(self) -> tuple[type[Exception], ...]:
        import anthropic

        return (anthropic.AnthropicError,)

    def _request(self, prompt: Prompt) -> dict[str, Any]:
        request: dict[str, Any] = {
            "model": self.name,
            "messages": alternating(prompt.turns),
            "max_tokens": prompt.max_tokens,
            # Without one, the SDK refuses long answers that are not streamed.
            "timeout": self._timeouts.total,
        }
        if system := clean(prompt.system).strip():
            request["system"] = system
        return request

    async def _pieces(self, prompt: Prompt) -> AsyncGenerator[Piece, None]:
        from anthropic import AsyncStream

        messages = self._connect().messages.with_streaming_response
        async with (
            messages.create(**self._request(prompt), stream=True) as response,
            await response.parse(to=AsyncStream[object]) as events,
        ):
            async for event in events:
                # A block of thinking has no text: a sign of life.
                delta = part_of(event, "delta")
                text = part_of(delta, "text")
                yield Piece(text if isinstance(text, str) else "", _ending(delta))

    async def _ask(self, prompt: Prompt, form: Form[Any] | None) -> Piece:
        request = self._request(prompt)
        if form is not None:
            request["output_config"] = {"format": {"type": "json_schema", "schema": form.json_schema()}}
        async with self._connect().messages.with_streaming_response.create(**request) as response:
            message = await response.parse(to=object)
        blocks = part_of(message, "content")
        if not isinstance(blocks, list):
            raise self._endpoint.garbled()
        texts = [part_of(block, "text") for block in blocks if part_of(block, "type") == "text"]
        return Piece("".join(text for text in texts if isinstance(text, str)), _ending(message))


def _ending(part: object) -> Ending | None:
    reason = part_of(part, "stop_reason")
    return _ENDINGS.get(reason, "stop") if isinstance(reason, str) and reason else None
