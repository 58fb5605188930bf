"""From settings to a model."""

from __future__ import annotations

import importlib.util
import subprocess
import sys

import pytest

from stoic_emperor.errors import ConfigurationError
from stoic_emperor.llm import ChatModel, LibraryMode, ModelSettings, open_chat_model, preload
from stoic_emperor.llm._addresses import is_in_the_house, is_loopback, server_of
from stoic_emperor.llm._hosted import HostedModel
from stoic_emperor.testing.models import FakeModel

OLLAMA = "http://localhost:11434/v1"


def opened(model: str, **settings: str) -> HostedModel[object]:
    found = open_chat_model(ModelSettings(main=model, **settings))  # type: ignore[arg-type]  # texts, all of them
    assert isinstance(found, HostedModel)
    assert found.name == model
    return found


def test_nothing_configured_is_the_library_mode() -> None:
    assert open_chat_model(ModelSettings()) is None
    assert open_chat_model(ModelSettings(main="gpt-4o", base_url=" ", openai_api_key="")) is None


@pytest.mark.parametrize("name", ["claude-sonnet-4-5", "Claude-3-Opus", "sonnet", "opus4", "my.haiku"])
def test_claude_names_go_to_anthropic_with_its_key(name: str) -> None:
    assert opened(name, anthropic_api_key="a", openai_api_key="o", base_url=OLLAMA).server == "api.anthropic.com"
    assert opened(name, openai_api_key="o").server == "api.openai.com"
    assert opened(name, base_url=OLLAMA).server == "localhost:11434"


@pytest.mark.parametrize("name", ["gpt-4o", "llama3.2", "sonnetto-7b", "magnum-opusculum"])
def test_all_others_go_to_the_compatible_server(name: str) -> None:
    assert opened(name, anthropic_api_key="a", openai_api_key="o").server == "api.openai.com"
    assert opened(name, anthropic_api_key="a", base_url=OLLAMA).server == "localhost:11434"


def test_a_routers_name_for_claude_goes_to_the_router() -> None:
    router = "https://openrouter.ai/api/v1"
    found = opened("anthropic/claude-sonnet", anthropic_api_key="a", openai_api_key="o", base_url=router)
    assert (found.server, found.local) == ("openrouter.ai", False)


def test_roles() -> None:
    settings = ModelSettings(main="a", base_url=OLLAMA)
    light = open_chat_model(settings, "light")
    assert light is not None
    assert light.name == "a"
    assert open_chat_model(settings, "reviewer") is None
    reviewer = open_chat_model(ModelSettings(main="a", reviewer="b", base_url=OLLAMA), "reviewer")
    assert reviewer is not None
    assert reviewer.name == "b"


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        (ModelSettings(openai_api_key="k"), "LLM_MAIN_MODEL"),
        (ModelSettings(main="${LLM_MAIN_MODEL}", openai_api_key="k"), "LLM_MAIN_MODEL"),
        (ModelSettings(main="gpt-4o", anthropic_api_key="k"), "OPENAI_API_KEY"),
        (ModelSettings(main="gpt-4o", openai_api_key="sk-very\nsecret"), "OPENAI_API_KEY"),
        (ModelSettings(main="claude", anthropic_api_key="sk-vërysecret"), "ANTHROPIC_API_KEY"),
        (ModelSettings(main="a", base_url="localhost:11434"), "LLM_BASE_URL"),
        (ModelSettings(main="a", base_url="http://[::1/v1"), "LLM_BASE_URL"),
        (ModelSettings(main="a", base_url="http://localhost:99999/v1"), "LLM_BASE_URL"),
        (ModelSettings(main="a", base_url="https://openrouter.ai/api/v1"), "OPENAI_API_KEY"),
    ],
)
def test_an_impossible_setting_is_named(settings: ModelSettings, named: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        open_chat_model(settings)
    assert named in str(caught.value)
    assert "secret" not in str(caught.value)


def test_keys_are_not_shown() -> None:
    settings = ModelSettings(main="a", base_url="http://me:sk-secret@localhost:1/v1", openai_api_key="sk-secret")
    model = open_chat_model(settings)
    assert "sk-secret" not in repr(model)
    assert "openai_api_key" not in repr(settings)
    assert server_of("http://me:sk-secret@localhost:1/v1") == "localhost:1"


@pytest.mark.parametrize(
    ("url", "here", "house"),
    [
        ("http://localhost:11434/v1", True, True),
        ("http://127.0.0.1/v1", True, True),
        ("http://[::1]:8080/v1", True, True),
        ("http://192.168.1.7:11434/v1", False, True),
        ("http://ollama:11434/v1", False, True),
        ("http://host.docker.internal:11434/v1", False, True),
        ("http://nas.local/v1", False, True),
        ("https://api.openai.com/v1", False, False),
        ("https://localhost.example.com/v1", False, False),
        ("https://127.0.0.1.example.com/v1", False, False),
        ("http://8.8.8.8/v1", False, False),
    ],
)
def test_which_servers_are_here_and_which_in_the_house(url: str, here: bool, house: bool) -> None:
    assert (is_loopback(url), is_in_the_house(url)) == (here, house)


@pytest.mark.parametrize(("model", "package"), [("gpt-4o", "openai"), ("claude-x", "anthropic")])
def test_a_missing_package_names_its_extra(model: str, package: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ConfigurationError) as caught:
        open_chat_model(ModelSettings(main=model, openai_api_key="k", anthropic_api_key="k"))
    assert f'pip install "stoic-emperor[{package}]"' in str(caught.value)


def test_opening_loads_no_sdk_and_preloading_does() -> None:
    script = (
        "import sys\n"
        "from stoic_emperor.llm import ModelSettings, open_chat_model, preload\n"
        "model = open_chat_model(ModelSettings(main='a', base_url='http://localhost:1/v1'))\n"
        "assert not {'openai', 'anthropic', 'httpx2'} & set(sys.modules)\n"
        "preload(model)\n"
        "assert 'openai' in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True, timeout=60)


def test_every_model_keeps_the_protocol() -> None:
    models = [FakeModel(), LibraryMode(), opened("a", base_url=OLLAMA), opened("claude", anthropic_api_key="k")]
    assert all(isinstance(model, ChatModel) for model in models)
    preload(FakeModel())
