"""What every model behind a server keeps to, whichever protocol it speaks."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import time
import traceback
from collections.abc import Callable

import pytest

from stoic_emperor.errors import (
    EmptyReply,
    ModelBusy,
    ModelRefusesKey,
    ModelTooSlow,
    ModelUnavailable,
    PromptTooLong,
    ReplyCutOff,
    ReplyFiltered,
    ReplyTooLong,
    UnknownModel,
)
from stoic_emperor.llm import ChatModel, Prompt, Timeouts, Turn
from stoic_emperor.llm.anthropic_messages import AnthropicModel
from stoic_emperor.llm.openai_compatible import OpenAICompatible
from stoic_emperor.testing.model_server import Move
from stoic_emperor.testing.models import Breaks, Drips, FakeServer, Hangs, Refuses, Says, Writes

MakeModel = Callable[..., ChatModel]

SAID = "my private words"
PROMPT = Prompt("You are calm.", (Turn("user", SAID),), max_tokens=50)


async def heard(model: ChatModel, prompt: Prompt = PROMPT) -> list[str]:
    return [piece async for piece in model.stream(prompt)]


def failure(model: ChatModel, prompt: Prompt = PROMPT) -> tuple[ModelUnavailable, list[str]]:
    """The error, and what was said before it. Neither it nor its traceback may give anything away."""
    pieces: list[str] = []

    async def listen() -> None:
        async for piece in model.stream(prompt):
            pieces.append(piece)  # noqa: PERF401  # an error must not take along what came before it

    with pytest.raises(ModelUnavailable) as caught:
        asyncio.run(listen())
    told = "".join(traceback.format_exception(caught.value))
    assert "sk-very-secret" not in told
    assert SAID not in told
    return caught.value, pieces


def test_a_reply_comes_in_pieces(make_model: MakeModel) -> None:
    with FakeServer([Says("The obstacle is the way.")]) as server:
        assert asyncio.run(heard(make_model(server))) == ["The ", "obstacle ", "is ", "the ", "way."]


def test_pieces_come_as_they_are_written_not_at_the_end(make_model: MakeModel) -> None:
    async def first() -> float:
        started = time.monotonic()
        async with contextlib.aclosing(model.stream(PROMPT)) as reply:
            await anext(reply)
        return time.monotonic() - started

    with FakeServer([Says("warm"), Drips("one two three four five six seven eight nine ten eleven", 0.5)]) as server:
        model = make_model(server)
        asyncio.run(heard(model))
        assert asyncio.run(first()) < 4


def test_one_model_serves_several_event_loops_and_closes_twice(make_model: MakeModel) -> None:
    with FakeServer([Says("a b")]) as server:
        model = make_model(server)
        for _ in range(3):
            assert asyncio.run(heard(model)) == ["a ", "b"]
        asyncio.run(model.close())
        asyncio.run(model.close())
        assert asyncio.run(heard(model)) == ["a ", "b"]


def test_the_conversation_is_sent_whole_and_in_turn(make_model: MakeModel) -> None:
    turns = (
        Turn("assistant", "left over from before"),
        Turn("user", "first\0"),
        Turn("user", "second \ud83d"),
        Turn("assistant", "  "),
        Turn("user", "third"),
    )
    with FakeServer([Says("ok")]) as server:
        asyncio.run(heard(make_model(server), Prompt("Calm.", turns, 7)))
        body = server.requests[0].body
    messages = [message for message in body["messages"] if message["role"] != "system"]
    assert [message["role"] for message in messages] == ["user", "assistant", "user"]
    assert messages[-1]["content"] == "first\n\nsecond \ufffd\n\nthird"
    assert body["max_tokens"] == 7
    assert "temperature" not in body
    assert "Calm." in str(body)


@pytest.mark.parametrize("status", [500, 502, 503, 529, 408])
def test_a_server_that_stumbles_is_asked_again(make_model: MakeModel, status: int) -> None:
    with FakeServer([Refuses(status), Refuses(status), Says("here")]) as server:
        assert asyncio.run(heard(make_model(server))) == ["here"]
        assert len(server.requests) == 3


def test_a_server_that_keeps_failing_gets_three_requests_and_no_more(make_model: MakeModel) -> None:
    with FakeServer([Refuses(500, message=f"internal: {SAID}")]) as server:
        error, _ = failure(make_model(server))
        assert len(server.requests) == 3
    assert "status 500" in str(error)


def test_after_the_first_words_nothing_is_tried_again(make_model: MakeModel) -> None:
    with FakeServer([Breaks("one two three", after=2)]) as server:
        error, pieces = failure(make_model(server))
        assert len(server.requests) == 1
    assert isinstance(error, ReplyCutOff)
    assert pieces == ["one ", "two "]


def test_an_early_end_in_good_order_is_an_early_end_all_the_same(make_model: MakeModel) -> None:
    with FakeServer([Breaks("one two three", after=2, torn=False)]) as server:
        error, pieces = failure(make_model(server))
    assert isinstance(error, ReplyCutOff)
    assert pieces == ["one ", "two "]


def test_nobody_there(make_model: MakeModel) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    for model in (
        OpenAICompatible("small", f"http://user:sk-very-secret@127.0.0.1:{port}/v1"),
        AnthropicModel("small", "sk-very-secret", base_url=f"http://127.0.0.1:{port}"),
    ):
        error, _ = failure(model)
        assert str(error).startswith(f"127.0.0.1:{port} cannot be reached for the model small")


def test_a_silent_server_is_given_up_once_and_in_time(make_model: MakeModel) -> None:
    with FakeServer([Says("warm"), Hangs()]) as server:
        # What is loaded at the first use takes its time, too.
        asyncio.run(heard(make_model(server, Timeouts(connect=5, first=20, idle=5, total=20))))
        model = make_model(server, Timeouts(connect=5, first=1, idle=5, total=20))
        started = time.monotonic()
        error, _ = failure(model)
        assert time.monotonic() - started < 5
        assert isinstance(error, ModelTooSlow)
        assert len(server.requests) == 2
        assert server.left.wait(5)


def test_a_server_that_falls_silent_midway_keeps_what_it_said(make_model: MakeModel) -> None:
    with FakeServer([Hangs("one two three", after=2)]) as server:
        error, pieces = failure(make_model(server, Timeouts(connect=5, first=20, idle=0.5, total=20)))
    assert isinstance(error, ModelTooSlow)
    assert pieces == ["one ", "two "]


def test_a_slow_drip_ends_with_the_whole_time(make_model: MakeModel) -> None:
    with FakeServer([Says("warm"), Drips("x " * 1000, 0.05)]) as server:
        asyncio.run(heard(make_model(server, Timeouts(connect=5, first=20, idle=20, total=20))))
        model = make_model(server, Timeouts(connect=5, first=20, idle=20, total=1))
        started = time.monotonic()
        error, pieces = failure(model)
        assert time.monotonic() - started < 6
    assert isinstance(error, ModelTooSlow)
    assert pieces


def test_a_reader_that_pauses_does_not_use_up_the_models_time(make_model: MakeModel) -> None:
    async def slowly() -> list[str]:
        pieces = []
        async for piece in model.stream(PROMPT):
            pieces.append(piece)
            await asyncio.sleep(0.3)
        return pieces

    with FakeServer([Says("warm"), Says("a b c d e")]) as server:
        model = make_model(server, Timeouts(connect=5, first=20, idle=20, total=1))
        asyncio.run(heard(model))
        assert len(asyncio.run(slowly())) == 5


def test_closing_the_stream_ends_the_request_at_once(make_model: MakeModel) -> None:
    async def stop_early() -> None:
        async with contextlib.aclosing(make_model(server).stream(PROMPT)) as reply:
            assert await anext(reply) == "one "

    with FakeServer([Hangs("one two three", after=1)]) as server:
        asyncio.run(stop_early())
        assert server.left.wait(3)


def test_cancelling_the_task_ends_the_request_at_once(make_model: MakeModel) -> None:
    async def cancel() -> None:
        task = asyncio.create_task(heard(make_model(server)))
        assert await asyncio.to_thread(server.asked.wait, 5)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    with FakeServer([Hangs()]) as server:
        asyncio.run(cancel())
        assert server.left.wait(3)


def test_a_rate_limit_is_waited_out_as_long_as_asked(make_model: MakeModel) -> None:
    with FakeServer([Refuses(429, "rate_limit_error", retry_after="0.3"), Says("here")]) as server:
        started = time.monotonic()
        assert asyncio.run(heard(make_model(server))) == ["here"]
        assert time.monotonic() - started >= 0.3


@pytest.mark.parametrize(
    ("retry_after", "told"),
    [
        ("3600", "in 60 minutes"),
        ("Fri, 31 Dec 2999 23:59:59 GMT", "hours"),
        ("inf", "in a while"),
        ("soon", "in a while"),
    ],
)
def test_a_long_rate_limit_is_told_and_not_waited_for(make_model: MakeModel, retry_after: str, told: str) -> None:
    with FakeServer([Refuses(429, "rate_limit_error", retry_after=retry_after)]) as server:
        started = time.monotonic()
        error, _ = failure(make_model(server))
        assert time.monotonic() - started < 10
    assert isinstance(error, ModelBusy)
    assert told in str(error)


@pytest.mark.parametrize(
    ("move", "kind", "words"),
    [
        (Refuses(401, "invalid_api_key", f"Incorrect API key: sk-very-secret {SAID}"), ModelRefusesKey, "_API_KEY"),
        (Refuses(403, "permission_error"), ModelRefusesKey, "small"),
        (Refuses(404, "model_not_found", "no model"), UnknownModel, "no model small"),
        (Refuses(400, "invalid_request_error", "prompt is too long: 9 > 8"), PromptTooLong, "start a new one"),
        (Refuses(400, "context_length_exceeded"), PromptTooLong, "start a new one"),
        (Refuses(400, "exceed_context_size_error"), PromptTooLong, "start a new one"),
        (Refuses(413, "request_too_large"), PromptTooLong, "start a new one"),
        (Refuses(429, "insufficient_quota"), ModelBusy, "billing"),
        (Refuses(400, "content_filter"), ReplyFiltered, "filter"),
        (Refuses(400, "odd_parameter", f"bad: {SAID}"), ModelUnavailable, "odd_parameter"),
        (Refuses(418, f"{SAID} as a code"), ModelUnavailable, "418"),
        (Writes("<html>It works!</html>", "text/html"), ModelUnavailable, "small"),
        (Writes("event: x\ndata: {not json\n\n"), ModelUnavailable, "small"),
        (Writes("event: x\ndata: 5\n\ndata: null\n\ndata: []\n\n"), ModelUnavailable, "small"),
    ],
)
def test_every_refusal_has_its_own_words(
    make_model: MakeModel, move: Move, kind: type[ModelUnavailable], words: str
) -> None:
    with FakeServer([move]) as server:
        error, _ = failure(make_model(server))
    assert isinstance(error, kind)
    assert words in str(error)
    assert "\n" not in str(error)


def test_refusals_that_stay_are_not_repeated(make_model: MakeModel) -> None:
    for status in (400, 401, 403, 404, 413):
        with FakeServer([Refuses(status)]) as server:
            failure(make_model(server))
            assert len(server.requests) == 1, status


def test_a_redirect_is_not_followed(make_model: MakeModel) -> None:
    with FakeServer([Says("not for you")]) as elsewhere, FakeServer([Refuses(307, location=elsewhere.url)]) as server:
        failure(make_model(server))
        assert elsewhere.requests == []
        assert len(server.requests) == 1


@pytest.mark.parametrize("text", ["", "   ", "<think>long thoughts, and no word"])
def test_an_empty_reply_is_an_error_after_some_attempts(make_model: MakeModel, text: str) -> None:
    with FakeServer([Says(text)]) as server:
        error, _ = failure(make_model(server))
    assert isinstance(error, EmptyReply)


def test_a_reply_that_was_all_thinking_says_what_to_do(make_model: MakeModel) -> None:
    with FakeServer(
        [lambda seen: Says("", finish="max_tokens" if "messages" in seen.path[-8:] else "length")]
    ) as server:
        error, _ = failure(make_model(server))
        assert len(server.requests) == 1
    assert isinstance(error, EmptyReply)
    assert "more tokens" in str(error)


def test_a_reply_that_came_to_the_end_of_its_length_says_so_after_its_words(make_model: MakeModel) -> None:
    with FakeServer(
        [lambda seen: Says("Cut in the mid", finish="max_tokens" if "messages" in seen.path[-8:] else "length")]
    ) as server:
        error, pieces = failure(make_model(server))
        assert len(server.requests) == 1
    assert isinstance(error, ReplyTooLong)
    assert str(error) == f"the reply came to the end of its length, {PROMPT.max_tokens} tokens"
    assert "".join(pieces) == "Cut in the mid"


def test_a_server_that_does_not_end_is_heard_so_long_and_no_longer(make_model: MakeModel) -> None:
    with FakeServer([Says("word " * 100_000)]) as server:
        error, pieces = failure(make_model(server))
    assert isinstance(error, ReplyTooLong)
    assert 4 * PROMPT.max_tokens < len("".join(pieces)) <= 16 * PROMPT.max_tokens


def test_a_reply_held_back_by_a_filter_is_told(make_model: MakeModel) -> None:
    with FakeServer(
        [lambda seen: Says("I", finish="refusal" if "messages" in seen.path[-8:] else "content_filter")]
    ) as server:
        error, pieces = failure(make_model(server))
    assert isinstance(error, ReplyFiltered)
    assert pieces == ["I"]


def test_thoughts_are_not_spoken(make_model: MakeModel) -> None:
    with FakeServer([Says("", pieces=("<thi", "nk>he is sad</th", "ink>\n\n", "Good ", "day."))]) as server:
        assert "".join(asyncio.run(heard(make_model(server)))) == "Good day."


def test_errors_told_inside_a_stream_are_understood(make_model: MakeModel) -> None:
    anthropic = 'event: error\ndata: {"type": "error", "error": {"type": "overloaded_error", "message": "busy"}}\n\n'
    openai = 'data: {"error": {"code": 502, "message": "upstream"}}\n\n'
    with FakeServer([lambda seen: Writes(anthropic if "messages" in seen.path[-8:] else openai), Says("ok")]) as server:
        assert asyncio.run(heard(make_model(server))) == ["ok"]


def test_only_what_is_ours_goes_to_a_server_that_is_not_openai(
    make_model: MakeModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-of-another")
    monkeypatch.setenv("OPENAI_ORG_ID", "org-of-another")
    monkeypatch.setenv("OPENAI_PROJECT_ID", "project-of-another")
    monkeypatch.setenv("ANTHROPIC_AUTH_TOKEN", "token-of-another")
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
    with FakeServer([Says("ok")]) as server:
        assert asyncio.run(heard(make_model(server))) == ["ok"]
        sent = server.requests[0].headers
    assert "of-another" not in str(sent)
    assert sent["authorization"] == "Bearer sk-very-secret-0815"
    known = {"host", "accept", "accept-encoding", "connection", "content-type", "content-length", "user-agent"}
    ours = known | {"authorization", "anthropic-version"}
    assert {name for name in sent if name not in ours and not name.startswith("x-stainless-")} == set()


def test_a_local_server_without_a_key_gets_none_of_another(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-of-another")
    with FakeServer([Says("ok")]) as server:
        assert asyncio.run(heard(OpenAICompatible("small", server.openai_url))) == ["ok"]
        assert server.requests[0].headers["authorization"] == "Bearer none"


def test_openai_itself_is_told_the_length_in_its_own_word() -> None:
    model = OpenAICompatible("gpt", api_key="k")
    assert model._request(PROMPT)["max_completion_tokens"] == 50
    assert "max_tokens" not in model._request(PROMPT)


def test_a_prompt_ends_with_the_user() -> None:
    with pytest.raises(ValueError, match="ends with what the user said"):
        Prompt("", (Turn("user", "a"), Turn("assistant", "b")), 10)
    with pytest.raises(ValueError, match="at least one token"):
        Prompt("", (Turn("user", "a"),), 0)
