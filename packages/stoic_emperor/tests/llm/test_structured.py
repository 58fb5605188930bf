"""A form filled in by a model, whatever the model makes of it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any, Literal

import pytest
from pydantic import BaseModel, Field

from stoic_emperor.errors import InvalidAnswer, ModelUnavailable, ReplyFiltered
from stoic_emperor.llm import ChatModel, Prompt, Timeouts, Turn
from stoic_emperor.llm._form import BOUNDS, Form
from stoic_emperor.llm.answers import Confidence, Phrases
from stoic_emperor.testing.models import Drips, FakeServer, Refuses, Says

MakeModel = Callable[..., ChatModel]

PROMPT = Prompt("Observe.", (Turn("user", "my private words"),), max_tokens=50)


class Insight(BaseModel):
    text: str
    confidence: Confidence = 0.5


class Analysis(BaseModel):
    mood: Literal["calm", "stirred"]
    insights: list[Insight] = Field(default_factory=list, max_length=3)
    themes: Phrases = Field(default_factory=list)


GOOD = '{"mood": "calm", "insights": [{"text": "likes walks", "confidence": 85}], "themes": null}'


def filled(model: ChatModel) -> Analysis:
    return asyncio.run(model.extract(PROMPT, Analysis))


def is_good(analysis: Analysis) -> bool:
    return analysis == Analysis(mood="calm", insights=[Insight(text="likes walks", confidence=0.85)])


def system_of(body: Any) -> str:
    return str(body.get("system") or body["messages"][0]["content"])


def last_of(body: Any) -> str:
    return str(body["messages"][-1]["content"])


def has_schema(body: Any) -> bool:
    return "response_format" in body or "output_config" in body


def test_the_schema_is_asked_for_and_the_answer_checked(make_model: MakeModel) -> None:
    with FakeServer([Says(GOOD)]) as server:
        assert is_good(filled(make_model(server)))
        assert has_schema(server.requests[0].body)
        assert len(server.requests) == 1


@pytest.mark.parametrize(
    "answer",
    [
        f"Here is what I see:\n{GOOD}\nTell me more!",
        f"```json\n{GOOD}\n```",
        f"[{GOOD}]",
        f'<think>{{"mood": "stirred"}} perhaps</think>{GOOD}',
        GOOD.replace("}]", "},]").replace("null}", "null,\n}"),
        GOOD.replace("85", '"85%"'),
    ],
)
def test_what_a_model_writes_around_the_answer_is_passed_over(make_model: MakeModel, answer: str) -> None:
    with FakeServer([Says(answer)]) as server:
        assert is_good(filled(make_model(server)))
        assert len(server.requests) == 1


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ('{"mood": "melancholic"}', "mood: Input should be 'calm' or 'stirred'"),
        ('{"mood": "calm", "insights": ["a text"]}', "insights.0"),
        ('{"mood": "calm", "insights": [{"text": "x", "confidence": "rather"}]}', "give a number from 0 to 1"),
        ('{"mood": "calm", "insights": [{"text": "x", "confidence": NaN}]}', "give a number from 0 to 1"),
        ('["calm"]', "no JSON object"),
        ('{"mood": "calm", "insights": [{"text": "x"}', "breaks off"),
        ("I would rather talk about it.", "no JSON object"),
        ("", "no JSON object"),
    ],
)
def test_a_wrong_answer_is_sent_back_once_with_what_is_wrong(make_model: MakeModel, wrong: str, told: str) -> None:
    with FakeServer([Says(wrong), Says(GOOD)]) as server:
        assert is_good(filled(make_model(server)))
        assert told in last_of(server.requests[1].body)
        assert has_schema(server.requests[1].body)


def test_a_server_that_takes_the_schema_and_ignores_it_is_told_in_words(make_model: MakeModel) -> None:
    with FakeServer([Says("Well…"), Says("As I said…"), Says(GOOD)]) as server:
        assert is_good(filled(make_model(server)))
        third = server.requests[2].body
    assert not has_schema(third)
    assert '"mood"' in system_of(third)
    assert last_of(third) == "my private words"


def test_a_server_that_refuses_the_schema_is_told_in_words(make_model: MakeModel) -> None:
    with FakeServer([Refuses(400, "unsupported"), Says("{}"), Says(GOOD)]) as server:
        assert is_good(filled(make_model(server)))
        assert [has_schema(seen.body) for seen in server.requests] == [True, False, False]
        assert "mood" in last_of(server.requests[2].body)


def test_a_request_that_is_refused_without_a_schema_too_is_an_error(make_model: MakeModel) -> None:
    with FakeServer([Refuses(400, "unsupported")]) as server:
        with pytest.raises(ModelUnavailable, match="does not take this request"):
            filled(make_model(server))
        assert len(server.requests) == 2


def test_what_never_fits_is_an_error_that_quotes_nothing(make_model: MakeModel) -> None:
    wrong = '{"mood": "my private words", "my private key": 1, "insights": {"my private words": 1}}'
    with FakeServer([Says(wrong)]) as server:
        with pytest.raises(InvalidAnswer) as caught:
            filled(make_model(server))
        assert len(server.requests) == 3
    assert "Analysis" in str(caught.value)
    assert "private" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_all_requests_of_one_form_share_three_attempts_and_one_time(make_model: MakeModel) -> None:
    with FakeServer([Refuses(500), Says("no"), Refuses(500), Says("no"), Refuses(500)]) as server:
        with pytest.raises(ModelUnavailable, match="status 500"):
            filled(make_model(server))
        assert len(server.requests) == 5
    with FakeServer([Says(GOOD), Drips("no", 0.6)]) as server:
        model = make_model(server, Timeouts(connect=5, first=20, idle=20, total=1))
        filled(model)
        started = time.monotonic()
        with pytest.raises(ModelUnavailable, match="too long"):
            filled(model)
        assert time.monotonic() - started < 5


def test_a_filtered_answer_is_not_asked_for_again(make_model: MakeModel) -> None:
    with FakeServer(
        [lambda seen: Says("", finish="refusal" if "messages" in seen.path[-8:] else "content_filter")]
    ) as server:
        with pytest.raises(ReplyFiltered):
            filled(make_model(server))
        assert len(server.requests) == 1


def test_cancelling_ends_the_request(make_model: MakeModel) -> None:
    async def cancel() -> None:
        task = asyncio.create_task(make_model(server).extract(PROMPT, Analysis))
        assert await asyncio.to_thread(server.asked.wait, 5)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    with FakeServer([Drips(GOOD, 60)]) as server:
        asyncio.run(cancel())
        assert server.left.wait(3)


def test_a_schema_asks_for_every_field_and_no_other() -> None:
    schema = Form(Analysis).json_schema()
    assert schema["required"] == ["mood", "insights", "themes"]
    assert schema["additionalProperties"] is False
    insight = schema["$defs"]["Insight"]
    assert insight["required"] == ["text", "confidence"]
    # What only some servers take is left out where it is not asked for.
    assert insight["properties"]["confidence"] == {"type": "number"}
    assert Form(Analysis).json_schema(BOUNDS)["$defs"]["Insight"]["properties"]["confidence"] == {
        "type": "number",
        "minimum": 0,
        "maximum": 1,
    }


def test_fields_named_like_keywords_keep_their_names() -> None:
    class Odd(BaseModel):
        title: str
        default: int | None
        format: list[str]

    schema = Form(Odd).json_schema()
    assert list(schema["properties"]) == ["title", "default", "format"]
    assert schema["properties"]["default"] == {"anyOf": [{"type": "integer"}, {"type": "null"}]}
    assert schema["properties"]["format"] == {"type": "array", "items": {"type": "string"}}
